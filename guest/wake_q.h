// SPDX-License-Identifier: ISC
/*
 * Wakeups that are decided under a lock and made after it is dropped. Linux's wake_q.
 *
 * A task is in one queue at most: who finds it queued already leaves it to the other waker, whose
 * wakeup comes later and therefore shows the sleeper this waker's condition too.
 */
#pragma once

#include <stdbool.h>

#include "guest/task.h"

struct wake_q_head {
	struct wake_q_node *first;
	struct wake_q_node **last;
};

void wake_q_init(struct wake_q_head *head);

/*
 * Takes note of task, with a reference. Returns false if some queue has it. A full barrier in any
 * case: what the caller stored before is visible before the other waker wakes. Any context but NMI;
 * head is the caller's alone.
 */
bool wake_q_add(struct wake_q_head *head, struct task *task);

/* Wakes them (TASK_NORMAL) in the order in which they were added. Any context but NMI. */
void wake_up_q(struct wake_q_head *head);
