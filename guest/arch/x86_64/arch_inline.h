// SPDX-License-Identifier: ISC
/*
 * The inline half of the seam on x86-64: see guest/arch.h for the contracts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch/x86_64/extable.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/regs.h"
#include "guest/stack.h"

/* Addresses for arch_map_pages(): this many bytes from here on belong to the core. */
#define ARCH_STACK_AREA      STACK_AREA
#define ARCH_STACK_AREA_SIZE STACK_AREA_SIZE

struct arch_task {
	uint64_t rsp; /* while switched out */
	void *fpu;    /* user task: what fxsave saves, while switched out; else NULL */
	uint64_t fs_base;
	uint64_t gs_base; /* both of a user task, while switched out */
};

struct arch_mm {
	uint64_t *pml4; /* in the direct map */
};

/*
 * A guest of ring 3. The machine and the entry code save its registers right where they stay; below
 * them lies what an IRETQ to ring 3 that faults takes more. The bases of FS and GS and the FPU are
 * the guest's in the machine while it is loaded.
 */
struct arch_vcpu {
	uint64_t fault_room[8];
	struct regs regs __attribute__((aligned(16)));
	uint64_t host_rsp; /* while it runs */
	uint64_t host_cr3; /* while it is loaded */
	uint64_t fs_base;
	uint64_t gs_base;
	uint64_t debug[4]; /* DR0 to DR3 */
	uint64_t dr6;
	uint64_t dr7;
	uint64_t handler; /* 0: none */
	uint32_t depth;   /* of handlers within handlers */
	struct vcpu_memory *memory;
};

/* The last page below the hole stays free: SYSCALL at its end would return to the hole. */
#define ARCH_USER_END         0x7ffffffff000u
#define ARCH_USER_PROGRAM_END 0x7f0000000000u
#define ARCH_USER_STACK_PAGES 4u
#define ARCH_USER_STATE_SIZE  512u
#define ARCH_ELF_MACHINE      62

static inline void
arch_irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void
arch_irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline unsigned long
arch_irq_flags(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline bool
arch_irqs_disabled(void)
{
	return !(arch_irq_flags() & RFLAGS_IF);
}

static inline unsigned long
arch_irq_save(void)
{
	unsigned long flags = arch_irq_flags();

	arch_irq_disable();
	return flags;
}

static inline void
arch_irq_restore(unsigned long flags)
{
	if (__builtin_expect(flags & RFLAGS_IF, RFLAGS_IF)) {
		arch_irq_enable();
	}
}

static inline void
arch_safe_halt(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

static inline void
arch_cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline uint64_t
arch_cycles(void)
{
	uint32_t low;
	uint32_t high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* clock.c's. */
#define CLOCK_FRACTION_BITS 32
extern uint64_t arch_boot_cycles;
extern uint64_t clock_ns_per_cycle; /* << CLOCK_FRACTION_BITS */

static inline uint64_t
arch_cycles_to_ns(uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * clock_ns_per_cycle >> CLOCK_FRACTION_BITS);
}

static inline uint64_t
arch_clock_ns(void)
{
	return arch_cycles_to_ns(arch_cycles() - arch_boot_cycles);
}

static inline bool
arch_regs_irqs_on(const struct regs *regs)
{
	return regs->rflags & RFLAGS_IF;
}

static inline bool
arch_regs_user(const struct regs *regs)
{
	return regs->cs & 3;
}

static inline uint64_t
arch_regs_ip(const struct regs *regs)
{
	return regs->rip;
}

/* Not int3: some machines have none for the kernel. */
static inline void
arch_trap(void)
{
	__asm__ volatile("1: ud2\n2:\n" ASM_EXTABLE("1b", "2b")::: "memory");
}

/* Nothing here. */
static inline bool
arch_irqentry_may_resched(void)
{
	return true;
}

static inline bool
arch_on_stack(const void *stack)
{
	return (uintptr_t)__builtin_frame_address(0) - (uintptr_t)stack < STACK_SIZE;
}

static inline void
arch_clear_pages(void *pages, size_t count)
{
	size_t words = count * 512;

	__asm__ volatile("rep stosq" : "+D"(pages), "+c"(words) : "a"(0) : "memory");
}

static inline void *
arch_phys_to_virt(uint64_t phys)
{
	return (void *)(DIRECT_MAP_BASE + phys);
}

static inline uint64_t
arch_virt_to_phys(const void *virt)
{
	return (uintptr_t)virt - DIRECT_MAP_BASE;
}
