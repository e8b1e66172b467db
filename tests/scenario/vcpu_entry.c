// SPDX-License-Identifier: ISC
/*
 * Guests of ring 3, entered by hand: what each instruction and event makes of an exit, what it
 * leaves in the registers, and what a put leaves in the cpu. Each check prints PASS or FAIL with
 * its name; bounded by counts, never by time.
 */
#include "guest/arch/x86_64/doorbell.h"
#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/main.h"
#include "guest/nmi.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_trap.h"
#include "tests/scenario/vcpu_hand.h"

#define ROUNDS      40u  /* of the table of exits */
#define TURNS_MAX   4000 /* entries until something must have come */
#define INTERRUPTS  8u
#define NMIS        30u
#define GP          13u
#define PF          14u
#define NONE        0xffu
#define MEMORY_FREE 0x200000u /* in the machine's memory, and no page yet */
#define WRONG_RIP   0x800000000000u

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

/* ---- the guest's code ---- */

/* Each begins where its name is, and ends with something that exits. */
#define SNIPPETS(X)                                                                        \
	X(hlt, "hlt")                                                                      \
	X(sti, "sti; nop")                                                                 \
	X(sti_hlt, "sti; hlt")                                                             \
	X(cli, "cli")                                                                      \
	X(in_al, "inb %dx, %al")                                                           \
	X(in_imm, "inl $0x55, %eax")                                                       \
	X(out_dx, "outl %eax, %dx")                                                        \
	X(out_imm, "outw %ax, $0xea")                                                      \
	X(ins, "insb")                                                                     \
	X(rdmsr, "movl $0x1234, %ecx; rdmsr")                                              \
	X(wrmsr, "movl $0x1234, %ecx; wrmsr")                                              \
	X(cr0, "movq %cr0, %rax")                                                          \
	X(cr3, "movq %rax, %cr3")                                                          \
	X(lidt, "lidt (%rsp)")                                                             \
	X(ud2, "ud2")                                                                      \
	X(int3, "int3")                                                                    \
	X(divide, "xorl %ecx, %ecx; xorl %edx, %edx; divl %ecx")                           \
	X(syscall, "movl $77, %eax; movl $1, %edi; movl $2, %esi; movl $3, %edx; syscall") \
	X(read32, "movl $0x50000010, %ebx; movl 4(%rbx), %r9d")                            \
	X(read_high, "movl $0x50000010, %ebx; movb (%rbx), %ah")                           \
	X(read_signed, "movl $0x50000010, %ebx; movsbq 1(%rbx), %r10")                     \
	X(write64, "movl $0x50000010, %ebx; movq %r8, -8(%rbx)")                           \
	X(write_imm, "movl $0x50000010, %ebx; movw $0x1234, (%rbx)")                       \
	X(add_mmio, "movl $0x50000010, %ebx; addl $1, (%rbx)")                             \
	X(fetch_mmio, "movl $0x50000010, %ebx; jmp *%rbx")                                 \
	X(memory, "movl $0x200000, %ebx; movl (%rbx), %eax")                               \
	X(null, "xorl %ebx, %ebx; movl (%rbx), %eax")                                      \
	X(kernel, "movq $0xffffffff80200000, %rbx; movl (%rbx), %eax")                     \
	X(non_canonical, "movabsq $0x800000000000, %rbx; movl (%rbx), %eax")

#define SNIPPET(name, text) ".balign 64\nguest_" #name ": " text "; ud2; hlt\n"

