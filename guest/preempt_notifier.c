// SPDX-License-Identifier: ISC
#include "guest/preempt_notifier.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"

static struct atomic key; /* who holds it */

/* Of this cpu: its current is in the walk of its list. */
static DEFINE_PER_CPU(uint32_t, walking);

void
preempt_notifier_inc(void)
{
	might_sleep();
	atomic_fetch_add(&key, 1);
}

void
preempt_notifier_dec(void)
{
	uint32_t holders;

	might_sleep();
	holders = atomic_fetch_sub(&key, 1);
	ASSERT(holders != 0);
}

void
preempt_notifier_init(struct preempt_notifier *notifier, const struct preempt_ops *ops)
{
	*notifier = (struct preempt_notifier){ .ops = ops };
}

static __attribute__((cold, noinline)) _Noreturn void
complain(const char *what, const char *how)
{
	panic("preempt notifier of %s, pid %u, %s %s", current->comm, current->pid, what, how);
}

static inline void
check_key(const char *what)
{
	if (__builtin_expect(atomic_load(&key) == 0, 0) && !bug(NOTIFIER_KEY_UNTESTED)) {
		complain(what, "without the key");
	}
}

static inline void
check_change(const char *what)
{
	DEBUG_ASSERT(in_task());
	DEBUG_ASSERT(preempt_count() != 0 || !CONFIG_PREEMPT_COUNT);
	if (__builtin_expect(this_cpu_read(walking), 0) && !bug(NOTIFIER_CHANGE_UNSEEN)) {
		complain(what, "in a call of the list");
	}
}

void
preempt_notifier_register(struct preempt_notifier *notifier)
{
	struct task *task = current;

	if (bug(NOTIFIER_TAKES_KEY)) {
		preempt_notifier_inc();
	}
	check_change("registered");
	check_key("registered");
	if (notifier->task != NULL) {
		complain("registered", "twice");
	}
	notifier->task = task;
	notifier->next = task->preempt_notifiers;
	task->preempt_notifiers = notifier;
}

void
preempt_notifier_unregister(struct preempt_notifier *notifier)
{
	struct task *task = current;
	struct preempt_notifier **link = &task->preempt_notifiers;

	check_change("unregistered");
	if (CONFIG_DEBUG) {
		check_key("unregistered");
	}
	if (notifier->task != task) {
		panic("preempt notifier unregistered that %s, pid %u, does not have", task->comm,
		      task->pid);
	}
	while (*link != notifier) { /* bounded: it is in the list */
		link = &(*link)->next;
	}
	*link = notifier->next;
	notifier->next = NULL;
	notifier->task = NULL;
}

void
preempt_notifier_check_exit(void)
{
	if (current->preempt_notifiers != NULL && !bug(NOTIFIER_EXIT_UNCHECKED)) {
		panic("task %s, pid %u, ends with a preempt notifier", current->comm, current->pid);
	}
}

/* A call that leaves another context than it found would be noticed far from here. */
static inline void
check_out_context(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	DEBUG_ASSERT(preempt_count() == FORK_PREEMPT_COUNT);
	lockdep_assert_held(&this_cpu_ptr(&runqueue)->lock);
}

static inline void
check_in_context(void)
{
	DEBUG_ASSERT(!arch_irqs_disabled());
	DEBUG_ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
}

void
fire_sched_out_preempt_notifiers(struct task *prev, struct task *next)
{
	DEBUG_ASSERT(prev == current);
	ASSERT(prev != next);
	check_out_context();
	if (CONFIG_DEBUG) {
		check_key("called"); /* it was there when the first was registered */
	}
	this_cpu_write(walking, 1);
	for (struct preempt_notifier *n = prev->preempt_notifiers; n != NULL; n = n->next) {
		ASSERT(n->task == prev);
		n->ops->sched_out(n, next);
		check_out_context();
	}
	this_cpu_write(walking, 0);
}

/* The first that is called, and the next behind n. */
static struct preempt_notifier *
next_in(struct task *task, struct preempt_notifier *n)
{
	struct preempt_notifier *next = n == NULL ? task->preempt_notifiers : n->next;
	struct preempt_notifier *before = NULL;

	if (!bug(NOTIFIED_IN_REVERSE)) {
		return next;
	}
	for (next = task->preempt_notifiers; next != n; next = next->next) { /* bounded: n ends */
		before = next;
	}
	return before;
}

void
fire_sched_in_preempt_notifiers(void)
{
	struct task *task = current;
	struct preempt_notifier *n = NULL;

	check_in_context();
	if (CONFIG_DEBUG) {
		check_key("called"); /* it was there when the first was registered */
	}
	this_cpu_write(walking, 1);
	while ((n = next_in(task, n)) != NULL) { /* bounded: the list's length */
		ASSERT(n->task == task);
		n->ops->sched_in(n, smp_processor_id());
		check_in_context();
	}
	this_cpu_write(walking, 0);
}
