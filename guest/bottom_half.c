// SPDX-License-Identifier: ISC
#include "guest/bottom_half.h"

#include "guest/lockdep.h"
#include "guest/panic.h"

/*
 * In two steps, as in Linux: between them bottom halves are on and preemption is still off, which
 * is how a softirq runs. The first borrows from the softirq field, so the checked subtraction would
 * not understand it: the assertion has looked instead.
 */
void
local_bh_enable_by(uint32_t offset)
{
	ASSERT(!in_hardirq());
	ASSERT(!arch_irqs_disabled());
	ASSERT(softirq_count() >= SOFTIRQ_DISABLE_OFFSET);
	barrier();
	__preempt_count_sub(offset - 1);
	if (CONFIG_LOCKDEP && softirq_count() == 0) {
		lockdep_softirqs_on();
	}
	if (__builtin_expect(preempt_count_dec_and_test(), 0) && !bug(BH_ENABLE_UNASKED)) {
		arch_preempt_schedule();
	}
}
