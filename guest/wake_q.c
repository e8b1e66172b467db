// SPDX-License-Identifier: ISC
#include "guest/wake_q.h"

#include <stddef.h>

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"

void
wake_q_init(struct wake_q_head *head)
{
	head->first = NULL;
	head->last = &head->first;
}

/* A failed compare-exchange must order as well as one that succeeds (4c4e3731564c). */
static bool
claim(struct wake_q_node *node)
{
	uint32_t expected = 0;

	if (bug(WAKE_Q_UNORDERED) && atomic_load(&node->queued)) {
		return false;
	}
	return atomic_try_cmpxchg(&node->queued, &expected, 1);
}

bool
wake_q_add(struct wake_q_head *head, struct task *task)
{
	struct wake_q_node *node = &task->wake_q;

	ASSERT(!in_nmi());
	if (!claim(node)) {
		return false;
	}
	task_get(task);
	node->next = NULL;
	*head->last = node;
	head->last = &node->next;
	return true;
}

void
wake_up_q(struct wake_q_head *head)
{
	struct wake_q_node *node = head->first;

	wake_q_init(head);
	while (node != NULL) { /* bounded: the queue's length */
		struct task *task = container_of(node, struct task, wake_q);

		node = node->next;
		/* From here on another waker may queue it; our wakeup's barrier is behind this. */
		atomic_store_release(&task->wake_q.queued, 0); /* next was read before */
		wake_up_state(task, TASK_NORMAL);
		task_put(task);
	}
}
