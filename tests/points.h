// SPDX-License-Identifier: ISC
/*
 * Where a switch may happen: the table that each point of the kernel is held against, under each
 * model and for each request, on the host architecture and inside the machine. It is Linux 6.18's,
 * and knows nothing of how the kernel decides.
 *
 *   Y  if a reschedule is wanted       A  always, whether it is or not
 *   L  if it is, or lazily             -  never
 *
 * One column a model: none, voluntary, full, lazy, and rt, which does not exist here yet.
 */
#pragma once

#include <stdbool.h>

#include "guest/preempt_model.h"

#define POINTS(X)                                                              \
	X(SYSCALL_RETURN, "syscall return to user", "LLLLL")                   \
	X(IRQ_RETURN_USER, "interrupt return to user", "LLLLL")                \
	X(EXCEPTION_RETURN_USER, "exception return to user", "LLLLL")          \
	X(GUEST_ENTRY, "entry to a vcpu's guest", "LLLLL")                     \
	X(IRQ_RETURN, "interrupt return to kernel", "--YYY")                   \
	X(EXCEPTION_RETURN, "exception return to kernel", "--YYY")             \
	X(PREEMPT_ENABLE, "outermost preempt_enable", "--YYY")                 \
	X(PREEMPT_ENABLE_NOTRACE, "outermost preempt_enable_notrace", "--YYY") \
	X(SPIN_UNLOCK, "spin_unlock", "--YYY")                                 \
	X(SPIN_UNLOCK_IRQRESTORE, "spin_unlock_irqrestore", "--YYY")           \
	X(LOCAL_BH_ENABLE, "local_bh_enable", "--YYY")                         \
	X(COND_RESCHED, "cond_resched", "YY---")                               \
	X(MIGHT_SLEEP, "might_sleep", "-Y---")                                 \
	X(COND_RESCHED_LOCK, "cond_resched_lock", "YYYYY")                     \
	X(SCHEDULE, "schedule", "AAAAA")                                       \
	X(SCHEDULE_PREEMPT_DISABLED, "schedule_preempt_disabled", "AAAAA")     \
	X(YIELD, "yield", "AAAAA")                                             \
	X(BLOCK, "block", "AAAAA")                                             \
	X(IDLE_LOOP, "idle loop", "YYYYY")                                     \
	X(SLEEPING_LOCK, "contended sleeping spinlock", "----A")

enum point_id {
#define POINT_ENUM(id, name, switches) POINT_##id,
	POINTS(POINT_ENUM)
#undef POINT_ENUM
		POINT_COUNT
};

enum point_request { REQUEST_NONE, REQUEST_LAZY, REQUEST_FULL, REQUEST_COUNT };

static const char *const point_request_names[REQUEST_COUNT] = {
	[REQUEST_NONE] = "not asked",
	[REQUEST_LAZY] = "asked lazily",
	[REQUEST_FULL] = "asked",
};

/* switches: a row of the table. */
static inline bool
point_switches(const char *switches, enum preempt_model model, enum point_request request)
{
	switch (switches[model]) {
	case 'A':
		return true;
	case 'L':
		return request != REQUEST_NONE;
	case 'Y':
		return request == REQUEST_FULL;
	default:
		return false;
	}
}