__asm__(".pushsection .rodata\n"
        ".balign 64\n"
        "guest_code:\n"
        /* Every register but rsp becomes one more. */
        "guest_increment:\n"
        ".irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
        "leaq 1(%\\reg), %\\reg\n"
        ".endr\n"
        "hlt\n"
        ".balign 64\n"
        "guest_endless: jmp guest_endless\n"
        ".balign 64\n"
        "guest_count: 1: incq %rax; jmp 1b\n"
        ".balign 64\n"
        "guest_step: pushfq; orl $0x100, (%rsp); popfq; nop; nop; nop; ud2\n"
        ".balign 64\n"
        "guest_breakpoint: leaq 1f(%rip), %rax; movq %rax, %dr0; movl $1, %eax; movq %rax, %dr7\n"
        "nop; 1: nop; hlt\n"
        ".balign 64\n"
        /* All of the FPU's from one number, and back: rax counts what is wrong. */
        "guest_fpu_fill: fninit; pushq %rdi; fildq (%rsp); popq %rcx\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "movq %rdi, %xmm\\n; incq %rdi\n"
        ".endr\n"
        "hlt\n"
        "guest_fpu_check: xorl %eax, %eax\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "movq %xmm\\n, %rcx; subq %rdi, %rcx; orq %rcx, %rax; incq %rdi\n"
        ".endr\n"
        "pushq $0; fistpq (%rsp); popq %rcx; subq %rsi, %rcx; orq %rcx, %rax\n"
        "hlt\n"
        ".balign 64\n"
        "guest_set_bases: movl $0xc0000100, %ecx; movq %rdi, %rax; movq %rdi, %rdx\n"
        "shrq $32, %rdx; wrmsr\n"
        "movl $0xc0000101, %ecx; incl %eax; wrmsr; hlt\n"
        "guest_compat: pushq $0x23; leaq 1f(%rip), %rax; pushq %rax; lretq\n"
        ".code32; 1: syscall; movl %eax, %esi; hlt; .code64\n"
        "guest_load_gs: movl $0x2b, %eax; movl %eax, %gs; hlt\n"
        "guest_get_bases: movl $0xc0000100, %ecx; rdmsr; shlq $32, %rdx; orq %rdx, %rax\n"
        "movq %rax, %rdi; movl $0xc0000101, %ecx; rdmsr; shlq $32, %rdx; orq %rdx, %rax\n"
        "movq %rax, %rsi; hlt\n" SNIPPETS(SNIPPET) "guest_code_end:\n"
                                                   ".popsection\n");

extern const char guest_code[], guest_code_end[], guest_increment[], guest_endless[], guest_count[],
	guest_step[], guest_breakpoint[], guest_fpu_fill[], guest_fpu_check[], guest_set_bases[],
	guest_get_bases[], guest_load_gs[], guest_compat[];

#define DECLARE(name, text) extern const char guest_##name[];
SNIPPETS(DECLARE)
#undef DECLARE

/* ---- entries ---- */

static void
go_to(struct vcpu *vcpu, const char *code)
{
	hand_go_to(vcpu, code - guest_code);
}

static uint32_t interrupts;

/* Until it exits by itself. Loaded; count 0. */
static void
run(struct vcpu *vcpu)
{
	bool is_interrupt;

	do { /* bounded: the guest's code is */
		preempt_disable();
		arch_irq_disable();
		hand_enter(vcpu);
		is_interrupt = vcpu->exit.code == VCPU_EXIT_INTERRUPT;
		if (is_interrupt) {
			interrupts++;
			arch_vcpu_handle_interrupt(vcpu);
		}
		hand_take_early();
		arch_irq_enable();
		preempt_enable();
	} while (is_interrupt);
}

/* Runs this code until it exits with HLT; the bases and debug registers on the way. */
static void
run_to_hlt(struct vcpu *vcpu, const char *code)
{
	struct vcpu_trap trap;

	go_to(vcpu, code);
	do { /* bounded: the guest's code is */
		run(vcpu);
		arch_vcpu_decode(vcpu, &trap);
	} while (trap.kind == VCPU_TRAP_AGAIN);
	if (trap.kind != VCPU_TRAP_HLT) {
		panic("vector %u instead of HLT at %lx", trap.vector, vcpu->arch.regs.rip);
	}
}

