// SPDX-License-Identifier: ISC
/*
 * Updaters: they take turns at grace periods, and share one that begins after they asked. Callbacks
 * are queued in one list, which a task of ours takes whole, waits, and calls.
 */
#include "guest/rcu.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/completion.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"

static struct completion turn;  /* one is done: nobody has it */
static struct atomic gp_number; /* twice the grace periods that ended; odd: one runs */

static struct atomic_ptr callbacks;
static struct task *caller_back;
DEFINE_PER_CPU(bool, rcu_wakeup_deferred);

/* The number at the end of the first grace period that begins from now on. */
static uint32_t
number_to_wait_for(void)
{
	/* Unlinked before the number is read: pairs with the turn, behind which it is written. */
	smp_mb();
	return (atomic_load(&gp_number) + 3) & ~1u;
}

static void
advance_number(void)
{
	atomic_store(&gp_number, atomic_load(&gp_number) + 1);
}

static void
wait_or_share(bool expedited)
{
	uint32_t wanted = number_to_wait_for();

	wait_for_completion(&turn);
	if ((int32_t)(atomic_load(&gp_number) - wanted) < 0) {
		advance_number();
		rcu_grace_period(expedited);
		advance_number();
	}
	complete(&turn);
}

void
synchronize_rcu(void)
{
	wait_or_share(false);
}

void
synchronize_rcu_expedited(void)
{
	wait_or_share(true);
}

/* ---- callbacks ---- */

/* With irqs off the caller may hold what a wakeup needs. */
void
call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	head->fn = fn;
	if (!llist_add(&callbacks, &head->node)) {
		return; /* whoever made it not empty tells, or has told */
	}
	if (arch_irqs_disabled()) {
		this_cpu_write(rcu_wakeup_deferred, true);
	} else {
		wake_up_process(caller_back);
	}
}

void
rcu_do_deferred_wakeup(void)
{
	ASSERT(arch_irqs_disabled());
	this_cpu_write(rcu_wakeup_deferred, false);
	wake_up_process(caller_back);
}

static struct llist_node *
take_callbacks(void)
{
	struct llist_node *list;

	for (;;) { /* bounded: until there are some */
		set_current_state(TASK_INTERRUPTIBLE);
		list = llist_del_all(&callbacks);
		if (list != NULL) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return llist_reverse_order(list);
}

static void
call_back(struct rcu_head *head)
{
	void (*fn)(struct rcu_head *) = head->fn; /* head may be gone afterwards */
	uint32_t count;

	preempt_disable();
	count = preempt_count();
	fn(head);
	if (preempt_count() != count || rcu_preempt_depth() != 0) {
		panic("RCU callback %lx: preempt_count %08x at its end, %08x at its start, %u deep",
		      (uintptr_t)fn, preempt_count(), count, rcu_preempt_depth());
	}
	preempt_enable();
}

static void
run_callbacks(void *unused)
{
	(void)unused;
	for (;;) { /* forever */
		struct llist_node *node = take_callbacks();

		if (!bug(RCU_CALLED_EARLY)) {
			synchronize_rcu();
		}
		while (node != NULL) { /* bounded: the list's length */
			struct llist_node *next = node->next;

			call_back(container_of(node, struct rcu_head, node));
			node = next;
		}
	}
}

struct barrier_head {
	struct rcu_head rcu;
	struct completion done;
};

static void
complete_barrier(struct rcu_head *head)
{
	complete(&container_of(head, struct barrier_head, rcu)->done);
}

/* The list is in the order of the calls, whatever their cpus. */
void
rcu_barrier(void)
{
	struct barrier_head head;

	init_completion(&head.done);
	call_rcu(&head.rcu, complete_barrier);
	wait_for_completion(&head.done);
}

void
rcu_init(void)
{
	init_completion(&turn);
	complete(&turn);
	caller_back = task_run(&(struct task_params){ .comm = "rcu", .fn = run_callbacks });
}
