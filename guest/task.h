// SPDX-License-Identifier: ISC
/*
 * Tasks: kernel threads of control, each with a stack of its own.
 *
 * States follow Linux: a sleeper sets its state, with a full barrier, before it tests its
 * condition; the waker makes the condition true, then calls wake_up_state(), which has the other
 * barrier.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/completion.h"
#include "guest/list.h"
#include "guest/llist.h"
#include "guest/lockdep.h"
#include "guest/percpu.h"
#include "guest/spinlock.h"

#define TASK_COMM_SIZE 16 /* NUL included */

/* task->state: one of these (bits, so that a waker names a set). */
#define TASK_RUNNING         0x00u
#define TASK_INTERRUPTIBLE   0x01u
#define TASK_UNINTERRUPTIBLE 0x02u
#define __TASK_STOPPED       0x04u
#define TASK_PARKED          0x40u
#define TASK_DEAD            0x80u
#define TASK_WAKEKILL        0x100u /* a fatal signal ends it, too */
#define TASK_WAKING          0x200u
#define TASK_NOLOAD          0x400u /* with UNINTERRUPTIBLE: not counted as load */
#define TASK_NEW             0x800u
#define TASK_IDLE            (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_NORMAL          (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define TASK_KILLABLE        (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_STOPPED         (TASK_WAKEKILL | __TASK_STOPPED)

/* task->flags: Linux's TIF bits. */
#define TIF_NOTIFY_RESUME     (1u << 0) /* user task: it has to do, see entry_user.h */
#define TIF_SIGPENDING        (1u << 1)
#define TIF_NEED_RESCHED      (1u << 4)
#define TIF_NEED_RESCHED_LAZY (1u << 5)
#define TIF_POLLING_NRFLAG    (1u << 6) /* idle looks at its flags: set one, send nothing */

/* task->on_rq. MIGRATING: in no queue, on its way to its cpu's; whoever moves it owns it. */
#define TASK_ON_RQ_QUEUED    1u
#define TASK_ON_RQ_MIGRATING 2u

enum sched_policy {
	SCHED_NORMAL,
	SCHED_FIFO,
};

/* Internal priority, smaller is more important: FIFO 1-99 is 98-0, nice n is 120 + n, idle 140. */
#define MAX_RT_PRIO  100
#define DEFAULT_PRIO 120
#define IDLE_PRIO    140

struct kthread;
struct mm;
struct mutex;
struct preempt_notifier;
struct sched_class;
struct worker;

/* A task's place in a struct wake_q_head. */
struct wake_q_node {
	struct atomic queued;
	struct wake_q_node *next;
};

struct task {
	/* Any cpu, atomically. */
	struct atomic flags;
	struct atomic state;    /* by the task, or under pi_lock; out of WAKING by its rq's lock */
	struct atomic on_cpu;   /* 1 from before the switch in until after the switch out; 0 or 1
	                           even of a task that is gone: see task_put() */
	struct atomic on_rq;    /* written under its rq's lock */
	struct atomic cpu;      /* written under its rq's lock, or pi_lock while WAKING */
	struct atomic refcount; /* the creator's and the scheduler's */

	/* Fixed after task_create(), but prio: written under pi_lock and its rq's lock. */
	uint32_t pid;
	char comm[TASK_COMM_SIZE];
	uint8_t prio;
	const struct sched_class *class;
	struct kthread *kthread; /* NULL: it is none of kthread.h */
	struct worker *worker;   /* NULL: it is none of a workqueue */
	bool is_user;            /* it runs code of ring 3 (user.h) */

	/* pi_lock serializes wakeups and changes of this task. */
	struct raw_spinlock pi_lock;
	uint64_t cpus_allowed; /* bit n: cpu n; written under the rq's lock too */

	/* The waker's that has it in hand. */
	struct llist_node wake_entry; /* WAKING: in the wake list of its cpu */
	struct wake_q_node wake_q;

	/* The rq's lock. */
	struct list run_node;
	uint32_t weight;          /* fair: of its slice */
	uint32_t slice_ticks;     /* fair: ticks left of the slice */
	bool contributes_to_load; /* it blocked uninterruptibly; then its waker's */
	uint64_t nvcsw;           /* voluntary switches */
	uint64_t nivcsw;          /* involuntary switches */

	/* Its own, or of whoever has it switched out. */
	struct arch_task arch;
	struct preempt_notifier *preempt_notifiers;
	struct mm *mm;         /* NULL: a kernel thread, or a user task that ends */
	struct mm *retired_mm; /* that the switch to it unloaded, and that it is to put */
	int exit_status;
	void *stack; /* lowest address, STACK_SIZE bytes; the canary is its first word */
	uintptr_t preempt_disable_ip; /* debug images: where the outermost disable was called */
	struct lockdep_task lockdep;  /* debug images: what it holds */