/* ---- exits ---- */

struct expectation {
	const char *name;
	const char *code;
	uint32_t vector;
	enum vcpu_trap_kind kind;
	uint8_t size;
	uint8_t length;
	uint8_t exception;
	uint64_t addr;
	uint64_t value;
};

#define EXIT(code, ...)                          \
	{                                        \
#code, guest_##code, __VA_ARGS__ \
	}

static const struct expectation expectations[] = {
	EXIT(hlt, GP, VCPU_TRAP_HLT, 0, 1, GP, 0, 0),
	EXIT(sti, GP, VCPU_TRAP_STI, 0, 1, GP, 0, 0),
	EXIT(sti_hlt, GP, VCPU_TRAP_STI_HLT, 0, 2, GP, 0, 0),
	EXIT(cli, GP, VCPU_TRAP_CLI, 0, 1, GP, 0, 0),
	EXIT(in_al, GP, VCPU_TRAP_IN, 1, 1, GP, 0x4444, 0x11),
	EXIT(in_imm, GP, VCPU_TRAP_IN, 4, 2, GP, 0x55, 0x11111111),
	EXIT(out_dx, GP, VCPU_TRAP_OUT, 4, 1, GP, 0x4444, 0x11111111),
	EXIT(out_imm, GP, VCPU_TRAP_OUT, 2, 3, GP, 0xea, 0x1111),
	EXIT(ins, GP, VCPU_TRAP_EXCEPTION, 0, 0, GP, 0, 0),
	EXIT(rdmsr, GP, VCPU_TRAP_RDMSR, 0, 2, GP, 0x1234, 0x4444444411111111),
	EXIT(wrmsr, GP, VCPU_TRAP_WRMSR, 0, 2, GP, 0x1234, 0x4444444411111111),
	EXIT(cr0, GP, VCPU_TRAP_EXCEPTION, 0, 0, GP, 0, 0),
	EXIT(cr3, GP, VCPU_TRAP_EXCEPTION, 0, 0, GP, 0, 0),
	EXIT(lidt, GP, VCPU_TRAP_EXCEPTION, 0, 0, GP, 0, 0),
	EXIT(ud2, VECTOR_UD, VCPU_TRAP_EXCEPTION, 0, 0, VECTOR_UD, 0, 0),
	EXIT(int3, VECTOR_BP, VCPU_TRAP_EXCEPTION, 0, 0, VECTOR_BP, 0, 0),
	EXIT(divide, 0, VCPU_TRAP_EXCEPTION, 0, 0, 0, 0, 0),
	EXIT(syscall, VECTOR_SYSCALL, VCPU_TRAP_HYPERCALL, 0, 0, 0, 0, 77),
	EXIT(read32, PF, VCPU_TRAP_READ, 4, 4, PF, VM_MMIO + 0x14, 0x99999999),
	EXIT(read_high, PF, VCPU_TRAP_READ, 1, 2, PF, VM_MMIO + 0x10, 0x11),
	EXIT(read_signed, PF, VCPU_TRAP_READ, 1, 5, PF, VM_MMIO + 0x11, 0xaa),
	EXIT(write64, PF, VCPU_TRAP_WRITE, 8, 4, PF, VM_MMIO + 8, 0x8888888888888888),
	EXIT(write_imm, PF, VCPU_TRAP_WRITE, 2, 5, PF, VM_MMIO + 0x10, 0x1234),
	EXIT(add_mmio, PF, VCPU_TRAP_EXCEPTION, 0, 0, VECTOR_UD, 0, 0),
	EXIT(fetch_mmio, PF, VCPU_TRAP_EXCEPTION, 0, 0, PF, VM_MMIO + 0x10, 0),
	EXIT(memory, PF, VCPU_TRAP_MEMORY, 0, 0, PF, MEMORY_FREE, 0),
	EXIT(null, PF, VCPU_TRAP_EXCEPTION, 0, 0, PF, 0, 0),
	EXIT(kernel, PF, VCPU_TRAP_EXCEPTION, 0, 0, PF, 0xffffffff80200000, 0),
	EXIT(non_canonical, GP, VCPU_TRAP_EXCEPTION, 0, 0, GP, 0, 0),
};

