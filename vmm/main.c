// SPDX-License-Identifier: ISC
#include "vmm/end.h"
#include "vmm/machine.h"
#include "vmm/options.h"
#include "vmm/report.h"
#include "vmm/run.h"

#include "shared/scenario_abi.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int
main(int argc, char **argv)
{
	/* Static for its size only. */
	static struct options options;
	static struct machine machine;
	double start_ms, ready_ms;
	struct end end;

	run_block_signals();
	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_USAGE:
		return EXIT_STATUS_USAGE;
	case OPTIONS_EXIT:
		return EXIT_STATUS_OK;
	case OPTIONS_RUN:
		break;
	}
	start_ms = now_ms();
	machine_plan(&machine, &options);
	if (options.dump_dtb != NULL) {
		machine_dump_tree(&machine);
		return EXIT_STATUS_OK;
	}
	machine_create(&machine, STDOUT_FILENO);
	ready_ms = now_ms();
	if (options.verbosity > 0) {
		machine_print(&machine);
		fprintf(stderr, "vmm: set up in %.3f ms\n", ready_ms - start_ms);
		start_ms = now_ms();
	}
	end = run_machine(&machine);
	report_end(&machine, &end);
	if (options.verbosity > 0) {
		fprintf(stderr, "vmm: ran for %.3f ms\n", now_ms() - start_ms);
	}
	machine_destroy(&machine);
	return end_status(&end);
}
