// SPDX-License-Identifier: ISC
/*
 * The invariants of the run loop, by the letters of Linux's order: what must hold at each point of
 * every iteration. Debug images check all; the others those that cost a comparison.
 *
 *     point                    count  irqs  mode      cpu
 *   A after load                 1     on   OUTSIDE   loaded here
 *   B loop top                   0     on   OUTSIDE   loaded here, if one looks pinned
 *   C preempt_disable            1     on   OUTSIDE   loaded here: remembered
 *   D mode stored                1     off  IN/EXIT   the same
 *   E last check passed          1     off  IN/EXIT   the same; no request was seen
 *   F entry                      1     off  IN/EXIT   the same; the record is empty
 *   G after exit                 1     off  OUTSIDE   the same, and not put since C
 *   H interrupt window           1     on   OUTSIDE   the same; guest time runs still
 *   I early handling             1     *    OUTSIDE   the same, and not put since C
 *   J before preempt_enable      1     on   OUTSIDE   the same; the record is empty
 *   K handle_exit                0     on   OUTSIDE   any
 *   L end of the iteration       0     on   OUTSIDE   any; entries == exits
 *   M after put                  0     on   OUTSIDE   not loaded
 *   N sched_out                  2     off  OUTSIDE   loaded here, rq->lock held
 *   O sched_in                   1     on   OUTSIDE   RUN not set yet
 *   P in an interrupt            hard  off  any       RUN is current's, or NULL
 *
 * * on in arm64's order, off in x86's.
 */
#pragma once

#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/vcpu.h"

/* The point's letter, in words, and whether guest.elf looks at it, too: see below. */
#define VCPU_CHECKS(X) \
	X(loaded)      \
	X(top)         \
	X(pinned)      \
	X(mode)        \
	X(entry)       \
	X(exit)        \
	X(window)      \
	X(early)       \
	X(consumed)    \
	X(handle)      \
	X(turn)        \
	X(put)         \
	X(out)         \
	X(in)

/* void vcpu_check_POINT(vcpu): panics if something of the point does not hold. */
#define VCPU_CHECK(point)                                        \
	void vcpu_check_all_##point(struct vcpu *vcpu);          \
                                                                 \
	static inline void vcpu_check_##point(struct vcpu *vcpu) \
	{                                                        \
		if (CONFIG_DEBUG) {                              \
			vcpu_check_all_##point(vcpu);            \
		}                                                \
	}
VCPU_CHECKS(VCPU_CHECK)
#undef VCPU_CHECK

/* P: in hardirq, what it interrupted. */
void vcpu_check_interrupt(void);

/*
 * NULL, or which identity of struct vcpu_stats a vcpu that nobody runs does not have; check panics
 * with it. Any context.
 */
const char *vcpu_stats_fault(const struct vcpu *vcpu);
void vcpu_check_stats(const struct vcpu *vcpu);