#define EXPECTATION_COUNT (sizeof(expectations) / sizeof(expectations[0]))

/* Register n has the digit n + 1 in all places. */
static void
set_registers(struct vcpu *vcpu)
{
	for (unsigned int n = 0; n < 16; n++) {
		if (n != 4) {
			*vcpu_register(&vcpu->arch.regs, n) = 0x1111111111111111 * (n + 1);
		}
	}
	/* By the name, not the number: a 1, b 2, c 3, d 4. */
	vcpu->arch.regs.rcx = 0x3333333333333333;
	vcpu->arch.regs.rdx = 0x4444444444444444;
	vcpu->arch.regs.rbx = 0x2222222222222222;
	vcpu->arch.regs.r8 = 0x8888888888888888;
	vcpu->arch.regs.r9 = 0x9999999999999999;
	vcpu->arch.regs.r10 = 0xaaaaaaaaaaaaaaaa;
}

static bool
is_as_expected(struct vcpu *vcpu, const struct expectation *expected)
{
	uint64_t rip;
	struct vcpu_trap trap;
	bool passed;

	set_registers(vcpu);
	go_to(vcpu, expected->code);
	run(vcpu);
	rip = vcpu->arch.regs.rip;
	arch_vcpu_decode(vcpu, &trap);
	passed = vcpu->exit.code == VCPU_EXIT_TRAP && vcpu->exit.vector == expected->vector &&
	         trap.kind == expected->kind && trap.size == expected->size &&
	         trap.length == expected->length && trap.value == expected->value &&
	         trap.addr == expected->addr &&
	         (trap.kind != VCPU_TRAP_EXCEPTION || trap.vector == expected->exception);
	arch_vcpu_complete(vcpu, &trap, 0x0123456789abcdef);
	passed = passed && vcpu->arch.regs.rip == rip + trap.length;
	if (!passed) {
		printk("%s: vector %u, trap %d, size %u, length %u, addr %lx, value %lx\n",
		       expected->name, vcpu->exit.vector, trap.kind, trap.size, trap.length,
		       trap.addr, trap.value);
	}
	return passed;
}

/* What a result makes of the registers that the instruction names. */
static bool
results_are_right(struct vcpu *vcpu, const struct expectation *expected)
{
	const struct regs *regs = &vcpu->arch.regs;

	if (expected->code == guest_in_al) {
		return regs->rax == 0x11111111111111ef;
	}
	if (expected->code == guest_in_imm) {
		return regs->rax == 0x89abcdef;
	}
	if (expected->code == guest_rdmsr) {
		return regs->rax == 0x89abcdef && regs->rdx == 0x01234567;
	}
	if (expected->code == guest_syscall) {
		return regs->rax == 0x0123456789abcdef;
	}
	if (expected->code == guest_read32) {
		return regs->r9 == 0x89abcdef;
	}
	if (expected->code == guest_read_high) {
		return regs->rax == 0x111111111111ef11;
	}
	if (expected->code == guest_read_signed) {
		return regs->r10 == 0xffffffffffffffef;
	}
	return true;
}

static void
check_exits(struct vcpu *vcpu)
{
	bool exits = true;
	bool results = true;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < EXPECTATION_COUNT; i++) {
			exits = is_as_expected(vcpu, &expectations[i]) && exits;
			results = results_are_right(vcpu, &expectations[i]) && results;
		}
	}
	report(exits, "each exit says what the instruction asks for");
	report(results, "a result goes where the instruction says");
}

/* ---- registers ---- */

