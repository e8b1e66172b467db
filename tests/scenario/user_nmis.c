// SPDX-License-Identifier: ISC
/*
 * NMIs on every way into the kernel from ring 3 and back: each instruction of entry.S before it has
 * the kernel's GS, or when it has it no more, is interrupted. The PIT raises them, through the I/O
 * APIC, once it has been armed by the one before, one nanosecond sooner each time. Under QEMU's
 * -icount shift=0, where a nanosecond is an instruction, none is left out; elsewhere it is a soak.
 *
 * -- NMIS EXACT: so many in the storm; EXACT 1: what was never interrupted fails.
 */
#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/nmi.h"
#include "guest/arch/x86_64/regs.h"
#include "guest/entry_user.h"
#include "guest/irq_work.h"
#include "guest/main.h"
#include "guest/mm.h"
#include "guest/nmi.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "guest/user.h"
#include "shared/scenario_abi.h"
#include "shared/user_abi.h"
#include "tests/scenario/pit_nmi.h"
#include "tests/scenario/seed.h"
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"

#define STORM_NMIS  100u /* unless the command line says how many */
#define STORMS_MAX  8u
#define FAULTS      5u    /* of each, if not each instruction's turn comes */
#define FAULT_SPINS 1200u /* from an NMI on the way to ring 3 to the entry of the fault there */
#define POLL_NS     100000
#define POLLS_MAX   100000u

#define BLOB(name) extern const char user_##name[], user_##name##_end[];
BLOB(registers)
BLOB(faults)

static bool exact; /* a nanosecond is an instruction */
static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

/* ---- the places ---- */

/* entry.S, in its order; each ends where the next begins. */
#define PLACES(X)                \
	X(vectors)               \
	X(interrupt_entry)       \
	X(interrupt_from_user)   \
	X(return_to_user)        \
	X(iret_to_user)          \
	X(exception_entry)       \
	X(exception_from_user)   \
	X(exception_from_kernel) \
	X(syscall_entry)         \
	X(syscall_probe)         \
	X(user_enter_first)      \
	X(debug_from_user)       \
	X(paranoid_entry)        \
	X(paranoid_again)        \
	X(paranoid_end)

#define PLACE_EXTERN(name) extern const uint8_t name[];
PLACES(PLACE_EXTERN)
#undef PLACE_EXTERN

static const struct place {
	const char *name;
	const uint8_t *start;
} places[] = {
#define PLACE_ENTRY(name) { #name, name },
	PLACES(PLACE_ENTRY)
#undef PLACE_ENTRY
};

#define PLACE_COUNT (sizeof(places) / sizeof(places[0]) - 1)
#define TEXT_MAX    8192u

static uint32_t hits[TEXT_MAX]; /* by the distance from vectors */

static uint32_t
hits_at(const uint8_t *address)
{
	return hits[address - vectors];
}

/* At boot only; and what an NMI comes back to when its return is given up. */
static bool
is_never_interrupted(const uint8_t *address)
{
	return (address >= syscall_probe && address < user_enter_first) ||
	       address >= paranoid_again;
}

static void
print_places(void)
{
	bool all = true;

	printk("%-24s%16s%12s\n", "", "instructions", "NMIs");
	for (unsigned int n = 0; n < PLACE_COUNT; n++) {
		uint32_t instructions = 0;
		uint32_t total = 0;

		for (const uint8_t *at = places[n].start; at < places[n + 1].start; at++) {
			instructions += hits_at(at) != 0;
			total += hits_at(at);
		}
		if (!is_never_interrupted(places[n].start)) {
			printk("%-24s%16u%12u\n", places[n].name, instructions, total);
			all = all && total != 0;
		}
	}
	if (exact) {
		report(all, "an NMI came at every place");
	}
}

static bool
is_code(const uint8_t *at, uint8_t a, uint8_t b, uint8_t c)
{
	return at[0] == a && at[1] == b && at[2] == c;
}

