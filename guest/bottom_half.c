// SPDX-License-Identifier: ISC
#include "guest/bottom_half.h"

#include "guest/lockdep.h"
#include "guest/panic.h"
#include "guest/softirq.h"

/* May borrow from the softirq field, which the checked subtraction would not understand. */
static inline void
lower_by(uint32_t value)
{
	barrier();
	__preempt_count_sub(value);
	if (CONFIG_LOCKDEP && softirq_count() == 0) {
		lockdep_softirqs_on();
	}
}

/*
 * In two steps, as in Linux: between them bottom halves are on, softirqs run, and preemption is
 * still off. An interrupt before the first leaves its softirqs to us, so we look behind it; one
 * that comes later serves them itself.
 */
void
local_bh_enable_by(uint32_t offset)
{
	bool pending = bug(BH_ENABLE_LOOKS_FIRST) && local_softirq_pending() != 0;
	uint32_t count = preempt_count_raw();

	ASSERT(!(count & HARDIRQ_MASK));
	ASSERT(count & (SOFTIRQ_MASK & ~SOFTIRQ_OFFSET));
	ASSERT(!arch_irqs_disabled());
	lower_by(bug(BH_ENABLE_PREEMPTIBLE) ? offset : offset - 1);
	if (!bug(BH_ENABLE_LOOKS_FIRST)) {
		pending = local_softirq_pending() != 0;
	}
	if (__builtin_expect(pending, 0)) {
		do_softirq();
	}
	if (bug(BH_ENABLE_PREEMPTIBLE)) {
		preempt_disable();
	}
	if (__builtin_expect(preempt_count_dec_and_test(), 0) && !bug(BH_ENABLE_UNASKED)) {
		arch_preempt_schedule();
	}
}

void
_local_bh_enable(void)
{
	ASSERT(!in_hardirq());
	ASSERT(arch_irqs_disabled());
	ASSERT(softirq_count() >= SOFTIRQ_DISABLE_OFFSET);
	lower_by(SOFTIRQ_DISABLE_OFFSET);
}
