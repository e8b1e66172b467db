// SPDX-License-Identifier: ISC
/* Follows kernel/entry/virt.c. */
#include "guest/entry_virt.h"

#include "guest/entry_user.h"
#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"

int
__xfer_to_guest_mode_handle_work(void)
{
	uint32_t work = xfer_to_guest_mode_work();

	ASSERT(preempt_count() == 0);
	ASSERT(!arch_irqs_disabled());
	while (work != 0) { /* bounded: a turn for each thing that was asked meanwhile */
		if (work & TIF_SIGPENDING) {
			return -EINTR;
		}
		if (work & (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)) {
			schedule_user(SCHED_REASON_GUEST_ENTRY);
		}
		if (work & TIF_NOTIFY_RESUME) {
			resume_user_mode_work();
		}
		work = xfer_to_guest_mode_work();
	}
	return 0;
}