static void
check_registers(struct vcpu *vcpu)
{
	uint64_t rsp = vcpu->arch.regs.rsp;

	hand_fill_registers(vcpu, 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		go_to(vcpu, guest_increment);
		run(vcpu);
	}
	report(hand_registers_are(vcpu, ROUNDS) && vcpu->arch.regs.rsp == rsp,
	       "all registers go in and come out");
}

/* The IRETQ faults, with the guest's registers in the machine. */
static bool
fails_to_enter(struct vcpu *vcpu)
{
	struct regs *regs = &vcpu->arch.regs;
	uint64_t rip = regs->rip;
	uint64_t rsp = regs->rsp;
	struct vcpu_trap trap;

	hand_fill_registers(vcpu, 0);
	run(vcpu);
	arch_vcpu_decode(vcpu, &trap);
	return trap.kind == VCPU_TRAP_EXCEPTION && trap.vector == GP &&
	       hand_registers_are(vcpu, 0) && regs->rip == rip && regs->rsp == rsp;
}

static void
check_failed_return(struct vcpu *vcpu)
{
	bool passed;

	go_to(vcpu, guest_hlt);
	vcpu->arch.regs.rip = WRONG_RIP; /* on some machines it is the fetch that faults */
	passed = fails_to_enter(vcpu);
	go_to(vcpu, guest_hlt);
	vcpu->arch.regs.cs = SEL_USER_DS;
	passed = fails_to_enter(vcpu) && passed;
	vcpu->arch.regs.cs = SEL_USER_CS;
	report(passed, "a return that faults is the guest's exception");
}

static void
check_replay(struct vcpu *vcpu)
{
	go_to(vcpu, guest_syscall);
	run(vcpu);
	preempt_disable();
	arch_vcpu_replay(vcpu);
	preempt_enable();
	vcpu->arch.regs.rax = 78;
	run(vcpu);
	report(vcpu->exit.vector == VECTOR_SYSCALL && vcpu->arch.regs.rax == 78,
	       "a hypercall that is replayed is made again");
	go_to(vcpu, guest_int3);
	run(vcpu);
	preempt_disable();
	arch_vcpu_replay(vcpu);
	preempt_enable();
	report(vcpu->arch.regs.rip == VM_FLAT_BASE + (uint64_t)(guest_int3 - guest_code),
	       "a breakpoint that is replayed is where it was");
}

static void
check_steps(struct vcpu *vcpu)
{
	uint32_t steps = 0;

	go_to(vcpu, guest_step);
	run(vcpu);
	while (vcpu->exit.vector == VECTOR_DB && steps < 10) {
		steps += (vcpu->exit.debug & DR6_STEP) != 0;
		run(vcpu);
	}
	report(steps == 3 && vcpu->exit.vector == VECTOR_UD, "a guest steps through its own code");
}

/* A machine that does not emulate them has nothing to show. */
static void
check_breakpoints(struct vcpu *vcpu)
{
	struct vcpu_trap trap;

	if (doorbell_is_there()) {
		return;
	}
	go_to(vcpu, guest_breakpoint);
	do { /* bounded: the guest's code is */
		run(vcpu);
		arch_vcpu_decode(vcpu, &trap);
	} while (trap.kind == VCPU_TRAP_AGAIN);
	report(trap.kind == VCPU_TRAP_EXCEPTION && trap.vector == VECTOR_DB &&
	               (vcpu->exit.debug & 1) != 0 && vcpu->arch.regs.rip == vcpu->arch.debug[0],
	       "a guest's breakpoint is its own");
	vcpu_put(vcpu);
	arch_irq_disable();
	arch_irq_enable();
	preempt_disable();
	vcpu->arch.dr7 = DR7_RESET;
	preempt_enable();
	vcpu_load(vcpu);
}

