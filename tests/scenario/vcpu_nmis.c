// SPDX-License-Identifier: ISC
/*
 * An NMI on every instruction of a vcpu's way into its guest and out again, for each sort of exit.
 * Under QEMU's -icount shift=0, where a nanosecond is an instruction, none is left out; elsewhere
 * the NMIs come somewhere.
 *
 * -- EXACT: 1: an instruction of vcpu_entry.S that was never interrupted fails.
 */
#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/regs.h"
#include "guest/main.h"
#include "guest/nmi.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/vcpu.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/pit_nmi.h"
#include "tests/scenario/seed.h"
#include "tests/scenario/vcpu_hand.h"

#define PIT_COUNT 2
#define PIT_LEAST 40 /* elsewhere: about as long as it takes to enter and to exit */
#define PIT_MORE  160
#define SWEEP     1000u /* instructions before the NMI: from before the entry to behind the exit */
#define SOME      40u   /* runs, elsewhere */
#define TURNS     40u   /* entries until the guest's own exit */
#define TEXT_MAX  512u
#define WRONG_RIP 0x800000000000u

/* vcpu_entry.S; what is behind it is nearly all of what can be interrupted. */
extern const char vcpu_enter_by_iret[], vcpu_exit_landing[];

/* Each makes every register one more, and exits. */
#define INCREMENT                                                                             \
	".irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n" \
	"leaq 1(%\\reg), %\\reg\n"                                                            \
	".endr\n"

__asm__(".pushsection .rodata\n"
        "nmi_code:\n"
        "nmi_hlt: " INCREMENT "hlt\n"
        "nmi_undefined: " INCREMENT "ud2\n"
        "nmi_memory: " INCREMENT "movl 0x200000, %eax\n"
        "nmi_step: pushfq; orl $0x100, (%rsp); popfq; nop\n" INCREMENT "nmi_code_end:\n"
        ".popsection\n");
extern const char nmi_code[], nmi_code_end[], nmi_hlt[], nmi_undefined[], nmi_memory[], nmi_step[];

/* SYSCALL takes two registers for itself. */
__asm__(".pushsection .rodata\n"
        "call_code: leaq 1(%rbx), %rbx; leaq 1(%r15), %r15; syscall\n"
        "call_code_end:\n"
        ".popsection\n");
extern const char call_code[], call_code_end[];

static bool exact;
static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

/* ---- the NMIs ---- */

static struct atomic guests; /* those that came when they are a guest's */
static uint32_t hits[TEXT_MAX];

static bool
handle(struct regs *regs)
{
	uint64_t at = regs->rip - (uintptr_t)vcpu_enter_by_iret;
	bool is_guests = early_fault_is_awaited();

	if (at < TEXT_MAX) {
		hits[at]++;
	}
	if (is_guests) {
		atomic_fetch_add(&guests, 1);
	}
	return !is_guests;
}

static struct nmi_handler handler = { .fn = handle };

/* ---- a sweep ---- */

struct sort {
	const char *name;
	const char *start; /* NULL: none, the entry itself fails */
	uint32_t vector;
	uint64_t more; /* what its registers have then */
};

static const struct sort sorts[] = {
	{ "an NMI at every instruction around HLT", nmi_hlt, 13, 1 },
	{ "an NMI at every instruction around an undefined one", nmi_undefined, 6, 1 },
	{ "an NMI at every instruction around a page fault", nmi_memory, 14, 1 },
	{ "an NMI at every instruction around a step", nmi_step, 1, 0 },
	{ "an NMI at every instruction around an entry that fails", NULL, 13, 0 },
};

static uint32_t
runs(void)
{
	return exact ? SWEEP : SOME;
}

/* Enters until the guest exits by itself; the NMI comes so many instructions from the begin. */
static uint32_t
run(struct vcpu *vcpu, uint32_t instructions)
{
	uint32_t told = 0;
	bool is_its_own = false;

	preempt_disable();
	arch_irq_disable();
	pit_nmi_arm(exact ? PIT_COUNT : PIT_LEAST + instructions * 7919 % PIT_MORE);
	if (exact) {
		pit_nmi_spin(PIT_NMI_EXACT - instructions);
	}
	for (uint32_t turn = 0; turn < TURNS && !is_its_own; turn++) {
		hand_enter(vcpu);
		is_its_own = vcpu->exit.code == VCPU_EXIT_TRAP;
		if (vcpu->exit.code == VCPU_EXIT_INTERRUPT) {
			arch_vcpu_handle_interrupt(vcpu);
		}
		told += hand_take_early() == EARLY_NMI;
	}
	if (exact) {
		pit_nmi_spin(2 * PIT_NMI_EXACT); /* one that comes behind the exit comes here */
	}
	arch_irq_enable();
	preempt_enable();
	return told;
}

