// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/run.h"

#include "vmm/uart.h"

#include "tests/fuzz/exit/fill.h"
#include "tests/fuzz/exit/host.h"
#include "tests/fuzz/exit/kinds.h"
#include "tests/fuzz/exit/machine.h"
#include "tests/fuzz/exit/model.h"

#include "shared/doorbell_abi.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct exit_run exit_run;

void
exit_find(const char *finding)
{
	if (exit_run.finding == NULL) {
		exit_run.finding = finding;
	}
}

static void
tell(enum fuzz_stream stream, const struct fuzz_item *item)
{
	char line[EXIT_LINE_MAX];

	if (exit_run.print != NULL) {
		exit_kind_format(stream, item, line);
		exit_run.print(line);
	}
}

static void
tell_exit(const struct kvm_run *kvm)
{
	char line[EXIT_LINE_MAX];
	int length;

	if (exit_run.print != NULL) {
		length = snprintf(line, sizeof(line), "exit %u of cpu %u: ", exit_run.exits,
		                  exit_run.cpu);
		exit_format(kvm, line + length, sizeof(line) - (size_t)length);
		exit_run.print(line);
	}
}

void
exit_run_tell_output(void)
{
	char line[EXIT_LINE_MAX];

	if (exit_run.print != NULL && exit_host.output_size != exit_run.told) {
		snprintf(line, sizeof(line), "    %zu bytes of output",
		         exit_host.output_size - exit_run.told);
		exit_run.print(line);
		exit_run.told = exit_host.output_size;
	}
}

void
exit_run_next_reply(void)
{
	exit_run.has_reply = fuzz_next(&exit_run.replies, &exit_run.reply);
	if (exit_run.has_reply) {
		exit_run.reply_at += fuzz_arg(&exit_run.reply, 0, EXIT_REPLY_DELAYS);
	}
}

/* What the guest's memory and cpus have by now. */
void
exit_run_reply(void)
{
	while (exit_run.has_reply && exit_run.reply_at <= exit_run.exits) {
		tell(FUZZ_REPLIES, &exit_run.reply);
		guest_reply(&exit_run.reply);
		exit_run_next_reply();
	}
}

/* The main thread's part that has to do with input, for as long as something wakes it. */
static void
feed(void)
{
	bool was_over;

	do {
		was_over = exit_run.input.is_over;
		exit_run.is_watching = input_prepare(&exit_run.input) == STDIN_FILENO;
		if (!exit_run.is_watching ||
		    (exit_host.input_size == 0 && !exit_host.input_is_over)) {
			break;
		}
		input_read(&exit_run.input);
		if (!was_over && exit_run.input.is_over) {
			model_raise(DOORBELL_EVENT_INPUT_END);
		}
	} while (!exit_run.input.is_over);
}

/* Nobody would look at the input again. */
static bool
input_is_forgotten(void)
{
	bool has_more = exit_host.input_size > 0 || exit_run.input.count > 0 ||
	                (exit_host.input_is_over && !exit_run.input.is_over);

	return has_more && !exit_run.is_watching && exit_host.room_count == 0 &&
	       uart_receive_room(&exit_machine.devices.uart) > 0;
}

static void
check_errors(void)
{
	struct model_errors errors = model_errors();
	uint32_t due = 0;

	for (uint32_t i = 0; i < exit_options.cpu_count; i++) {
		due += atomic_load(&exit_machine.cpus[i].nmi_is_due);
	}
	if (exit_machine.cpus[exit_run.cpu].errors != 0 ||
	    atomic_load(&exit_machine.cpus[exit_run.cpu].nmi_is_due)) {
		exit_find("a cpu goes on without the error that is due");
	} else if (exit_host.nmi_count + due != errors.nmis + exit_run.watchdog_nmis ||
	           exit_host.mce_count != errors.mces ||
	           exit_host.mce_fatal_count != errors.fatal_mces) {
		exit_find("an error came more or less often than it was ordered");
	}
}

