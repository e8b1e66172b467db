// SPDX-License-Identifier: ISC
#include "vmm/end.h"

#include "shared/scenario_abi.h"

#include <errno.h>
#include <signal.h>

/* What a shell reports of a process that a signal has killed. */
static int
signal_status(int signal)
{
	return 128 + signal;
}

int
end_status(const struct end *end)
{
	switch (end->kind) {
	case END_NONE:
	case END_GUEST_RESET:
		return EXIT_STATUS_OK;
	case END_GUEST_EXIT:
		return end->status;
	case END_GUEST_PANIC:
	case END_CRASH:
	case END_RUN_FAILED:
		return EXIT_STATUS_CRASHED;
	case END_OUTPUT_FAILED:
		return end->error == EPIPE ? signal_status(SIGPIPE) : EXIT_STATUS_CANT_CREATE;
	case END_SIGNAL:
		return signal_status(end->signal);
	case END_TIMEOUT:
		return EXIT_STATUS_TIMEOUT;
	case END_HOST:
		return EXIT_STATUS_OS;
	}
	return EXIT_STATUS_CRASHED;
}
