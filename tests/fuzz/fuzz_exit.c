// SPDX-License-Identifier: ISC
/*
 * The VMM below its threads, without KVM: the loop of a cpu's thread, the dispatch of exits, all
 * devices, the console, the input, and the report, over whatever a guest does, leaves in its
 * memory, and is found to hold. KVM_RUN comes here (exit_host.h) and gets the input's next exit.
 *
 * Its claims: the model's (exit_model.h); every exit goes on, or ends the run with one of the
 * README's statuses and its message; nothing but the ring's tail is written to the guest's memory;
 * no cpu goes on without an error that was ordered for it; input that has room is not forgotten;
 * of a trace, the last records or none are read; the same input has the same output.
 */
#include "vmm/cpu.h"
#include "vmm/finish.h"
#include "vmm/input.h"
#include "vmm/machine.h"
#include "vmm/report.h"

#include "tests/fuzz/exit_check.h"
#include "tests/fuzz/exit_fill.h"
#include "tests/fuzz/exit_guest.h"
#include "tests/fuzz/exit_host.h"
#include "tests/fuzz/exit_image.h"
#include "tests/fuzz/exit_kinds.h"
#include "tests/fuzz/exit_model.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

#include "shared/doorbell_abi.h"
#include "shared/trace_abi.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SIZE_MAX_INPUT 1024u
#define BUDGET         1024u /* elements of strings */

static struct options options = { .timeout_ns = 1000000000 };
static struct machine machine;
static struct kvm_run *kvm_runs[GUEST_CPUS_MAX];

static struct {
	struct fuzz_cursor ops, replies;
	struct fuzz_item reply;
	bool has_reply;
	uint32_t reply_at; /* after how many exits it is there */

	struct input input;
	bool is_watching; /* someone waits for standard input */
	uint32_t exits, budget, parts;
	uint32_t cpu, next_cpu;
	uint32_t watchdog_nmis;
	atomic_bool stop; /* of cpu_run() */
	bool is_over;
	struct end end; /* the first one, whoever's it is */
	int run_error;  /* KVM_RUN's, that must end the run */
	const char *finding;
	void (*print)(const char *line);
	size_t told; /* of the output */
} run;

static void
find(const char *finding)
{
	if (run.finding == NULL) {
		run.finding = finding;
	}
}

static void
tell(enum fuzz_stream stream, const struct fuzz_item *item)
{
	char line[EXIT_LINE_MAX];

	if (run.print != NULL) {
		exit_kind_format(stream, item, line);
		run.print(line);
	}
}

static void
tell_exit(const struct kvm_run *kvm)
{
	char line[EXIT_LINE_MAX];
	int length;

	if (run.print != NULL) {
		length = snprintf(line, sizeof(line), "exit %u of cpu %u: ", run.exits, run.cpu);
		exit_format(kvm, line + length, sizeof(line) - (size_t)length);
		run.print(line);
	}
}

static void
tell_output(void)
{
	char line[EXIT_LINE_MAX];

	if (run.print != NULL && exit_host.output_size != run.told) {
		snprintf(line, sizeof(line), "    %zu bytes of output",
		         exit_host.output_size - run.told);
		run.print(line);
		run.told = exit_host.output_size;
	}
}

static void
next_reply(void)
{
	run.has_reply = fuzz_next(&run.replies, &run.reply);
	if (run.has_reply) {
		run.reply_at += fuzz_arg(&run.reply, 0, EXIT_REPLY_DELAYS);
	}
}

/* What the guest's memory and cpus have by now. */
static void
reply(void)
{
	while (run.has_reply && run.reply_at <= run.exits) {
		tell(FUZZ_REPLIES, &run.reply);
		guest_reply(&run.reply);
		next_reply();
	}
}

/* The main thread's part that has to do with input, for as long as something wakes it. */
static void
feed(void)
{
	bool was_over;

	do {
		was_over = run.input.is_over;
		run.is_watching = input_prepare(&run.input) == STDIN_FILENO;
		if (!run.is_watching || (exit_host.input_size == 0 && !exit_host.input_is_over)) {
			break;
		}
		input_read(&run.input);
		if (!was_over && run.input.is_over) {
			model_raise(DOORBELL_EVENT_INPUT_END);
		}
	} while (!run.input.is_over);
}

/* Nobody would look at the input again. */
static bool
input_is_forgotten(void)
{
	bool has_more = exit_host.input_size > 0 || run.input.count > 0 ||
	                (exit_host.input_is_over && !run.input.is_over);

	return has_more && !run.is_watching && exit_host.room_count == 0 &&
	       uart_receive_room(&machine.devices.uart) > 0;
}