/* Each comes right before an instruction that may be interrupted too: the GS has just changed. */
static unsigned int
count_missed(unsigned int *swaps)
{
	unsigned int missed = 0;

	*swaps = 0;
	for (const uint8_t *at = interrupt_entry; at < paranoid_end; at++) {
		if (!is_never_interrupted(at) && is_code(at, 0x0f, 0x01, 0xf8)) {
			(*swaps)++;
			missed += hits_at(at) == 0 || hits_at(at + 3) == 0;
		}
		if (is_code(at, 0x48, 0x0f, 0x07)) {
			missed += hits_at(at) == 0;
		}
	}
	return missed;
}

static void
check_swaps(void)
{
	unsigned int swaps;
	unsigned int missed = count_missed(&swaps);

	if (exact) {
		printk("%u of %u SWAPGS and the SYSRET without an NMI before or behind\n", missed,
		       swaps);
		report(swaps >= 5 && missed == 0, "an NMI came before and behind every SWAPGS");
	}
}

/* ---- the source ---- */

#define PIT_EXACT 2
#define PIT_LEAST 400 /* elsewhere: longer than it takes to get anywhere between two */
#define PIT_MORE  1000
#define SPINS     PIT_NMI_EXACT

/* The next one comes SPINS nanoseconds from here, if they are exact. */
static void
arm(uint32_t instructions)
{
	pit_nmi_arm(exact ? PIT_EXACT : PIT_LEAST + instructions * 7919 % PIT_MORE);
	if (exact) {
		pit_nmi_spin(instructions);
	}
}

/* ---- the handler ---- */

static enum {
	IDLE,
	ONCE, /* the next one arms, and that is the last */
	STORM,
} mode;
static uint32_t spins;
static struct atomic nmis;
static bool wrong;

static void
do_nothing(struct irq_work *work)
{
	(void)work;
}

static struct irq_work interrupt = IRQ_WORK_INIT(do_nothing);

/* Every other one leaves an interrupt behind, some let the next one in on their way out. */
static void
go_on(uint32_t number)
{
	spins = (spins + 1) % SPINS;
	if (number % 2 == 0) {
		irq_work_queue(&interrupt);
	}
	arm(spins);
	if (number % 8 == 1) {
		arch_trap();
	}
}

static bool
handle(struct regs *regs)
{
	uint64_t at = regs->rip - (uintptr_t)vectors;
	uint32_t number = atomic_fetch_add(&nmis, 1);

	if (at < (uintptr_t)(paranoid_end - vectors)) {
		hits[at]++;
	}
	wrong |= raw_smp_processor_id() != 0 || !in_nmi();
	if (mode == STORM) {
		go_on(number);
	} else if (mode == ONCE) {
		mode = IDLE;
		arm(spins);
	}
	return true;
}

static struct nmi_handler handler = { .fn = handle };

/* Until it is as many. */
static bool
wait_for_nmis(uint32_t count)
{
	for (uint32_t n = 0; n < POLLS_MAX && atomic_load(&nmis) < count; n++) {
		schedule_timeout_uninterruptible(POLL_NS);
	}
	return atomic_load(&nmis) >= count;
}

/* ---- the storm ---- */

static struct user_program
load(const char *name, const char *start, const char *end)
{
	struct user_program program;
	int error = user_load(name, start, (size_t)(end - start), &program);

	ASSERT(error == 0);
	return program;
}

static struct task *
run_here(const struct user_program *program, const char *comm, uint64_t arg)
{
	struct task *task =
		user_run(program, &(struct task_params){ .comm = comm, .cpus_allowed = 1 }, arg);

	ASSERT(task != NULL);
	return task;
}

