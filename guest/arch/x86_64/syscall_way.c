// SPDX-License-Identifier: ISC
/*
 * The probe runs on the caller's stack in both rings, and in the kernel's own text: the lower half
 * is empty at boot, so it can show the kernel's tables for as long as it takes, with a way through
 * them that ring 3 may go. SYSCALL leads to the address in the upper half, which it may not.
 */
#include "guest/arch/x86_64/syscall_way.h"

#include "guest/arch.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/user.h"
#include "guest/panic.h"

#define ENTRY_BITS    9u
#define TABLE_ENTRIES (1u << ENTRY_BITS)
#define TOP_SHIFT     (PAGE_SHIFT + 3 * ENTRY_BITS)
#define KERNEL_ENTRY  (KERNEL_BASE >> TOP_SHIFT & (TABLE_ENTRIES - 1))

extern uint64_t kernel_pml4[TABLE_ENTRIES];

/* entry.S */
extern const char syscall_probe_user[], syscall_probe_entered[], syscall_probe_faulted[];
bool syscall_probe(uintptr_t user_ip);

enum syscall_way syscall_way;

/* user: PTE_USER, or 0; of every table below the top one. */
static void
set_user(uintptr_t va, uint64_t user)
{
	uint64_t *entry = &kernel_pml4[KERNEL_ENTRY];

	for (unsigned int shift = TOP_SHIFT; shift != PAGE_SHIFT;) {
		uint64_t *table = arch_phys_to_virt(*entry & PTE_ADDR);

		shift -= ENTRY_BITS;
		entry = &table[va >> shift & (TABLE_ENTRIES - 1)];
		*entry = (*entry & ~(uint64_t)PTE_USER) | user;
	}
}

void
syscall_way_probe(void)
{
	uintptr_t user = (uintptr_t)syscall_probe_user;
	uint64_t lstar = rdmsr(MSR_LSTAR);
	bool enters;

	ASSERT(arch_irqs_disabled());
	ASSERT(kernel_pml4[0] == 0);
	set_user(user, PTE_USER);
	kernel_pml4[0] = kernel_pml4[KERNEL_ENTRY] | PTE_USER;
	wrmsr(MSR_LSTAR, (uintptr_t)syscall_probe_entered);
	enters = syscall_probe(user & ((1ull << TOP_SHIFT) - 1));
	wrmsr(MSR_LSTAR, lstar);
	kernel_pml4[0] = 0;
	set_user(user, 0);
	write_cr3(read_cr3());
	syscall_way = enters ? SYSCALL_ENTERS : SYSCALL_FAULTS;
}

/* The stack is the same. */
void
syscall_way_exception(struct regs *regs)
{
	ASSERT(syscall_way == SYSCALL_UNKNOWN);
	if (regs->rip != (uintptr_t)syscall_probe_entered ||
	    (regs->vector != VECTOR_PF && regs->vector != VECTOR_GP)) {
		panic_regs(regs, "ring 3 does not work on this machine: vector %u", regs->vector);
	}
	regs->rip = (uintptr_t)syscall_probe_faulted;
	regs->cs = SEL_KERNEL_CS;
	regs->ss = SEL_KERNEL_DS;
	regs->rflags = RFLAGS_FIXED;
}