static void
check_errors(void)
{
	struct model_errors errors = model_errors();
	uint32_t due = 0;

	for (uint32_t i = 0; i < options.cpu_count; i++) {
		due += atomic_load(&machine.cpus[i].nmi_is_due);
	}
	if (machine.cpus[run.cpu].errors != 0 || atomic_load(&machine.cpus[run.cpu].nmi_is_due)) {
		find("a cpu goes on without the error that is due");
	} else if (exit_host.nmi_count + due != errors.nmis + run.watchdog_nmis ||
	           exit_host.mce_count != errors.mces ||
	           exit_host.mce_fatal_count != errors.fatal_mces) {
		find("an error came more or less often than it was ordered");
	}
}

/* What the last exit has come to. */
static void
check_exit(void)
{
	const struct kvm_run *kvm = machine.cpus[run.cpu].kvm;
	const char *finding = model_check(&machine.devices, kvm);

	if (finding != NULL) {
		find(finding);
	}
	if (input_is_forgotten()) {
		find("input has room, and nobody is told");
	}
	if (exit_host.room_count > 0) {
		feed();
	}
	tell_output();
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

static void
end_by_host(enum end_kind kind, int signal)
{
	run.end = (struct end){ .kind = kind, .signal = signal };
	run.is_over = true;
	atomic_store(&run.stop, true);
}

static void
stop(unsigned int why)
{
	static const int signals[] = { 0, SIGINT, SIGTERM, SIGHUP };

	end_by_host(why == 0 ? END_TIMEOUT : END_SIGNAL, signals[why]);
}

static void
type_input(const struct fuzz_item *op)
{
	struct exit_host *host = &exit_host;

	for (unsigned int i = 0; i < fuzz_arg(op, 0, 40); i++) {
		if (!host->input_is_over && host->input_size < sizeof(host->input)) {
			host->input[host->input_size++] = (uint8_t)(fuzz_arg(op, 1, 256) + i);
		}
	}
	feed();
}

static void
order(const struct fuzz_item *op)
{
	struct inject *inject = &machine.devices.inject;
	uint32_t what = DOORBELL_INJECT_NMI + fuzz_arg(op, 0, 3);
	uint32_t exit = 1 + fuzz_arg(op, 1, 8);

	if (run.exits == 0 && inject->count < INJECT_MAX) {
		inject->orders[inject->count++] = (struct inject_order){ what, exit, false };
		model_order(what, exit);
	}
}

static void
watchdog_nmi(uint32_t id)
{
	run.watchdog_nmis += !atomic_exchange(&machine.cpus[id].nmi_is_due, true);
	if (id == run.cpu) {
		machine.cpus[id].kvm->immediate_exit = 1; /* by the kick */
	}
}

/* What the host does between two exits. */
static void
happen(const struct fuzz_item *op)
{
	switch ((enum exit_op)op->kind) {
	case OP_INPUT:
		type_input(op);
		break;
	case OP_INPUT_END:
		exit_host.input_is_over = true;
		feed();
		break;
	case OP_EVENT:
		devices_raise_event(&machine.devices, 1u << fuzz_arg(op, 0, 8));
		model_raise(1u << fuzz_arg(op, 0, 8));
		break;
	case OP_NMI:
		watchdog_nmi(fuzz_arg(op, 0, GUEST_CPUS_MAX) % options.cpu_count);
		break;
	case OP_CPU:
		run.next_cpu = fuzz_arg(op, 0, GUEST_CPUS_MAX) % options.cpu_count;
		atomic_store(&run.stop, run.next_cpu != run.cpu);
		break;
	case OP_STOP:
		stop(fuzz_arg(op, 0, 4));
		break;
	case OP_READER:
		exit_host.reader = fuzz_arg(op, 0, EXIT_READER_COUNT);
		exit_host.amount = fuzz_arg(op, 1, 256);
		break;
	case OP_PART:
		run.parts = fuzz_arg(op, 0, 32);
		break;
	case OP_ORDER:
		order(op);
		break;
	default:
		break;
	}
}

/* KVM_RUN itself fails. */
static int
refuse(const struct fuzz_item *op)
{
	static const int errors[] = { EINTR, EAGAIN, EFAULT, ENOMEM, EINVAL, EIO, ENOSYS, EEXIST };
	int error = errors[fuzz_arg(op, 0, 8)];

	run.run_error = error == EINTR || error == EAGAIN ? 0 : error;
	return fail(error);
}

/* The next exit. A kick comes instead of it. */
static int
enter(struct kvm_run *kvm)
{
	struct fuzz_item op;

	while (fuzz_next(&run.ops, &op)) {
		if (op.kind == OP_ERRNO) {
			tell(FUZZ_OPERATIONS, &op);
			return refuse(&op);
		}
		if (exit_fill(kvm, &op, &run.budget)) {
			reply();
			tell_exit(kvm);
			run.exits++;
			model_exit(kvm);
			return 0;
		}
		tell(FUZZ_OPERATIONS, &op);
		happen(&op);
		if (atomic_load(&run.stop) || kvm->immediate_exit) {
			return fail(EINTR);
		}
	}
	stop(1);
	return fail(EINTR);
}

/* Registers are read once the instruction is complete: KVM_RUN does no more than that. */
static int
settle(struct kvm_run *kvm)
{
	if (!kvm->immediate_exit) {
		find("a cpu runs after the end");
	}
	if (run.parts > 0) {
		exit_fill_part(kvm, run.parts--);
		return 0;
	}
	return fail(EINTR);
}

static int
kvm_run(struct kvm_run *kvm)
{
	if (run.is_over) {
		return settle(kvm);
	}
	check_exit();
	if (model_end()->kind != END_NONE) {
		find("a cpu goes on after the end of the run");
	}
	if (kvm->immediate_exit) {
		return fail(EINTR);
	}
	check_errors();
	if (exit_host.was_cancelled || run.finding != NULL) {
		stop(1);
		return fail(EINTR);
	}
	return enter(kvm);
}

static int
set_mce(const struct kvm_x86_mce *mce)
{
	bool is_fatal = (mce->status & 1ull << 57) != 0;

	exit_host.mce_count += !is_fatal;
	exit_host.mce_fatal_count += is_fatal;
	return 0;
}

int
exit_cpu_ioctl(uint32_t cpu, unsigned long request, void *argument)
{
	switch (request) {
	case KVM_RUN:
		return kvm_run(kvm_runs[cpu]);
	case KVM_NMI:
		exit_host.nmi_count++;
		return 0;
	case KVM_X86_SET_MCE:
		return set_mce(argument);
	case KVM_GET_REGS:
		return guest_get_regs(cpu, argument);
	case KVM_GET_SREGS:
		return guest_get_sregs(cpu, argument);
	case KVM_GET_MP_STATE:
		return guest_get_mp_state(cpu, argument);
	case KVM_TRANSLATE:
		return guest_translate(argument);
	default:
		exit_host.refused++;
		return fail(ENOTTY);
	}
}

/* The first operation may say what machine it is. */
static struct fuzz_item
machine_of(const struct fuzz_input *input)
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	if (!fuzz_next(&cursor, &item) || item.kind != OP_MACHINE) {
		item.length = 0;
	}
	return item;
}

