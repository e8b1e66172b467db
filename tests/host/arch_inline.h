// SPDX-License-Identifier: ISC
/*
 * The inline half of the seam in a process: see guest/arch.h for the contracts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "guest/vcpu_trap.h"
#include "shared/payload_abi.h"
#include "tests/host/machine.h"

#define ARCH_STACK_AREA      ((uintptr_t)host_stacks)
#define ARCH_STACK_AREA_SIZE sizeof(host_stacks)

#define HOST_FLAGS_IF 0x200ul

struct regs {
	bool irqs_on; /* in the interrupted code */
	bool *mended; /* an exception's: to be set by the fixup; NULL: it has none */
	bool user;    /* it is a user task's */
};

struct arch_task {
	void *sp; /* while switched out */
	void (*fn)(void *);
	void *arg;
	/* Counters of the task's own only: where this task's is, and its own place for it. */
	void *count_at;
	uint64_t count;
	uint64_t *user_word;    /* of a user task: its user_word (machine.h), while switched out */
	uint64_t user_expected; /* what that is when it runs */
};

struct arch_mm {
	unsigned int count;
	struct host_user_page {
		uintptr_t va;
		char *page;
		unsigned int prot;
	} pages[HOST_USER_PAGES_MAX];
};

/* Where a guest is: an instruction of a function (tests/host/guest.h). */
struct arch_guest_place {
	uintptr_t fn;
	unsigned int at;
	bool interrupts_on;
	uint64_t result; /* of the last trap: its one register that is no state of the machine */
};

struct arch_vcpu {
	uint64_t word;     /* its guest_word (machine.h), while it is not loaded */
	uint64_t expected; /* what that is when it runs */
	struct arch_guest_place place;
	uintptr_t handler; /* 0: none */
	unsigned int depth;
	struct arch_guest_place interrupted[PAYLOAD_NESTING_MAX];
	struct {
		uint8_t vector;
		uint32_t error;
		uint64_t addr;
	} event;      /* that its handler was entered with */
	bool trapped; /* and neither completed nor replayed */
	unsigned int next;
	struct vcpu_trap trap;
	bool at_gate;
	const void *reads;  /* the word that each instruction loads, or NULL */
	unsigned int fault; /* enum early_cause: comes with the next exit */
	bool exits;
	unsigned int completed;
	unsigned int replayed;
};

/* Below the process, which is the kernel's half. */
#define ARCH_USER_END         0x400000u
#define ARCH_USER_PROGRAM_END 0x200000u
#define ARCH_USER_STACK_PAGES 2u
#define ARCH_USER_STATE_SIZE  sizeof(uint64_t)
#define ARCH_ELF_MACHINE      62 /* nobody runs it here */

static inline void
arch_irq_disable(void)
{
	host_point_local();
	host_this->irqs_on = false;
}

static inline void
arch_irq_enable(void)
{
	host_irq_enable();
}

static inline bool
arch_irqs_disabled(void)
{
	return !host_this->irqs_on;
}

static inline unsigned long
arch_irq_save(void)
{
	unsigned long flags;

	host_point_local();
	flags = host_this->irqs_on ? HOST_FLAGS_IF : 0;
	arch_irq_disable();
	return flags;
}

static inline void
arch_irq_restore(unsigned long flags)
{
	if (flags & HOST_FLAGS_IF) {
		arch_irq_enable();
	}
}

static inline void
arch_safe_halt(void)
{
	host_safe_halt();
}

static inline void
arch_cpu_relax(void)
{
	host_cpu_relax();
}

static inline uint64_t
arch_cycles(void)
{
	return host_cycles();
}

/* arch.c's. */
uint64_t arch_clock_ns(void);
uint64_t arch_cycles_to_ns(uint64_t cycles);

static inline bool
arch_regs_irqs_on(const struct regs *regs)
{
	return regs->irqs_on;
}

static inline bool
arch_regs_user(const struct regs *regs)
{
	return regs->user;
}

static inline uint64_t
arch_regs_ip(const struct regs *regs)
{
	(void)regs;
	return 0;
}

static inline void
arch_trap(void)
{
	bool mended = false;

	host_exception(&mended);
}

static inline bool
arch_irqentry_may_resched(void)
{
	return !host_this->vetoes;
}

static inline bool
arch_on_stack(const void *stack)
{
	const char *at = host_this->called_on != NULL ? (const char *)host_this->called_on - 1
	                                              : __builtin_frame_address(0);

	return (uintptr_t)(at - (const char *)stack) < HOST_STACK_SIZE;
}

static inline void
arch_clear_pages(void *pages, size_t count)
{
	host_note_pages(pages, count);
	memset(pages, 0, count * 4096);
}

static inline void *
arch_phys_to_virt(uint64_t phys)
{
	return host_pages + phys;
}

static inline uint64_t
arch_virt_to_phys(const void *virt)
{
	return (uint64_t)((const char *)virt - host_pages);
}