/* By its CS where the machine looks at that, else by an address that there is not. */
static uint64_t
spoilt_rip(void)
{
	return exact ? VM_FLAT_BASE : WRONG_RIP;
}

static void
spoil(struct regs *regs)
{
	regs->rip = spoilt_rip();
	regs->cs = exact ? SEL_USER_DS : SEL_USER_CS;
}

static bool
is_right(struct vcpu *vcpu, const struct sort *sort)
{
	bool has_address = sort->vector != 14 || vcpu->exit.addr == 0x200000;
	bool has_stepped = sort->vector != 1 || vcpu->exit.debug & DR6_STEP;

	return vcpu->exit.code == VCPU_EXIT_TRAP && vcpu->exit.vector == sort->vector &&
	       hand_registers_are(vcpu, sort->more) && has_address && has_stepped &&
	       (sort->start != NULL || vcpu->arch.regs.rip == spoilt_rip());
}

/* One that another has overtaken is told with it, as one. */
static bool
all_are_told(uint32_t told, uint32_t came)
{
	return exact ? told == came : told <= came && (told != 0) == (came != 0);
}

static void
sweep(struct vcpu *vcpu, const struct sort *sort)
{
	uint32_t told = 0;
	uint32_t early = 0;
	bool right = true;

	for (uint32_t n = 0; n < runs(); n++) {
		uint32_t before = atomic_load(&guests);
		uint64_t rsp = vcpu->arch.regs.rsp;

		hand_fill_registers(vcpu, 0);
		hand_go_to(vcpu, sort->start != NULL ? sort->start - nmi_code : 0);
		if (sort->start == NULL) {
			spoil(&vcpu->arch.regs);
		}
		told = run(vcpu, n);
		early += told;
		right = right && is_right(vcpu, sort) && vcpu->arch.regs.rsp == rsp &&
		        all_are_told(told, atomic_load(&guests) - before);
		vcpu->arch.regs.rsp = rsp;
	}
	printk("%u of %u were the guest's\n", early, runs());
	report(right && (early != 0 || !exact), sort->name);
}

static void
sweep_calls(struct vcpu *vcpu)
{
	bool right = true;
	uint32_t early = 0;

	for (uint32_t n = 0; n < runs(); n++) {
		hand_fill_registers(vcpu, 0);
		hand_go_to(vcpu, 0);
		early += run(vcpu, n);
		vcpu->arch.regs.rbx--;
		vcpu->arch.regs.r15--;
		vcpu->arch.regs.rcx = 0x0101010101010101;
		vcpu->arch.regs.r11 = 0x0101010101010101 * 11;
		right = right && vcpu->exit.vector == VECTOR_SYSCALL &&
		        hand_registers_are(vcpu, 0) &&
		        vcpu->arch.regs.rip == VM_FLAT_BASE + (uint64_t)(call_code_end - call_code);
	}
	report(right && (early != 0 || !exact), "an NMI at every instruction around a hypercall");
}

/* The landing is an NMI's own way, where another comes only if one has let it in. */
static void
check_places(void)
{
	uint32_t instructions = 0;

	for (const char *at = vcpu_enter_by_iret; at < vcpu_exit_landing; at++) {
		instructions += hits[at - vcpu_enter_by_iret] != 0;
	}
	printk("%u instructions of vcpu_entry.S were interrupted\n", instructions);
	if (exact) {
		report(instructions == 18, "an NMI came at every place");
	}
}

int
main(void)
{
	struct vm *vm = hand_machine(nmi_code, nmi_code_end);
	struct vm *callers = hand_machine(call_code, call_code_end);
	struct vcpu *vcpu = hand_vcpu(vm);
	struct vcpu *caller = hand_vcpu(callers);

	set_cpus_allowed(current, 1); /* where the NMIs come */
	exact = storm_number(0, 0) != 0;
	register_nmi_handler(&handler);
	pit_nmi_route(IOAPIC_NMI);
	vcpu_load(vcpu);
	for (unsigned int i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		sweep(vcpu, &sorts[i]);
	}
	vcpu_put(vcpu);
	vcpu_load(caller);
	sweep_calls(caller);
	vcpu_put(caller);
	pit_nmi_route(IOAPIC_NMI | IOAPIC_MASKED);
	vm_destroy(vm);
	vm_destroy(callers);
	check_places();
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