/* What the last exit has come to. */
void
exit_run_check(void)
{
	const struct kvm_run *kvm = exit_machine.cpus[exit_run.cpu].kvm;
	const char *finding = model_check(&exit_machine.devices, kvm);

	if (finding != NULL) {
		exit_find(finding);
	}
	if (input_is_forgotten()) {
		exit_find("input has room, and nobody is told");
	}
	if (exit_host.room_count > 0) {
		feed();
	}
	exit_run_tell_output();
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
	exit_run.end = (struct end){ .kind = kind, .signal = signal };
	exit_run.is_over = true;
	atomic_store(&exit_run.stop, true);
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
	struct inject *inject = &exit_machine.devices.inject;
	uint32_t what = DOORBELL_INJECT_NMI + fuzz_arg(op, 0, 3);
	uint32_t exit = 1 + fuzz_arg(op, 1, 8);

	if (exit_run.exits == 0 && inject->count < INJECT_MAX) {
		inject->orders[inject->count++] = (struct inject_order){ what, exit, false };
		model_order(what, exit);
	}
}

static void
watchdog_nmi(uint32_t id)
{
	exit_run.watchdog_nmis += !atomic_exchange(&exit_machine.cpus[id].nmi_is_due, true);
	if (id == exit_run.cpu) {
		exit_machine.cpus[id].kvm->immediate_exit = 1; /* by the kick */
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
		devices_raise_event(&exit_machine.devices, 1u << fuzz_arg(op, 0, 8));
		model_raise(1u << fuzz_arg(op, 0, 8));
		break;
	case OP_NMI:
		watchdog_nmi(fuzz_arg(op, 0, GUEST_CPUS_MAX) % exit_options.cpu_count);
		break;
	case OP_CPU:
		exit_run.next_cpu = fuzz_arg(op, 0, GUEST_CPUS_MAX) % exit_options.cpu_count;
		atomic_store(&exit_run.stop, exit_run.next_cpu != exit_run.cpu);
		break;
	case OP_STOP:
		stop(fuzz_arg(op, 0, 4));
		break;
	case OP_READER:
		exit_host.reader = fuzz_arg(op, 0, EXIT_READER_COUNT);
		exit_host.amount = fuzz_arg(op, 1, 256);
		break;
	case OP_PART:
		exit_run.parts = fuzz_arg(op, 0, 32);
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

	exit_run.run_error = error == EINTR || error == EAGAIN ? 0 : error;
	return fail(error);
}

/* The next exit. A kick comes instead of it. */
static int
enter(struct kvm_run *kvm)
{
	struct fuzz_item op;

	while (fuzz_next(&exit_run.ops, &op)) {
		if (op.kind == OP_ERRNO) {
			tell(FUZZ_OPERATIONS, &op);
			return refuse(&op);
		}
		if (exit_fill(kvm, &op, &exit_run.budget)) {
			exit_run_reply();
			tell_exit(kvm);
			exit_run.exits++;
			model_exit(kvm);
			return 0;
		}
		tell(FUZZ_OPERATIONS, &op);
		happen(&op);
		if (atomic_load(&exit_run.stop) || kvm->immediate_exit) {
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
		exit_find("a cpu runs after the end");
	}
	if (exit_run.parts > 0) {
		exit_fill_part(kvm, exit_run.parts--);
		return 0;
	}
	return fail(EINTR);
}

static int
kvm_run(struct kvm_run *kvm)
{
	if (exit_run.is_over) {
		return settle(kvm);
	}
	exit_run_check();
	if (model_end()->kind != END_NONE) {
		exit_find("a cpu goes on after the end of the run");
	}
	if (kvm->immediate_exit) {
		return fail(EINTR);
	}
	check_errors();
	if (exit_host.was_cancelled || exit_run.finding != NULL) {
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
		return kvm_run(exit_kvm_runs[cpu]);
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
