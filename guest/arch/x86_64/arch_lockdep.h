// SPDX-License-Identifier: ISC
/*
 * What lockdep asks of x86-64: see guest/lockdep_internal.h for the contracts.
 */
#pragma once

#include <stdbool.h>

#include "guest/arch/x86_64/arch_inline.h"
#include "guest/arch/x86_64/doorbell.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/atomic.h"
#include "shared/doorbell_abi.h"

extern char __data_start[];
extern char __bss_end[];

static inline unsigned long
arch_lockdep_enter(void)
{
	return arch_irq_save();
}

static inline void
arch_lockdep_exit(unsigned long flags)
{
	arch_irq_restore(flags);
}

static inline bool
arch_lockdep_irqs_on(unsigned long flags)
{
	return flags & RFLAGS_IF;
}

static inline void
arch_lockdep_lock(struct atomic *word)
{
	while (atomic_xchg(word, 1) != 0) { /* bounded: the others' changes */
		arch_cpu_relax();
	}
}

static inline void
arch_lockdep_unlock(struct atomic *word)
{
	atomic_store_release(word, 0);
}

static inline void
arch_lockdep_place(uintptr_t ip)
{
	if (doorbell_is_there()) {
		outl(DOORBELL_PORT + DOORBELL_PLACE, (uint32_t)ip);
	}
}

static inline bool
arch_is_static(const void *addr)
{
	return (const char *)addr >= __data_start && (const char *)addr < __bss_end;
}
