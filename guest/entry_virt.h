// SPDX-License-Identifier: ISC
/*
 * Before a vcpu enters its guest: what a task has to do first, as before it goes to user code.
 * Linux's include/linux/entry-virt.h.
 */
#pragma once

#include <stdbool.h>

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/rcu.h"
#include "guest/task.h"

/* What keeps a task from guest code. Both kinds of request count, under every model. */
#define XFER_TO_GUEST_MODE_WORK \
	(TIF_NOTIFY_RESUME | TIF_SIGPENDING | TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)

static inline uint32_t
xfer_to_guest_mode_work(void)
{
	uint32_t work = atomic_load(&current->flags) & XFER_TO_GUEST_MODE_WORK;

	return bug(GUEST_LAZY_IGNORED) ? work & ~TIF_NEED_RESCHED_LAZY : work;
}

/* Racy where others may add some: for who looks again. Any context. */
static inline bool
__xfer_to_guest_mode_work_pending(void)
{
	return xfer_to_guest_mode_work() != 0;
}

/*
 * The last look, behind what RCU has put off, which may ask for a reschedule (4ae7dc97f726): what
 * comes later interrupts the guest. irqs off.
 */
static inline bool
xfer_to_guest_mode_work_pending(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	if (!bug(GUEST_FLUSH_MISSING)) {
		rcu_flush_deferred_wakeup();
	}
	return __xfer_to_guest_mode_work_pending();
}

int __xfer_to_guest_mode_handle_work(void);

/* Until there is none: 0, or -EINTR: a signal is pending. Count 0, irqs on; switches. */
static inline int
xfer_to_guest_mode_handle_work(void)
{
	return __builtin_expect(__xfer_to_guest_mode_work_pending(), 0)
	               ? __xfer_to_guest_mode_handle_work()
	               : 0;
}
