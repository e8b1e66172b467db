// SPDX-License-Identifier: ISC
/*
 * What a vcpu costs, in instructions under QEMU's -icount, as in costs.c, for both orders of the
 * run loop. The payload times itself: its clock is ours.
 *
 * A hypercall: one that does next to nothing (how many vcpus?), there and back. Enter and exit:
 * that without what handle_exit() does, decoding and dispatch. Load and put: the two calls. Out and
 * in: what a yield and the way back cost a task with a vcpu loaded more than one without. A kick:
 * from a signal to the task, in an interrupt that hits the guest, until vcpu_run() has returned.
 */
#include "guest/errno.h"
#include "guest/main.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_trap.h"
#include "guest/vm_load.h"
#include "shared/payload_abi.h"
#include "shared/scenario_abi.h"

#define ROUNDS     1000
#define STRING_(x) #x
#define STRING(x)  STRING_(x)

/*
 * rdi: 0, ROUNDS hypercalls, and their TSC cycles as the status; 1, the same rounds without the
 * call; 2, for ever.
 */
__asm__(".pushsection .rodata\n"
        "payload:\n"
        "	mov	%rdi, %r12\n"
        "	cmp	$2, %r12\n"
        "	je	3f\n"
        "	mov	$" STRING(ROUNDS) ", %ebx\n"
                                          "	rdtsc\n"
                                          "	shl	$32, %rdx\n"
                                          "	lea	(%rax, %rdx), %r13\n"
                                          "1:	test	%r12, %r12\n"
                                          "	jnz	2f\n"
                                          "	mov	$10, %eax\n"
                                          "	syscall\n"
                                          "2:	dec	%ebx\n"
                                          "	jnz	1b\n"
                                          "	rdtsc\n"
                                          "	shl	$32, %rdx\n"
                                          "	lea	(%rax, %rdx), %rdi\n"
                                          "	sub	%r13, %rdi\n"
                                          "	xor	%eax, %eax\n" /* shutdown */
                                          "	syscall\n"
                                          "3:	jmp	3b\n"
                                          "payload_end:\n"
                                          ".popsection\n");
extern const char payload[], payload_end[];
_Static_assert(HYPERCALL_shutdown == 0 && HYPERCALL_vcpus == 10, "the payload knows them");

static const char *const order_names[] = {
	[VM_EARLY_IRQS_ON] = "irqs-on",
	[VM_EARLY_IRQS_OFF] = "irqs-off",
};

static struct vcpu *
create(enum vm_early early, uint64_t what, struct vm **vm)
{
	struct vm_image image;
	struct vcpu *vcpu = NULL;

	if (vm_load("bench", payload, (size_t)(payload_end - payload), &image) == 0) {
		*vm = vm_create(early, image.mm, image.entry);
		vcpu = *vm != NULL ? vcpu_create(*vm, what) : NULL;
	}
	if (vcpu == NULL) {
		panic("no memory for a vcpu");
	}
	return vcpu;
}

/* ---- enter and exit ---- */

/* handle_exit() of that hypercall, which is the shutdown's exit with another number. */
static uint64_t
handling(struct vcpu *vcpu)
{
	const struct vcpu_trap hypercall = { .kind = VCPU_TRAP_HYPERCALL };
	uint64_t times[2];

	vcpu->stop = VCPU_STOP_NONE;
	for (unsigned int handles = 0; handles < 2; handles++) {
		uint64_t start = arch_cycles();

		for (unsigned int n = 0; n < ROUNDS; n++) {
			arch_vcpu_complete(vcpu, &hypercall, HYPERCALL_vcpus);
			if (handles) {
				handle_exit(vcpu);
			}
		}
		times[handles] = arch_cycles() - start;
	}
	return (times[1] - times[0]) / ROUNDS;
}

static uint64_t handling_cycles;

