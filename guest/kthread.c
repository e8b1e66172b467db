// SPDX-License-Identifier: ISC
/*
 * A request is a flag of the thread's and a wakeup. The thread tests the flags after it has set the
 * state of its sleep, so it sees the flag, or the wakeup sees the state.
 */
#include "guest/kthread.h"

#include "guest/bug.h"
#include "guest/completion.h"
#include "guest/errno.h"
#include "guest/format.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"

#define SHOULD_STOP 0x1u
#define SHOULD_PARK 0x2u

struct kthread {
	struct atomic flags; /* any cpu */

	/* Fixed before the first wakeup. */
	int (*fn)(void *);
	void *arg;
	bool bound;

	int result;               /* the thread's; read after its end */
	struct completion parked; /* each time that it parks */
};

static bool
is_asked(uint32_t flag)
{
	ASSERT(current->kthread != NULL);
	return atomic_load(&current->kthread->flags) & flag;
}

bool
kthread_should_stop(void)
{
	return is_asked(SHOULD_STOP);
}

bool
kthread_should_park(void)
{
	return is_asked(SHOULD_PARK);
}

bool
kthread_is_bound(const struct task *task)
{
	return task->kthread != NULL && task->kthread->bound;
}

void
kthread_exit(int result)
{
	current->kthread->result = result;
	task_exit();
}

static void
run_thread(void *unused)
{
	struct kthread *self = current->kthread;
	int result = -EINTR;

	(void)unused;
	if (!kthread_should_stop() || bug(KTHREAD_RUNS_STOPPED)) {
		kthread_parkme();
		result = self->fn(self->arg);
	}
	kthread_exit(result);
}

/* Asleep before its first step, as Linux's threads are: so the first wakeup may come twice. */
static struct task *
create(int (*fn)(void *), void *arg, const char *name, va_list args)
{
	struct kthread *kthread = object_alloc(sizeof(*kthread));
	char comm[TASK_COMM_SIZE];
	struct task *task;

	if (kthread == NULL) {
		return NULL;
	}
	format_to(comm, sizeof(comm), name, args);
	task = task_create(&(struct task_params){ .comm = comm, .fn = run_thread });
	if (task == NULL) {
		object_free(kthread, sizeof(*kthread));
		return NULL;
	}
	kthread->fn = fn;
	kthread->arg = arg;
	init_completion(&kthread->parked);
	task->kthread = kthread;
	atomic_store(&task->state, TASK_UNINTERRUPTIBLE);
	return task;
}

struct task *
kthread_create(int (*fn)(void *), void *arg, const char *name, ...)
{
	struct task *task;
	va_list args;

	va_start(args, name);
	task = create(fn, arg, name, args);
	va_end(args);
	return task;
}

struct task *
kthread_create_on_cpu(int (*fn)(void *), void *arg, unsigned int cpu, const char *name, ...)
{
	struct task *task;
	va_list args;

	va_start(args, name);
	task = create(fn, arg, name, args);
	va_end(args);
	if (task != NULL) {
		kthread_bind(task, cpu);
	}
	return task;
}

void
kthread_set_fifo(struct task *task, uint8_t priority)
{
	unsigned long flags = raw_spin_lock_irqsave(&task->pi_lock);

	ASSERT(task->kthread != NULL);
	ASSERT(atomic_load(&task->state) == TASK_UNINTERRUPTIBLE);
	ASSERT(!atomic_load(&task->on_rq));
	sched_init_task(task, &(struct task_params){
				      .policy = SCHED_FIFO,
				      .rt_priority = priority,
			      });
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
}

void
kthread_bind(struct task *task, unsigned int cpu)
{
	unsigned long flags = raw_spin_lock_irqsave(&task->pi_lock);

	ASSERT(task->kthread != NULL);
	ASSERT(atomic_load(&task->state) == TASK_UNINTERRUPTIBLE);
	ASSERT(!atomic_load(&task->on_rq));
	task->cpus_allowed = 1ull << cpu;
	task->kthread->bound = true;
	atomic_store(&task->cpu, cpu);
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
}

void
kthread_free(struct kthread *kthread)
{
	if (kthread != NULL) {
		object_free(kthread, sizeof(*kthread));
	}
}

/* ---- stopping ---- */

int
kthread_stop(struct task *task)
{
	struct kthread *kthread = task->kthread;
	int result;

	might_sleep();
	ASSERT(kthread != NULL);
	ASSERT(task != current);
	if (bug(KTHREAD_STOP_WAKES_FIRST)) {
		wake_up_process(task);
	}
	atomic_fetch_or(&kthread->flags, SHOULD_STOP);
	atomic_fetch_or(&task->flags, TIF_SIGPENDING);
	kthread_unpark(task);
	if (!bug(KTHREAD_STOP_WAKES_FIRST)) {
		wake_up_process(task);
	}
	wait_for_completion(&task->exited);
	result = kthread->result;
	task_put(task);
	return result;
}

/* ---- parking ---- */

/* It has said that it is parked, and switches away with preemption off. */
static void
wait_until_off_cpu(const struct task *task)
{
	while (atomic_load_acquire(&task->on_cpu) && atomic_load(&task->state) == TASK_PARKED) {
		arch_cpu_relax(); /* bounded: the rest of its switch */
	}
}

int
kthread_park(struct task *task)
{
	struct kthread *kthread = task->kthread;

	ASSERT(kthread != NULL);
	if (atomic_fetch_or(&kthread->flags, SHOULD_PARK) & SHOULD_PARK) {
		return -EBUSY;
	}
	if (task == current) {
		return 0;
	}
	wake_up_process(task);
	wait_for_completion(&kthread->parked);
	if (!bug(PARK_STILL_ON_CPU)) {
		wait_until_off_cpu(task);
	}
	return 0;
}

/* The wakeup has the barrier: the thread sees that the flag is gone, or is woken. */
void
kthread_unpark(struct task *task)
{
	struct kthread *kthread = task->kthread;

	ASSERT(kthread != NULL);
	if (!(atomic_load(&kthread->flags) & SHOULD_PARK)) {
		return;
	}
	if (bug(UNPARK_WAKES_FIRST)) {
		wake_up_state(task, TASK_PARKED);
	}
	atomic_fetch_and(&kthread->flags, ~SHOULD_PARK);
	if (!bug(UNPARK_WAKES_FIRST)) {
		wake_up_state(task, TASK_PARKED);
	}
}

/*
 * A waker that saw an earlier sleep may still be about to make us RUNNING, and we would say twice
 * that we are parked: the lock waits for it.
 */
static void
set_parked(void)
{
	if (bug(PARKED_UNLOCKED)) {
		set_current_state(TASK_PARKED);
		return;
	}
	raw_spin_lock_irq(&current->pi_lock);
	set_current_state(TASK_PARKED);
	raw_spin_unlock_irq(&current->pi_lock);
}

/* Not preempted between word and sleep, or whoever parks us would wait for long. */
void
kthread_parkme(void)
{
	ASSERT(preempt_count() == 0);
	if (!kthread_should_park()) {
		return;
	}
	for (;;) { /* bounded: until it is unparked */
		set_parked();
		if (!kthread_should_park()) {
			break;
		}
		preempt_disable();
		complete(&current->kthread->parked);
		schedule_preempt_disabled();
		preempt_enable();
	}
	__set_current_state(TASK_RUNNING);
}
