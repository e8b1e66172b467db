// SPDX-License-Identifier: ISC
/*
 * Kernel threads that their users create, stop and park. Follows Linux 6.18's kernel/kthread.c, but
 * no daemon creates them: every task here is the kernel's.
 *
 * Whoever creates a thread has a reference until kthread_stop(). Park, unpark and stop of one
 * thread follow each other: its users see to that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct task;

/*
 * A thread that will run fn(arg) on any cpu, or on this one only, once it is woken
 * (wake_up_process()): until then it sleeps uninterruptibly. The name is formatted. NULL: no
 * memory. Task context; may be called with preemption off.
 */
__attribute__((format(printf, 3, 4))) struct task *kthread_create(int (*fn)(void *), void *arg,
                                                                  const char *name, ...);
__attribute__((format(printf, 4, 5))) struct task *kthread_create_on_cpu(int (*fn)(void *),
                                                                         void *arg,
                                                                         unsigned int cpu,
                                                                         const char *name, ...);

/* The same, woken. */
#define kthread_run(fn, arg, ...)                                                   \
	({                                                                          \
		struct task *created_thread = kthread_create(fn, arg, __VA_ARGS__); \
		if (created_thread != NULL) {                                       \
			wake_up_process(created_thread);                            \
		}                                                                   \
		created_thread;                                                     \
	})

/* A thread that was not woken yet runs on this cpu only, and nobody may change that. Any context.
 */
void kthread_bind(struct task *task, unsigned int cpu);

/* A thread that was not woken yet gets the policy SCHED_FIFO. Linux's sched_set_fifo. Any context.
 */
void kthread_set_fifo(struct task *task, uint8_t priority);

/*
 * Has the thread end, waits for its end, drops the caller's reference, and returns what its
 * function returned: -EINTR, if it was never woken before, and then its function does not run. Ends
 * its sleep, a parked one too; its interruptible sleeps find a signal from now on. A thread that
 * has ended by itself is stopped too. Count 0, irqs on.
 */
int kthread_stop(struct task *task);

/* Is current to end? To be tested after the state of a sleep is set. Current is a thread. */
bool kthread_should_stop(void);

/* Ends current, a thread, as if its function returned result. Count 0, irqs on. */
_Noreturn void kthread_exit(int result);

/*
 * Asks the thread to park, and waits until it is parked and off its cpu; current just takes note.
 * -EBUSY: it is asked already. The thread answers by kthread_parkme(), and may not end before.
 * Count 0, irqs on.
 */
int kthread_park(struct task *task);

/* Lets it go on: at once if it is parked, else it does not park. Any context but NMI. */
void kthread_unpark(struct task *task);

/* Is current to park? To be tested as kthread_should_stop() is. */
bool kthread_should_park(void);

/* Parks current, a thread, as long as it is to. Count 0, irqs on. */
void kthread_parkme(void);

/* Has it been bound to its cpu? Any context. */
bool kthread_is_bound(const struct task *task);

/* What task_put() frees with a task: may be NULL. */
struct kthread;
void kthread_free(struct kthread *kthread);
