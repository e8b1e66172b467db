// SPDX-License-Identifier: ISC
/*
 * What lockdep asks of the simulated machine: see guest/lockdep_internal.h for the contracts. Its
 * code is no point, so all of it is one step, and needs no lock.
 */
#pragma once

#include <stdbool.h>

#include "guest/atomic.h"
#include "tests/host/machine.h"

static inline unsigned long
arch_lockdep_enter(void)
{
	return host_step_begin();
}

static inline void
arch_lockdep_exit(unsigned long flags)
{
	host_step_end(flags);
}

static inline bool
arch_lockdep_irqs_on(unsigned long flags)
{
	return flags & HOST_STEP_IRQS_ON;
}

static inline void
arch_lockdep_lock(struct atomic *word)
{
	(void)word;
}

static inline void
arch_lockdep_unlock(struct atomic *word)
{
	(void)word;
}

static inline void
arch_lockdep_place(uintptr_t ip)
{
	(void)ip; /* the replay says more */
}

static inline bool
arch_is_static(const void *addr)
{
	return host_is_static(addr);
}