/* P45: two programs that call and yield find their registers right, whatever NMIs interrupt. */
static void
check_storm(uint32_t count)
{
	struct user_program program = load("registers", user_registers, user_registers_end);
	volatile struct shared *shared = mm_map_page(program.mm, SHARED_ADDRESS, ARCH_PROT_WRITE);
	struct task *tasks[2] = { run_here(&program, "first", 0), run_here(&program, "second", 1) };
	uint32_t given_up = per_cpu(nmi_returns_given_up, 0);
	bool came;

	mode = STORM;
	arch_nmi_send(0);
	came = wait_for_nmis(atomic_load(&nmis) + count);
	mode = IDLE;
	shared->stop = 1;
	report(task_join(tasks[0]) == 0 && task_join(tasks[1]) == 0 && !wrong,
	       "registers of ring 3 are right under NMIs");
	report(came && shared->counts[0] != 0 && shared->counts[1] != 0,
	       "the programs and the NMIs go on");
	given_up = per_cpu(nmi_returns_given_up, 0) - given_up;
	printk("%u NMIs, %u calls, %u returns given up\n", atomic_load(&nmis),
	       (uint32_t)(shared->counts[0] + shared->counts[1]), given_up);
	if (exact) {
		report(given_up != 0, "an NMI came during the return from another one");
	}
	user_unload(&program);
}

/* ---- faults ---- */

static void
send_nmi(struct task_work *unused)
{
	(void)unused;
	mode = ONCE;
	arch_nmi_send(0);
	arch_irq_settle();
}

/* What the way to user code will load, so that it faults: by IRETQ, whose frame has a bad CS. */
static void
spoil_return(struct task_work *work)
{
	struct regs *regs = (struct regs *)((char *)current->stack + STACK_SIZE) - 1;

	regs->cs = SEL_USER_DS;
	regs->r11 = ~regs->rflags;
	send_nmi(work);
}

/* Its first instructions fault, and the way there begins with an NMI. */
static bool
dies_at_once(uint64_t fault, int sig)
{
	static struct task_work work = { .fn = send_nmi };
	struct user_program program = load("faults", user_faults, user_faults_end);
	struct task *task;

	preempt_disable();
	task = run_here(&program, "fault", fault);
	task_work_add(task, &work);
	preempt_enable();
	user_unload(&program);
	return task_join(task) == USER_STATUS_KILLED + sig;
}

static bool
dies_returning(uint64_t unused, int sig)
{
	static struct task_work work = { .fn = spoil_return };
	struct user_program program = load("registers", user_registers, user_registers_end);
	volatile struct shared *shared = mm_map_page(program.mm, SHARED_ADDRESS, ARCH_PROT_WRITE);
	struct task *task = run_here(&program, "spoilt", REGISTERS_YIELDS);

	(void)unused;
	while (shared->counts[0] == 0) { /* bounded: it runs when we yield */
		yield();
	}
	task_work_add(task, &work);
	user_unload(&program);
	return task_join(task) == USER_STATUS_KILLED + sig;
}

/* The second NMI comes one instruction sooner each time. */
static void
sweep_fault(const char *name, bool (*dies)(uint64_t fault, int sig), uint64_t fault, int sig,
            uint32_t count)
{
	bool right = true;

	for (uint32_t n = 0; n < count; n++) {
		spins = SPINS - n;
		right = dies(fault, sig) && right;
	}
	mode = IDLE;
	report(right && !wrong, name);
}

static void
check_faults(uint32_t count)
{
	sweep_fault("an NMI at the entry of an exception", dies_at_once, FAULT_undefined, SIGILL,
	            count);
	sweep_fault("an NMI at the entry of #DB", dies_at_once, FAULT_trap_flag, SIGTRAP, count);
	sweep_fault("an NMI at a return that faults", dies_returning, 0, SIGSEGV, count);
}

int
main(void)
{
	uint32_t count = storm_number(0, STORM_NMIS);
	unsigned int storms = 0;
	unsigned int swaps;

	exact = storm_number(1, 0) != 0;
	ASSERT(paranoid_end - vectors < TEXT_MAX);
	register_nmi_handler(&handler);
	pit_nmi_route(IOAPIC_NMI);
	check_faults(exact ? FAULT_SPINS : FAULTS);
	do { /* bounded: the storms draw where they hit */
		check_storm(count);
	} while (exact && count_missed(&swaps) != 0 && ++storms < STORMS_MAX);
	pit_nmi_route(IOAPIC_NMI | IOAPIC_MASKED);
	print_places();
	check_swaps();
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