static void
set_up_memory(const struct fuzz_item *item, uint64_t ring_region)
{
	static const uint64_t trace_sizes[] = {
		TRACE_HEADER_SIZE + GUEST_CPUS_MAX * GUEST_CAPACITY * sizeof(struct trace_record),
		0,
		TRACE_HEADER_SIZE,
		TRACE_HEADER_SIZE + GUEST_CPUS_MAX * sizeof(struct trace_record),
	};

	guest_reset(ring_region, trace_sizes[fuzz_arg(item, 2, 4)]);
	machine.plan.trace = guest.trace;
	machine.vm.memory = guest.memory;
}

static void
set_up_devices(const struct fuzz_item *item, uint64_t ring_region)
{
	bool is_named = fuzz_arg(item, 1, 2) != 0;
	struct console *console = &machine.devices.console;

	machine.image.bytes = is_named ? exit_image : NULL;
	machine.image.size = is_named ? exit_image_size : 0;
	devices_init(&machine.devices, &machine.vm.memory, EXIT_FD_VM, EXIT_FD_OUTPUT);
	names_init(&console->names, machine.image.bytes, machine.image.size);
	console->cancel_fd = EXIT_FD_ENDED;
	if (ring_region != 0) {
		if (!console_init_ring(console, gpa(GUEST_RING_AT), ring_region)) {
			find("a ring that lies in memory is refused");
		}
		guest_has_ring(console->size);
	}
	if (input_init(&run.input, &machine.devices) != 0) {
		find("the input cannot be set up");
	}
	model_reset(console->size, is_named);
}

