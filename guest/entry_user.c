// SPDX-License-Identifier: ISC
/*
 * The order is Linux's (D2): reschedule, signals, work of others, and what RCU has put off, which
 * may ask for a reschedule, before the flags are read for the last time (47b8ff194c1f).
 */
#include "guest/entry_user.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/syscall.h"
#include "guest/user.h"

/* ---- work of others ---- */

/* In the place of the list of a task that takes no more. */
static struct llist_node closed;

int
task_work_add(struct task *task, struct task_work *work)
{
	void *first = atomic_load(&task->works);

	ASSERT(!in_nmi());
	do { /* bounded: one turn more for each work that another cpu adds here */
		if (first == &closed) {
			return -ESRCH;
		}
		work->node.next = first;
	} while (!atomic_try_cmpxchg(&task->works, &first, (void *)&work->node));
	atomic_fetch_or(&task->flags, TIF_NOTIFY_RESUME); /* behind the list: who sees it, looks */
	kick_process(task);
	return 0;
}

static void
run_works(struct llist_node *node)
{
	node = llist_reverse_order(node);
	while (node != NULL) { /* bounded: the list's length */
		struct task_work *work = container_of(node, struct task_work, node);

		node = node->next; /* the function may free it */
		work->fn(work);
	}
}

void
task_work_end(void)
{
	run_works(atomic_xchg(&current->works, bug(WORKS_LEFT_OPEN) ? NULL : (void *)&closed));
}

/* The flag first: what is added from here on sets it again. */
void
resume_user_mode_work(void)
{
	if (bug(RESUME_FLAG_LATE)) {
		run_works(llist_del_all(&current->works));
	}
	atomic_fetch_and(&current->flags, ~TIF_NOTIFY_RESUME);
	if (!bug(RESUME_FLAG_LATE)) {
		run_works(llist_del_all(&current->works));
	}
	mm_put_retired();
}

/* ---- the way back ---- */

static void
handle_signals(void)
{
	unsigned int sig = get_signal();

	if (sig != 0) {
		user_exit(USER_STATUS_KILLED + (int)sig);
	}
}

static void
do_work(uint32_t work, enum sched_reason reason)
{
	if (work & (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)) {
		schedule_user(reason);
	}
	if (work & TIF_SIGPENDING) {
		handle_signals();
	}
	if (work & TIF_NOTIFY_RESUME) {
		resume_user_mode_work();
	}
}

static inline uint32_t
read_flags(void)
{
	uint32_t work = atomic_load(&current->flags) & EXIT_TO_USER_MODE_WORK;

	return bug(USER_LAZY_IGNORED) ? work & ~TIF_NEED_RESCHED_LAZY : work;
}

/* The last things that others may see, before the flags that they may set. */
static inline uint32_t
read_work(void)
{
	uint32_t work;

	if (bug(USER_FLUSH_LATE)) {
		work = read_flags();
		rcu_flush_deferred_wakeup();
		return work;
	}
	rcu_flush_deferred_wakeup();
	return read_flags();
}

/* irqs off, before and after. */
static __attribute__((noinline)) void
exit_to_user_mode_loop(uint32_t work, enum sched_reason reason)
{
	while (work != 0) { /* bounded: a turn for each thing that was asked meanwhile */
		arch_irq_enable();
		do_work(work, reason);
		if (bug(USER_WORK_READ_EARLY)) {
			work = read_flags();
			arch_irq_disable();
			continue;
		}
		arch_irq_disable();
		work = bug(USER_WORK_ONCE) ? 0 : read_work();
	}
	ASSERT(preempt_count() == 0);
}

/* irqs are off, and stay so to the end: ct_user_enter() asserts it. */
static inline void
exit_to_user_mode_prepare(enum sched_reason reason)
{
	uint32_t work = read_work();

	if (__builtin_expect(work != 0, 0)) {
		exit_to_user_mode_loop(work, reason);
	}
	ct_user_enter();
}

void
irqentry_enter_from_user_mode(void)
{
	ASSERT(arch_irqs_disabled());
	ct_user_exit();
}

void
irqentry_exit_to_user_mode(void)
{
	ASSERT(preempt_count() == 0);
	exit_to_user_mode_prepare(bug(USER_IRQ_RETURN_AS_KERNEL) ? SCHED_REASON_IRQ_RETURN
	                                                         : SCHED_REASON_USER_IRQ_RETURN);
}

void
syscall_enter_from_user_mode(void)
{
	ct_user_exit();
	arch_irq_enable();
}

static __attribute__((cold, noinline)) void
complain(uint64_t number)
{
	const char *name = syscall_name(number);

	if (preempt_count() != 0) {
		panic("system call %s returns with preempt_count %08x", name, preempt_count());
	}
	panic("system call %s returns with interrupts off", name);
}

/* P3: a leak is reported where its owner still has a name. */
void
syscall_exit_to_user_mode(uint64_t number)
{
	if (preempt_count() != 0 || arch_irqs_disabled()) {
		complain(number);
	}
	lockdep_check_exit();
	arch_irq_disable();
	exit_to_user_mode_prepare(SCHED_REASON_SYSCALL_RETURN);
}

void
user_mode_begin(void)
{
	ASSERT(preempt_count() == 0);
	arch_irq_disable();
	exit_to_user_mode_prepare(SCHED_REASON_SYSCALL_RETURN);
}
