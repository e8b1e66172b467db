// SPDX-License-Identifier: ISC
/*
 * Guests whose code is bytes at random: whatever they do, the kernel goes on, and its other guests
 * have what they had. Each check prints PASS or FAIL with its name.
 *
 * -- PAYLOADS SEED
 */
#include "guest/arch/x86_64/doorbell.h"
#include "guest/arch/x86_64/regs.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/main.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "guest/vcpu.h"
#include "guest/vcpu_trap.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/seed.h"
#include "tests/scenario/vcpu_hand.h"

#define PAYLOADS  100u
#define CODE_SIZE 256u
#define EXITS_MAX 40u /* of a payload */
#define TICKS_MAX 1u  /* a payload that computes is left at the second */
#define BATCH     50u /* payloads of a machine; between two looks at the witness */

/* Every register but rsp becomes one more. */
__asm__(".pushsection .rodata\n"
        "witness_code:\n"
        ".irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
        "leaq 1(%\\reg), %\\reg\n"
        ".endr\n"
        "hlt\n"
        "witness_code_end:\n"
        ".popsection\n");
extern const char witness_code[], witness_code_end[];

/* What more of them get further with. */
static const uint8_t beginnings[] = {
	0x0f, 0x66, 0x48, 0x8e, 0xcb, 0xca, 0xcf, 0x9d, 0xc8, 0xd9, 0xdb, 0xf4, 0xfb, 0xfa, 0xe4,
	0xef, 0xcc, 0xcd, 0xea, 0xff, 0xe8, 0x0f, 0x05, 0x0f, 0x34, 0x0f, 0x01, 0x0f, 0xae, 0xf3,
};

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

/* ---- payloads ---- */

static uint64_t state;

static uint64_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/*
 * What QEMU's TCG has wrong: its IRET leads from 64-bit code to virtual 8086 mode, which no machine
 * has there, and a locked BTS of two registers ends it ("tcg fatal error"). So a machine that may
 * be one has neither byte in its guests' code, and they cannot write it.
 */
static bool
is_wrong_in_tcg(uint8_t byte)
{
	return byte == 0xcf /* IRET */ || byte == 0xf0 /* LOCK */;
}

static bool
may_be_tcg(void)
{
	return !doorbell_is_there();
}

static void
write_code(uint8_t *code)
{
	for (uint32_t i = 0; i < CODE_SIZE; i++) {
		uint64_t number = next();

		code[i] = number % 3 != 0 ? (uint8_t)(number >> 8)
		                          : beginnings[(number >> 8) % sizeof(beginnings)];
		if (may_be_tcg() && is_wrong_in_tcg(code[i])) {
			code[i] = 0;
		}
	}
}

/* Pointers to where something is, and flags: everything that an entry loads. */
static void
set_registers(struct vcpu *vcpu)
{
	struct regs *regs = &vcpu->arch.regs;

	for (unsigned int n = 0; n < 16; n++) {
		uint64_t number = next();

		*vcpu_register(regs, n) = number % 4 == 0   ? VM_FLAT_BASE + number % PAGE_SIZE
		                          : number % 4 == 1 ? VM_MMIO + (number >> 8) % 64
		                          : number % 4 == 2 ? 0xffffffff80200000 + number % 0x100000
		                                            : number;
	}
	regs->rsp = VM_STACKS + VM_STACK_SIZE - 8;
	regs->rip = VM_FLAT_BASE + next() % CODE_SIZE;
	regs->rflags = vcpu_clean_rflags(next());
}

static uint32_t exits[257];

/* Until it has done too much. Loaded. */
static void
run(struct vcpu *vcpu)
{
	uint32_t ticks = 0;
	struct vcpu_trap trap;

	for (uint32_t n = 0; n < EXITS_MAX && ticks <= TICKS_MAX; n++) {
		preempt_disable();
		arch_irq_disable();
		hand_enter(vcpu);
		if (vcpu->exit.code == VCPU_EXIT_INTERRUPT) {
			ticks++;
			arch_vcpu_handle_interrupt(vcpu);
		}
		hand_take_early();
		arch_irq_enable();
		preempt_enable();
		exits[vcpu->exit.vector]++;
		if (vcpu->exit.code != VCPU_EXIT_TRAP) {
			continue;
		}
		arch_vcpu_decode(vcpu, &trap);
		if (trap.kind == VCPU_TRAP_EXCEPTION) {
			vcpu->arch.regs.rip = VM_FLAT_BASE + next() % CODE_SIZE;
			vcpu->arch.regs.cs = SEL_USER_CS;
		} else if (trap.kind == VCPU_TRAP_MEMORY) {
			vm_touch(vcpu->vm, trap.addr);
		} else if (trap.kind != VCPU_TRAP_AGAIN) {
			arch_vcpu_complete(vcpu, &trap, next());
		}
	}
}

/* ---- machines ---- */

/* *code: the page of its code. */
static struct vm *
random_machine(uint8_t **code)
{
	unsigned int prot = may_be_tcg() ? ARCH_PROT_EXEC : ARCH_PROT_EXEC | ARCH_PROT_WRITE;
	struct mm *mm = mm_create();

	*code = mm != NULL ? mm_map_guest_page(mm, VM_FLAT_BASE, prot) : NULL;
	if (*code == NULL) {
		panic("no machine");
	}
	return vm_create(VM_EARLY_IRQS_OFF, mm, VM_FLAT_BASE);
}

static void
run_batch(uint32_t count)
{
	uint8_t *code;
	struct vm *vm = random_machine(&code);
	struct vcpu *vcpu = hand_vcpu(vm);

	vcpu_load(vcpu);
	for (uint32_t n = 0; n < count; n++) {
		write_code(code);
		vcpu_reset(vcpu);
		set_registers(vcpu);
		run(vcpu);
	}
	vcpu_put(vcpu);
	vm_destroy(vm);
}

static bool
is_unharmed(struct vcpu *witness, uint64_t turns)
{
	vcpu_load(witness);
	hand_go_to(witness, 0);
	do { /* bounded: its code is */
		preempt_disable();
		arch_irq_disable();
		hand_enter(witness);
		if (witness->exit.code == VCPU_EXIT_INTERRUPT) {
			arch_vcpu_handle_interrupt(witness);
		}
		hand_take_early();
		arch_irq_enable();
		preempt_enable();
	} while (witness->exit.code != VCPU_EXIT_TRAP);
	vcpu_put(witness);
	return hand_registers_are(witness, turns);
}

static void
print_exits(void)
{
	printk("exits by vector:");
	for (unsigned int vector = 0; vector <= VECTOR_SYSCALL; vector++) {
		if (exits[vector] != 0) {
			printk(" %u: %u", vector, exits[vector]);
		}
	}
	printk("\n");
}

int
main(void)
{
	uint32_t payloads = storm_number(0, PAYLOADS);
	struct vm *vm = hand_machine(witness_code, witness_code_end);
	struct vcpu *witness = hand_vcpu(vm);
	bool unharmed = true;
	size_t pages;

	state = storm_number(1, 1) * 0x9e3779b97f4a7c15 | 1;
	hand_fill_registers(witness, 0);
	unharmed = is_unharmed(witness, 1);
	run_batch(BATCH);
	pages = page_count_free();
	for (uint32_t n = 0; n < payloads / BATCH; n++) {
		run_batch(BATCH);
		unharmed = is_unharmed(witness, 2 + n) && unharmed;
	}
	print_exits();
	report(unharmed, "payloads at random harm no other guest");
	report(page_count_free() == pages, "their memory comes back");
	vm_destroy(vm);
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
