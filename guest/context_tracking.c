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
	ct_advance_into_watching(CT_WATCHING - context);
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
ct_watch(void)
{
	ct_advance_into_watching(CT_WATCHING);
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
