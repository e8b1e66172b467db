// SPDX-License-Identifier: ISC
/*
 * The way from user code into the kernel and back, the part that is the same on every architecture.
 * Follows Linux's kernel/entry/common.c.
 *
 * The way back looks for work, with interrupts off, until there is none: what is asked later
 * interrupts user code, and is found on the way back from there.
 */
#pragma once

#include <stdint.h>

#include "guest/task.h"

/* What keeps a task from user code. Both kinds of request count, under every model. */
#define EXIT_TO_USER_MODE_WORK \
	(TIF_NOTIFY_RESUME | TIF_SIGPENDING | TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)

/*
 * An interrupt or exception of user code: the first and the last thing in the kernel. irqs off at
 * entry and at return; exit: count 0.
 */
void irqentry_enter_from_user_mode(void);
void irqentry_exit_to_user_mode(void);

/*
 * A system call, by the number in its report. enter: irqs off at entry, on at return. exit: the
 * reverse; another count than 0, irqs off, or a held lock is a panic.
 */
void syscall_enter_from_user_mode(void);
void syscall_exit_to_user_mode(uint64_t number);

/* A new task's way to its first instruction: as behind a system call. Count 0, irqs on; then off.
 */
void user_mode_begin(void);

/*
 * Work for a task on its next way to user code, or at its end: fn is called there once, with count
 * 0 and irqs on, and may free the work. Linux's task_work.
 */
struct task_work {
	struct llist_node node;
	void (*fn)(struct task_work *work);
};

/* Returns 0, or -ESRCH: task, of which the caller has a reference, ends. Any context but NMI. */
int task_work_add(struct task *task, struct task_work *work);

/* Does the work that current has, which sets TIF_NOTIFY_RESUME. Count 0, irqs on. Linux's. */
void resume_user_mode_work(void);

/* Current ends: calls what is left, and takes no more. Count 0, irqs on. */
void task_work_end(void);
