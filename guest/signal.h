// SPDX-License-Identifier: ISC
/*
 * Minimal signals: a set of pending ones a task, no handlers, no masks. What a signal does is ended
 * sleeps, and what the task makes of it when it takes it. Linux's kernel/signal.c with every
 * handler the default one.
 *
 * SIGKILL ends interruptible and killable sleeps and stops; SIGSTOP stops the task where it takes
 * it, until SIGCONT or SIGKILL; SIGCONT is never pending: it cancels a SIGSTOP that was not taken
 * yet, and ends a stop. The others end interruptible sleeps.
 *
 * As in Linux, a kernel task ignores what it has not asked for: a signal that it never takes would
 * end each of its interruptible sleeps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/task.h"

#define SIGINT  2
#define SIGKILL 9
#define SIGUSR1 10
#define SIGCONT 18
#define SIGSTOP 19

#define sigmask(sig) (1u << ((sig)-1))

/* From now on current takes this signal, which is not SIGCONT. Task context. */
void allow_signal(unsigned int sig);

/*
 * Makes the signal pending and wakes task where that ends a sleep; nothing if task ignores it. The
 * caller has a reference. Returns 0, or -EINVAL if there is no such signal. Any context but NMI.
 */
int send_sig(unsigned int sig, struct task *task);

/*
 * Takes current's next signal, SIGKILL first, then the lowest; stops here for a SIGSTOP. Returns
 * it, or 0: none is left. The caller ends current on SIGKILL. Linux's get_signal. Count 0, irqs on.
 */
unsigned int get_signal(void);

/* Forgets what is pending for task. Any context but NMI. */
void flush_signals(struct task *task);

static inline bool
__fatal_signal_pending(const struct task *task)
{
	return atomic_load(&task->signals) & sigmask(SIGKILL);
}

/* Any context. */
static inline bool
fatal_signal_pending(const struct task *task)
{
	return signal_pending(task) && __fatal_signal_pending(task);
}

/* Does a pending signal end a sleep in this state before it begins? Any context. */
static inline bool
signal_pending_state(uint32_t state, const struct task *task)
{
	if (!(state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) || !signal_pending(task)) {
		return false;
	}
	return (state & TASK_INTERRUPTIBLE) || bug(KILLABLE_BY_ALL) || __fatal_signal_pending(task);
}