/* Machines differ in whether it has SYSCALL; the software host's own kernel would answer it. */
static void
check_compat(struct vcpu *vcpu)
{
	struct vcpu_trap trap;

	if (doorbell_is_there()) {
		return;
	}
	go_to(vcpu, guest_compat);
	run(vcpu);
	arch_vcpu_decode(vcpu, &trap);
	report(vcpu->arch.regs.cs == SEL_USER32_CS && trap.kind == VCPU_TRAP_EXCEPTION &&
	               (trap.vector == VECTOR_UD ||
	                (trap.vector == GP && vcpu->arch.regs.rsi == (uint32_t)-38)),
	       "32-bit code has no system calls");
	vcpu->arch.regs.cs = SEL_USER_CS;
}

/* ---- load and put ---- */

static void
switch_to(struct vcpu *from, struct vcpu *to)
{
	vcpu_put(from);
	vcpu_load(to);
}

/* a is loaded, before and after. */
static void
check_fpu(struct vcpu *a, struct vcpu *b)
{
	bool is_kept = true;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		a->arch.regs.rdi = 1000 + i;
		run_to_hlt(a, guest_fpu_fill);
		switch_to(a, b);
		b->arch.regs.rdi = 5000 + i;
		run_to_hlt(b, guest_fpu_fill);
		switch_to(b, a);
		a->arch.regs.rdi = a->arch.regs.rsi = 1000 + i;
		run_to_hlt(a, guest_fpu_check);
		is_kept = is_kept && a->arch.regs.rax == 0;
	}
	report(is_kept, "registers of the FPU survive other vcpus");
}

static void
check_bases(struct vcpu *a, struct vcpu *b)
{
	bool are_kept = true;

	a->arch.regs.rdi = 0x123456789ab0;
	run_to_hlt(a, guest_set_bases);
	switch_to(a, b);
	b->arch.regs.rdi = 0x6789abcdef00;
	run_to_hlt(b, guest_set_bases);
	for (unsigned int i = 0; i < 2; i++) {
		switch_to(b, a);
		run_to_hlt(a, guest_get_bases);
		are_kept = are_kept && a->arch.regs.rdi == 0x123456789ab0 &&
		           a->arch.regs.rsi == 0x123456789ab1;
		switch_to(a, b);
		run_to_hlt(b, guest_get_bases);
		are_kept = are_kept && b->arch.regs.rdi == 0x6789abcdef00 &&
		           b->arch.regs.rsi == 0x6789abcdef01;
	}
	switch_to(b, a);
	run_to_hlt(a, guest_load_gs); /* which no exit tells of */
	switch_to(a, b);
	switch_to(b, a);
	run_to_hlt(a, guest_get_bases);
	are_kept = are_kept && a->arch.regs.rdi == 0x123456789ab0 && a->arch.regs.rsi == 0;
	report(are_kept, "bases that the guest has set survive a put");
}

static void
check_put(struct vcpu *vcpu)
{
	uint64_t before;
	uint64_t inside;
	uint64_t after;

	vcpu_put(vcpu);
	before = read_cr3();
	vcpu_load(vcpu);
	inside = read_cr3();
	vcpu_put(vcpu);
	after = read_cr3();
	vcpu_load(vcpu);
	report(inside == arch_virt_to_phys(vcpu->vm->mm->arch.pml4) && before != inside &&
	               after == before,
	       "a put leaves nothing behind");
}

/* A user task ran since: ring 3 began on its stack. */
static void
check_stack(struct vcpu *vcpu)
{
	static uint64_t other_stack[64] __attribute__((aligned(16)));

	preempt_disable();
	arch_irq_disable();
	this_cpu_ptr(&tss)->rsp[0] = (uintptr_t)(other_stack + 64);
	arch_irq_enable();
	preempt_enable();
	go_to(vcpu, guest_increment);
	run(vcpu);
	report(vcpu->exit.vector == GP && other_stack[63] == 0,
	       "a guest's exit is on no user task's stack");
}

/* ---- the host's interrupts ---- */