static uint64_t
cycles_of(enum vm_early early, uint64_t what)
{
	struct vm *vm;
	struct vcpu *vcpu = create(early, what, &vm);
	uint64_t cycles;
	int result = vcpu_run(vcpu);

	ASSERT(result == 0 && vcpu->stop == VCPU_STOP_SHUTDOWN);
	cycles = vcpu->stop_value;
	handling_cycles = handling(vcpu);
	vm_destroy(vm);
	return cycles;
}

static uint64_t
measure_hypercall(enum vm_early early)
{
	return (cycles_of(early, 0) - cycles_of(early, 1)) / ROUNDS;
}

static uint64_t
measure_exit(enum vm_early early)
{
	return measure_hypercall(early) - handling_cycles;
}

/* ---- load and put ---- */

static uint64_t
measure_load(enum vm_early early)
{
	struct vm *vm;
	struct vcpu *vcpu = create(early, 0, &vm);
	uint64_t start = arch_cycles();

	for (unsigned int n = 0; n < ROUNDS; n++) {
		vcpu_load(vcpu);
		vcpu_put(vcpu);
	}
	start = arch_cycles() - start;
	vm_destroy(vm);
	return start / ROUNDS;
}

/* ---- out and in ---- */

static volatile bool partner_stops;

static void
yield_on(void *unused)
{
	(void)unused;
	while (!partner_stops) { /* bounded: by main */
		yield();
	}
}

static uint64_t
yields(void)
{
	struct task *partner;
	uint64_t start;

	partner_stops = false;
	partner = task_run(&(struct task_params){ .comm = "partner", .fn = yield_on });
	start = arch_cycles();
	for (unsigned int n = 0; n < ROUNDS; n++) {
		yield();
	}
	start = arch_cycles() - start;
	partner_stops = true;
	task_join(partner);
	return start;
}

static uint64_t
measure_switch(enum vm_early early)
{
	struct vm *vm;
	struct vcpu *vcpu = create(early, 0, &vm);
	uint64_t plain = yields();
	uint64_t loaded;

	vcpu_load(vcpu);
	loaded = yields();
	vcpu_put(vcpu);
	vm_destroy(vm);
	return (loaded - plain) / ROUNDS;
}

/* ---- a kick ---- */

#define KICK_AFTER_NS 100000

static struct timer kick_timer;
static struct task *runner;
static uint64_t kicked;

static void
kick(struct timer *unused)
{
	(void)unused;
	kicked = arch_cycles();
	send_sig(SIGUSR1, runner);
}

static uint64_t
measure_kick(enum vm_early early)
{
	struct vm *vm;
	struct vcpu *vcpu = create(early, 2, &vm);
	uint64_t returned;
	int result;

	runner = current;
	allow_signal(SIGUSR1);
	timer_init(&kick_timer, kick);
	timer_start(&kick_timer, arch_clock_ns() + KICK_AFTER_NS);
	result = vcpu_run(vcpu);
	returned = arch_cycles();
	ASSERT(result == -EINTR);
	flush_signals(current);
	vm_destroy(vm);
	return returned - kicked;
}

static void
print_row(const char *what, uint64_t (*measure)(enum vm_early), const char *limit)
{
	printk("  %-42s %9lu %9lu %9s\n", what, measure(VM_EARLY_IRQS_ON),
	       measure(VM_EARLY_IRQS_OFF), limit);
}

int
main(void)
{
	preempt_model_set(PREEMPT_FULL);
	printk("  %-42s %9s %9s %9s\n", "a vcpu in ring 3, early handling with", order_names[0],
	       order_names[1], "limit");
	print_row("enter and exit", measure_exit, CONFIG_DEBUG ? "700" : "250");
	print_row("a hypercall: the same, and handle_exit()", measure_hypercall, "-");
	print_row("load and put", measure_load, CONFIG_DEBUG ? "-" : "150");
	print_row("out and in again, more than a yield", measure_switch,
	          CONFIG_DEBUG ? "-" : "200");
	print_row("a kick, until vcpu_run() has returned", measure_kick, "-");
	return EXIT_STATUS_OK;
}