static void
set_up(const uint8_t *data, size_t size)
{
	static const uint64_t ring_regions[] = { 16 + 256, CONSOLE_REGION_SIZE, 0, 16 + 64 };
	static struct fuzz_input input;
	struct fuzz_item item;
	uint64_t ring_region;

	memset(&run, 0, sizeof(run));
	input = fuzz_input(data, size, GUEST_CPUS_MAX);
	item = machine_of(&input);
	run.ops = fuzz_cursor(&input, FUZZ_OPERATIONS);
	run.replies = fuzz_cursor(&input, FUZZ_REPLIES);
	run.budget = BUDGET;
	options.cpu_count = input.header.cpus + 1u;
	for (uint32_t i = 0; i < options.cpu_count; i++) {
		kvm_runs[i]->immediate_exit = 0;
		kvm_runs[i]->exit_reason = KVM_EXIT_UNKNOWN;
		machine.cpus[i] = (struct cpu){
			.id = i,
			.fd = EXIT_FD_CPU + (int)i,
			.kvm_size = EXIT_KVM_SIZE,
			.kvm = kvm_runs[i],
		};
	}
	ring_region = ring_regions[fuzz_arg(&item, 0, 4)];
	set_up_memory(&item, ring_region);
	set_up_devices(&item, ring_region);
	next_reply();
}

/* All exits, each on its cpu's loop, until one of them or the host ends the run. */
static void
run_cpus(void)
{
	while (!run.is_over) {
		struct end end;

		run.cpu = run.next_cpu;
		atomic_store(&run.stop, false);
		end = cpu_run(&machine.cpus[run.cpu], &machine.devices, &run.stop);
		if (end.kind != END_NONE) {
			run.end = end;
			run.is_over = true;
			check_exit();
		}
	}
}

static void
check_end(void)
{
	struct end expected = *model_end();

	if (run.run_error != 0) {
		expected = (struct end){ .kind = END_RUN_FAILED, .error = run.run_error };
	} else if (expected.kind == END_NONE) {
		expected = run.end;
		if (run.end.kind != END_SIGNAL && run.end.kind != END_TIMEOUT) {
			find("the run ends for no reason");
		}
	}
	if (run.end.kind != expected.kind || run.end.status != expected.status ||
	    run.end.error != expected.error ||
	    run.end.preempt_disable_ip != expected.preempt_disable_ip) {
		find("the run ends in another way than its last exit asks for");
	}
}

/* As vmm/run.c and vmm/main.c do once no thread is left. */
static void
finish(void)
{
	struct end expected;

	reply();
	check_end();
	expected = run.end;
	finish_output(&machine, &run.end, EXIT_FD_ENDED);
	model_finish(&expected);
	if (run.end.kind != expected.kind || run.end.error != expected.error) {
		find("lost output does not count, or output that was not lost does");
	}
	finish_warnings(&machine.devices);
	report_end(&machine, &run.end);
	if (!guest_memory_is_its_own()) {
		find("the VMM has written to the guest's memory");
	}
	names_destroy(&machine.devices.console.names);
	devices_destroy(&machine.devices);
}

static void
play(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	exit_host_enter();
	set_up(data, size);
	run.print = print;
	run_cpus();
	finish();
	exit_host_leave();
}

static const char *
run_once(const uint8_t *data, size_t size)
{
	play(data, size, NULL);
	if (run.finding == NULL) {
		run.finding = model_check_output();
	}
	if (run.finding == NULL) {
		run.finding = exit_check_report(&run.end);
	}
	for (uint32_t i = 0; i <= options.cpu_count && run.finding == NULL; i++) {
		run.finding = exit_check_trace(i, &run.end);
	}
	return run.finding;
}

static bool
begin(const char *bug)
{
	exit_host_begin();
	guest_begin();
	for (unsigned int i = 0; i < GUEST_CPUS_MAX; i++) {
		kvm_runs[i] = calloc(1, EXIT_KVM_SIZE);
		if (kvm_runs[i] == NULL) {
			abort();
		}
	}
	machine.options = &options;
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
	uint64_t hash = exit_check_hash(&run.end);

	/* Where time does not count. */
	if (finding == NULL) {
		finding = run_once(data, size);
	}
	if (finding == NULL && exit_check_hash(&run.end) != hash) {
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
	tell_output();
	tell_report(print);
	snprintf(line, sizeof(line), "status %d, %zu bytes of output, hash %016llx",
	         end_status(&run.end), exit_host.output_size,
	         (unsigned long long)exit_check_hash(&run.end));
	print(line);
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_exit",
	.size_max = SIZE_MAX_INPUT,
	.kinds = exit_kinds,
	.kind_count = EXIT_KIND_COUNT,
	.begin = begin,
	.run = run_input,
	.tell = tell_input,
};
