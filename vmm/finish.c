// SPDX-License-Identifier: ISC
#include "vmm/finish.h"

#include "vmm/die.h"

#include "shared/doorbell_abi.h"

#include <stdbool.h>

/* A reader of our output that has stopped reading holds up an end that we decided for this long. */
#define LAST_OUTPUT_MS 1000

void
finish_output(struct machine *machine, struct end *end, int cancel_fd)
{
	bool is_our_decision = end->kind == END_SIGNAL || end->kind == END_TIMEOUT;
	bool is_success = end->kind == END_GUEST_EXIT || end->kind == END_GUEST_RESET;
	int error =
		devices_drain(&machine->devices, cancel_fd, is_our_decision ? LAST_OUTPUT_MS : -1);

	/* The guest does not know that its last words were lost; its status must not hide it. */
	if (is_success && error != 0) {
		*end = (struct end){ .kind = END_OUTPUT_FAILED, .error = error };
	}
}

/* Nothing else would tell a run with the error from one that ended before it. */
static void
warn_of_not_injected(const struct inject *inject)
{
	for (uint32_t i = 0; i < inject->count; i++) {
		char word[INJECT_WORD_MAX];

		if (!inject->orders[i].is_done) {
			inject_format(&inject->orders[i], word);
			warn("--inject %s: the guest has not come that far", word);
		}
	}
}

void
finish_warnings(struct devices *devices)
{
	/* Known only now: until its end the guest might still have asked. */
	if (events_are_unheard(&devices->events, DOORBELL_EVENT_MODEL)) {
		warn("SIGUSR1: this guest takes no events");
	}
	warn_of_not_injected(&devices->inject);
}