	uint32_t rcu_nesting;      /* depth, and RCU_NO_SPECIAL (rcu.h); read by no other cpu */
	struct atomic rcu_blocked; /* 1 + index of the count that it is in as a reader; 0: none */

	struct completion exited; /* task_exit() to task_join() */

	/* Signals (signal.h), bit n - 1: signal n; siglock comes before pi_lock. */
	struct raw_spinlock siglock;
	struct atomic signals;  /* pending; written under siglock */
	uint32_t signals_taken; /* the others it ignores; under siglock */

	struct atomic_ptr works; /* entry_user.h */

	struct list all_node; /* the lock of the list of all tasks */
};

DECLARE_PER_CPU(struct task *, current_task);

/* Any context. */
#define current this_cpu_read(current_task)

struct task_params {
	const char *comm;
	void (*fn)(void *);
	void *arg;
	enum sched_policy policy;
	uint8_t rt_priority;   /* SCHED_FIFO: 1-99, more is more important */
	int8_t nice;           /* SCHED_NORMAL: -20..19 */
	uint64_t cpus_allowed; /* 0: every cpu */
};

/*
 * A new task in TASK_NEW, with two references: the caller's and the scheduler's. NULL: no memory.
 * Task context; may be called with preemption off.
 */
struct task *task_create(const struct task_params *params);

/* Takes a reference, while the caller has one. Any context. */
void task_get(struct task *task);

/*
 * Drops the caller's reference. Any context but NMI. The memory of a task that is gone is some
 * task's for ever: who read a pointer to one that may be gone may still read its on_cpu.
 */
void task_put(struct task *task);

/*
 * Calls each() for every task but the idle ones, oldest first, new and dead ones included; holds a
 * reference meanwhile, and no lock. Tasks that come and go meanwhile may be left out. Count 0, irqs
 * on.
 */
void task_for_each(void (*each)(struct task *task, void *cookie), void *cookie);

/* Makes a TASK_NEW task runnable. Any context but NMI. */
void wake_up_new_task(struct task *task);

/*
 * Makes the task runnable if its state is in `states`; returns whether it was (Linux's
 * try_to_wake_up). A full barrier before the state is read. Any context but NMI.
 */
bool wake_up_state(struct task *task, uint32_t states);

static inline bool
wake_up_process(struct task *task)
{
	return wake_up_state(task, TASK_NORMAL);
}

/*
 * task_create() and wake_up_new_task(); panics without memory. Returns with the caller's reference.
 */
struct task *task_run(const struct task_params *params);

/* At the end of a task's function, or of main(): a leaked count, or irqs left off, is a panic. */
void task_check_end(void);

/* Ends current: count 0, irqs on. */
_Noreturn void task_exit(void);

/*
 * Sleeps until task has ended, and drops the caller's reference; returns a user task's exit status,
 * of others 0. At most one joiner. May sleep.
 */
int task_join(struct task *task);

static inline bool
signal_pending(const struct task *task)
{
	return atomic_load(&task->flags) & TIF_SIGPENDING;
}

/*
 * A signal for task: its interruptible sleep ends, and none begins while it is pending. states:
 * more that end, TASK_WAKEKILL if the signal is fatal. Any context but NMI.
 */
void signal_wake_up_state(struct task *task, uint32_t states);

static inline void
signal_wake_up(struct task *task)
{
	signal_wake_up_state(task, 0);
}

/*
 * If task runs on another cpu, that cpu looks at its flags on the way back to user code or into a
 * guest: sends it the reschedule interrupt. The flags come first, with a full barrier. Linux's. Any
 * context but NMI.
 */
void kick_process(struct task *task);

/* Current's state, with a full barrier behind it: before the condition is tested. */
static inline void
set_current_state(uint32_t state)
{
	atomic_store_mb(&current->state, state);
}

/* Without the barrier: for TASK_RUNNING, after the wait. */
static inline void
__set_current_state(uint32_t state)
{
	atomic_store(&current->state, state);
}

/*
 * For states that no condition is tested in, and that a waker of an earlier sleep, who is slow,
 * must not undo: waits for it. Linux's. Any context but NMI.
 */
void set_special_state(uint32_t state);

/* First code of every task, called by the arch: finishes the switch, calls fn(arg), exits. */
_Noreturn void task_entry(struct task *prev, void (*fn)(void *), void *arg);

/* Makes the running boot code of a cpu into its idle task. Boot and AP start. */
struct task *task_create_idle(unsigned int cpu);
