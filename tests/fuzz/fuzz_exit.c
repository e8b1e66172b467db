// SPDX-License-Identifier: ISC
/*
 * The VMM below its threads, without KVM: the loop of a cpu's thread, the dispatch of exits, all
 * devices, the console, the input, and the report, over whatever a guest does, leaves in its
 * memory, and is found to hold. KVM_RUN comes here (exit/host.h) and gets the input's next exit.
 *
 * Its claims: the model's (exit/model.h); every exit goes on, or ends the run with one of the
 * README's statuses and its message; nothing but the ring's tail is written to the guest's memory;
 * no cpu goes on without an error that was ordered for it; input that has room is not forgotten;
 * of a trace, the last records or none are read; the same input has the same output.
 */
#include "vmm/cpu.h"
#include "vmm/finish.h"
#include "vmm/report.h"

#include "tests/fuzz/exit/check.h"
#include "tests/fuzz/exit/host.h"
#include "tests/fuzz/exit/kinds.h"
#include "tests/fuzz/exit/machine.h"
#include "tests/fuzz/exit/model.h"
#include "tests/fuzz/exit/run.h"
#include "tests/fuzz/exit/text.h"
#include "tests/fuzz/target.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define INPUT_SIZE_MAX 1024u

/* All exits, each on its cpu's loop, until one of them or the host ends the exit_run. */
static void
run_cpus(void)
{
	while (!exit_run.is_over) {
		struct end end;

		exit_run.cpu = exit_run.next_cpu;
		atomic_store(&exit_run.stop, false);
		end = cpu_run(&exit_machine.cpus[exit_run.cpu], &exit_machine.devices,
		              &exit_run.stop);
		if (end.kind != END_NONE) {
			exit_run.end = end;
			exit_run.is_over = true;
			exit_run_check();
		}
	}
}

static void
check_end(void)
{
	struct end expected = *model_end();

	if (exit_run.run_error != 0) {
		expected = (struct end){ .kind = END_RUN_FAILED, .error = exit_run.run_error };
	} else if (expected.kind == END_NONE) {
		expected = exit_run.end;
		if (exit_run.end.kind != END_SIGNAL && exit_run.end.kind != END_TIMEOUT) {
			exit_find("the run ends for no reason");
		}
	}
	if (exit_run.end.kind != expected.kind || exit_run.end.status != expected.status ||
	    exit_run.end.error != expected.error ||
	    exit_run.end.preempt_disable_ip != expected.preempt_disable_ip) {
		exit_find("the run ends in another way than its last exit asks for");
	}
}

/* As vmm/exit_run.c and vmm/main.c do once no thread is left. */
static void
finish(void)
{
	struct end expected;

	exit_run_reply();
	check_end();
	expected = exit_run.end;
	finish_output(&exit_machine, &exit_run.end, EXIT_FD_ENDED);
	model_finish(&expected);
	if (exit_run.end.kind != expected.kind || exit_run.end.error != expected.error) {
		exit_find("lost output does not count, or output that was not lost does");
	}
	finish_warnings(&exit_machine.devices);
	report_end(&exit_machine, &exit_run.end);
	if (!guest_memory_is_its_own()) {
		exit_find("the VMM has written to the guest's memory");
	}
	names_destroy(&exit_machine.devices.console.names);
	devices_destroy(&exit_machine.devices);
}

static void
play(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	exit_host_enter();
	exit_machine_set_up(data, size);
	exit_run.print = print;
	run_cpus();
	finish();
	exit_host_leave();
}

static const char *
run_once(const uint8_t *data, size_t size)
{
	play(data, size, NULL);
	if (exit_run.finding == NULL) {
		exit_run.finding = text_check_all();
	}
	if (exit_run.finding == NULL) {
		exit_run.finding = exit_check_report(&exit_run.end);
	}
	for (uint32_t i = 0; i <= exit_options.cpu_count && exit_run.finding == NULL; i++) {
		exit_run.finding = exit_check_trace(i, &exit_run.end);
	}
	return exit_run.finding;
}

static bool
begin(const char *bug)
{
	exit_machine_begin();
	return bug == NULL;
}

/* libFuzzer's counters of edges, where there are any. */
extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));

/* How often an edge was taken is how long a string or the input was: that is nothing new. */
static void
forget_counts(void)
{
	for (uint8_t *count = __start___sancov_cntrs; count < __stop___sancov_cntrs; count++) {
		*count = *count != 0;
	}
}

static const char *
run_input(const uint8_t *data, size_t size)
{
	const char *finding = run_once(data, size);
#ifdef __SANITIZE_ADDRESS__
	uint64_t hash = exit_check_hash(&exit_run.end);

	/* Where time does not count. */
	if (finding == NULL) {
		finding = run_once(data, size);
	}
	if (finding == NULL && exit_check_hash(&exit_run.end) != hash) {
		finding = "the same input has another output";
	}
#endif
	forget_counts();
	return finding;
}

static void
tell_report(void (*print)(const char *line))
{
	size_t at = 0;

	while (at < exit_host.report_size) {
		const char *end = memchr(exit_report + at, '\n', exit_host.report_size - at);
		size_t length =
			end == NULL ? exit_host.report_size - at : (size_t)(end - exit_report) - at;
		char line[EXIT_LINE_MAX];

		snprintf(line, sizeof(line), "%.*s", (int)length, exit_report + at);
		print(line);
		at += length + 1;
	}
}

static void
tell_input(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	char line[EXIT_LINE_MAX];

	play(data, size, print);
	exit_run_tell_output();
	tell_report(print);
	snprintf(line, sizeof(line), "status %d, %zu bytes of output, hash %016llx",
	         end_status(&exit_run.end), exit_host.output_size,
	         (unsigned long long)exit_check_hash(&exit_run.end));
	print(line);
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_exit",
	.size_max = INPUT_SIZE_MAX,
	.kinds = exit_kinds,
	.kind_count = EXIT_KIND_COUNT,
	.begin = begin,
	.run = run_input,
	.tell = tell_input,
};