static void
check_interrupts(struct vcpu *vcpu)
{
	uint32_t ticks = 0;
	uint64_t last = 0;
	bool is_kept = true;

	vcpu->arch.regs.rax = 0;
	go_to(vcpu, guest_count);
	for (uint32_t turn = 0; turn < TURNS_MAX && ticks < INTERRUPTS; turn++) {
		preempt_disable();
		arch_irq_disable();
		hand_enter(vcpu);
		is_kept = is_kept && vcpu->exit.code == VCPU_EXIT_INTERRUPT &&
		          vcpu->arch.regs.rax >= last;
		last = vcpu->arch.regs.rax;
		ticks += vcpu->exit.vector == VECTOR_TIMER;
		arch_vcpu_handle_interrupt(vcpu);
		hand_take_early();
		arch_irq_enable();
		preempt_enable();
	}
	report(is_kept && ticks == INTERRUPTS && last > INTERRUPTS,
	       "an endless guest is left by the tick");
}

/* The other order: what the exit has acknowledged comes again, in the window. */
static void
check_window(struct vcpu *vcpu)
{
	uint32_t raised = 0;
	uint32_t taken = 0;

	go_to(vcpu, guest_endless);
	for (uint32_t turn = 0; turn < TURNS_MAX && raised < INTERRUPTS; turn++) {
		uint32_t before;

		preempt_disable();
		arch_irq_disable();
		hand_enter(vcpu);
		hand_take_early();
		before = this_cpu_read(timer_interrupts);
		arch_vcpu_raise_interrupt(vcpu);
		if (this_cpu_read(timer_interrupts) != before) {
			taken = 1000; /* not before the window */
		}
		arch_irq_window();
		if (vcpu->exit.vector == VECTOR_TIMER) {
			raised++;
			taken += this_cpu_read(timer_interrupts) - before;
		}
		arch_irq_enable();
		preempt_enable();
	}
	report(raised == INTERRUPTS && taken >= raised && taken < 2 * raised,
	       "an interrupt that is raised again is taken in the window");
}

/* ---- errors ---- */

static struct atomic nmi_wanted; /* by the vcpu's cpu */
static struct atomic nmi_stop;

static void
send_nmis(void *cpu)
{
	uint32_t sent = 0;

	while (!atomic_load(&nmi_stop)) { /* bounded: the other one comes to an end */
		uint32_t wanted = atomic_load_acquire(&nmi_wanted);

		if (wanted != sent) {
			sent = wanted;
			arch_nmi_send((unsigned int)(uintptr_t)cpu);
		}
		arch_cpu_relax();
	}
}

/* Those that come too late. */
static bool
take_stray(struct regs *regs)
{
	(void)regs;
	return !early_fault_is_awaited();
}

static struct nmi_handler stray_handler = { .fn = take_stray };

/* Each that hits the guest or the steps to it is told with an exit; counts those of the guest. */
static void
check_nmis(struct vcpu *vcpu)
{
	struct task *sender;
	uint32_t in_guest = 0;
	uint32_t told = 0;
	bool is_kept = true;

	if (cpu_count == 1) {
		return;
	}
	register_nmi_handler(&stray_handler);
	sender = task_run(&(struct task_params){
		.comm = "sender",
		.fn = send_nmis,
		.arg = (void *)(uintptr_t)smp_processor_id(),
		.cpus_allowed = 2,
	});
	hand_fill_registers(vcpu, 0);
	go_to(vcpu, guest_endless);
	for (uint32_t turn = 0; turn < TURNS_MAX && told < NMIS; turn++) {
		enum early_cause cause;

		preempt_disable();
		arch_irq_disable();
		atomic_store_release(&nmi_wanted, turn + 1);
		hand_enter(vcpu);
		cause = hand_take_early();
		told += cause == EARLY_NMI;
		in_guest += vcpu->exit.code == VCPU_EXIT_EARLY;
		is_kept = is_kept && hand_registers_are(vcpu, 0) &&
		          (vcpu->exit.code != VCPU_EXIT_EARLY || cause == EARLY_NMI);
		if (vcpu->exit.code == VCPU_EXIT_INTERRUPT) {
			arch_vcpu_handle_interrupt(vcpu);
		}
		arch_irq_enable();
		preempt_enable();
	}
	atomic_store(&nmi_stop, 1);
	task_join(sender);
	printk("%u NMIs: %u in the guest\n", told, in_guest);
	report(is_kept && told == NMIS && in_guest != 0, "an NMI of a guest is its early fault");
}

