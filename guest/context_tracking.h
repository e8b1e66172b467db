// SPDX-License-Identifier: ISC
/*
 * Where each cpu is: in the kernel, idle, in user code, in a guest; and whether RCU watches it.
 * Follows Linux 6.18's kernel/context_tracking.c.
 *
 * One word a cpu, which only that cpu changes: the context, and above it a counter whose lowest bit
 * says that RCU watches. A cpu that is not watched holds no reader, and is asked for nothing. An
 * interrupt or NMI that hits it has it watched for its time; one within that finds it watched, and
 * changes nothing. Every change is a full barrier: readers before it are over for whoever sees it,
 * and readers behind it see what was stored before he looked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/percpu.h"

enum ct_context {
	CT_KERNEL,
	CT_IDLE,
	CT_USER,
	CT_GUEST,
};

#define CT_CONTEXT_MASK 0x3u
#define CT_WATCHING     0x4u /* the counter's unit, and its parity: set is watched */

DECLARE_PER_CPU(struct atomic, context_tracking);

/* The whole word of this cpu. Any context; at once out of date unless the caller is pinned. */
static inline uint32_t
ct_this_cpu(void)
{
	return this_cpu_read(context_tracking.value);
}

/* This cpu's context, whatever interrupts it. Any context. */
static inline enum ct_context
ct_context(void)
{
	return (enum ct_context)(ct_this_cpu() & CT_CONTEXT_MASK);
}

/* Are readers of this cpu waited for? Any context. */
static inline bool
rcu_is_watching(void)
{
	return ct_this_cpu() & CT_WATCHING;
}

/*
 * Debug images: what readers, wakeups and traces need. Any context. (That bug's store is still on
 * its way, so the check would come before the harm.)
 */
#define CT_CHECK_WATCHING()                                     \
	do {                                                    \
		if (CONFIG_DEBUG && !bug(CT_ENTER_UNORDERED)) { \
			bool rcu_watches = rcu_is_watching();   \
			ASSERT(rcu_watches);                    \
		}                                               \
	} while (0)

/* Is this cpu's extended quiescent state on? Ordered before what the caller reads next. Any. */
static inline bool
rcu_is_idle_cpu(unsigned int cpu)
{
	return !(atomic_load_acquire(&per_cpu(context_tracking, cpu)) & CT_WATCHING);
}

/*
 * Between the kernel and another context: behind enter, and before exit, nothing may be read that
 * RCU guards, traced, or woken. enter: irqs off, outside of readers. exit: pinned.
 */
void ct_idle_enter(void);
void ct_idle_exit(void);
void ct_user_enter(void);
void ct_user_exit(void);

/*
 * Into watching. The barrier is between this store and the first load of a reader: it pairs with
 * the one between what an updater stored and the look of a grace period at this word.
 */
static inline void
ct_advance_into_watching(uint32_t by)
{
	struct atomic *word = raw_cpu_ptr(&context_tracking);

	if (bug(CT_ENTER_UNORDERED)) {
		atomic_store(word, atomic_load(word) + by);
	} else {
		atomic_fetch_add(word, by);
	}
}

/* The same around a guest's instructions: Linux's guest_state_enter_irqoff(). irqs off. */
static inline void
guest_state_enter_irqoff(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	DEBUG_ASSERT((ct_this_cpu() & (CT_CONTEXT_MASK | CT_WATCHING)) ==
	             (CT_KERNEL | CT_WATCHING));
	atomic_fetch_add(raw_cpu_ptr(&context_tracking), CT_WATCHING + CT_GUEST);
}

static inline void
guest_state_exit_irqoff(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	DEBUG_ASSERT((ct_this_cpu() & (CT_CONTEXT_MASK | CT_WATCHING)) == CT_GUEST);
	ct_advance_into_watching(CT_WATCHING - CT_GUEST);
}

/*
 * An interrupt or NMI, first and last thing. enter returns whether it was what made RCU watch:
 * then, and only then, exit ends that. irqs off.
 */
void ct_watch(void);
void ct_unwatch(void);

static inline bool
ct_irq_enter(void)
{
	if (__builtin_expect(rcu_is_watching(), 1)) {
		return false;
	}
	ct_watch();
	return true;
}

static inline void
ct_irq_exit(bool entered)
{
	if (__builtin_expect(entered, 0)) {
		ct_unwatch();
	}
}

#define ct_nmi_enter()       ct_irq_enter()
#define ct_nmi_exit(entered) ct_irq_exit(entered)

/*
 * This cpu was, for a moment, where it holds no reader: Linux's rcu_momentary_eqs(). irqs off, and
 * outside of readers.
 */
void ct_pass(void);
