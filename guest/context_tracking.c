// SPDX-License-Identifier: ISC
/*
 * Contexts, and the counter by which others see them change. Each change is one locked operation,
 * so that whatever interrupts it finds it done or not begun.
 */
#include "guest/context_tracking.h"

#include "guest/arch.h"
#include "guest/bug.h"

DEFINE_PER_CPU(struct atomic, context_tracking) = ATOMIC_INIT(CT_WATCHING);

static inline void
advance(uint32_t by)
{
	atomic_fetch_add(this_cpu_ptr(&context_tracking), by);
}

/*
 * Into watching. The barrier is between this store and the first load of a reader: it pairs with
 * the one between what an updater stored and the look of a grace period at this word.
 */
static inline void
advance_into_watching(uint32_t by)
{
	struct atomic *word = this_cpu_ptr(&context_tracking);

	if (bug(CT_ENTER_UNORDERED)) {
		atomic_store(word, atomic_load(word) + by);
	} else {
		atomic_fetch_add(word, by);
	}
}

static void
leave_kernel(enum ct_context context)
{
	ASSERT(arch_irqs_disabled());
	ASSERT(rcu_is_watching());
	ASSERT(ct_context() == CT_KERNEL);
	advance(CT_WATCHING + context);
}

static void
enter_kernel(enum ct_context context)
{
	ASSERT((ct_this_cpu() & (CT_CONTEXT_MASK | CT_WATCHING)) == context); /* not watched */
	advance_into_watching(CT_WATCHING - context);
}

void
ct_idle_enter(void)
{
	leave_kernel(CT_IDLE);
}

void
ct_idle_exit(void)
{
	enter_kernel(CT_IDLE);
}

void
ct_user_enter(void)
{
	leave_kernel(CT_USER);
}

void
ct_user_exit(void)
{
	enter_kernel(CT_USER);
}

void
guest_state_enter_irqoff(void)
{
	leave_kernel(CT_GUEST);
}

void
guest_state_exit_irqoff(void)
{
	ASSERT(arch_irqs_disabled());
	enter_kernel(CT_GUEST);
}

void
ct_watch(void)
{
	advance_into_watching(CT_WATCHING);
}

void
ct_unwatch(void)
{
	CT_CHECK_WATCHING();
	ASSERT(ct_context() != CT_KERNEL);
	advance(CT_WATCHING);
}

void
ct_pass(void)
{
	ASSERT(rcu_is_watching());
	advance(2 * CT_WATCHING);
}