/* ---- handlers ---- */

static void
check_handlers(struct vcpu *vcpu)
{
	uint64_t rsp = vcpu->arch.regs.rsp;
	uint64_t value = 0;
	bool passed = true;

	arch_vcpu_set_handler(vcpu, VM_FLAT_BASE + (uint64_t)(guest_hlt - guest_code));
	hand_fill_registers(vcpu, 0);
	go_to(vcpu, guest_ud2);
	for (unsigned int depth = 0; depth < PAYLOAD_NESTING_MAX; depth++) {
		passed = passed && arch_vcpu_can_nest(vcpu);
		vcpu->interrupts_on = depth % 2;
		vcpu->injected = (struct vcpu_event){
			.valid = true, .vector = (uint8_t)(40 + depth), .error = 7, .addr = 9
		};
		run(vcpu);
		passed = passed && !vcpu->injected.valid && !vcpu->interrupts_on &&
		         vcpu->exit.vector == GP && vcpu->arch.regs.rdi == 40 + depth &&
		         vcpu->arch.regs.rsi == 7 && vcpu->arch.regs.rdx == 9 &&
		         vcpu->arch.regs.rsp < rsp && vcpu->arch.regs.rsp % 16 == 8;
	}
	passed = passed && !arch_vcpu_can_nest(vcpu) && arch_vcpu_set_saved(vcpu, 3, 0x333) &&
	         arch_vcpu_saved(vcpu, 3, &value) && value == 0x333 &&
	         !arch_vcpu_saved(vcpu, 18, &value);
	for (unsigned int depth = PAYLOAD_NESTING_MAX; depth-- != 0;) {
		passed = arch_vcpu_handler_return(vcpu) && vcpu->interrupts_on == depth % 2 &&
		         passed;
		if (depth == PAYLOAD_NESTING_MAX - 1) {
			passed = passed && vcpu->arch.regs.rbx == 0x333;
		}
	}
	passed = passed && !arch_vcpu_handler_return(vcpu) && hand_registers_are(vcpu, 0) &&
	         vcpu->arch.regs.rsp == rsp;
	run(vcpu);
	report(passed && vcpu->exit.vector == VECTOR_UD, "handlers nest and return");
	arch_vcpu_set_handler(vcpu, 0);
}

int
main(void)
{
	struct vm *vm = hand_machine(guest_code, guest_code_end);
	struct vcpu *a = hand_vcpu(vm);
	struct vcpu *b = hand_vcpu(vm);

	set_cpus_allowed(current, 1); /* the sender has the other */
	preempt_notifier_inc();
	vcpu_load(a);
	check_stack(a);
	check_exits(a);
	check_registers(a);
	check_failed_return(a);
	check_replay(a);
	check_steps(a);
	check_breakpoints(a);
	check_compat(a);
	check_fpu(a, b);
	check_bases(a, b);
	check_put(a);
	check_interrupts(a);
	check_window(a);
	check_nmis(a);
	check_handlers(a);
	vcpu_put(a);
	preempt_notifier_dec();
	vm_destroy(vm);
	printk("%u interrupts of the host while guests ran\n", interrupts);
	printk("%u failures\n", failures);
	return failures == 0 ? 0 : 1;
}
