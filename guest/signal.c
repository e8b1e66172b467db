// SPDX-License-Identifier: ISC
/*
 * What is pending, and TIF_SIGPENDING, which tells it to those who sleep, change together under
 * siglock: a signal that comes while another is taken is not lost. A task becomes stopped under it
 * too, so that a SIGCONT finds either the SIGSTOP or the stop.
 */
#include "guest/signal.h"

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"

#define SIGNALS (sigmask(SIGINT) | sigmask(SIGKILL) | sigmask(SIGUSR1) | sigmask(SIGSTOP))

static bool
is_signal(unsigned int sig)
{
	return sig >= 1 && sig <= 32 && (SIGNALS & sigmask(sig));
}

void
allow_signal(unsigned int sig)
{
	unsigned long flags = raw_spin_lock_irqsave(&current->siglock);

	ASSERT(!in_hardirq());
	ASSERT(is_signal(sig));
	current->signals_taken |= sigmask(sig);
	raw_spin_unlock_irqrestore(&current->siglock, flags);
}

static void
recalc_sigpending(struct task *task)
{
	if (atomic_load(&task->signals) != 0) {
		atomic_fetch_or(&task->flags, TIF_SIGPENDING);
	} else {
		atomic_fetch_and(&task->flags, ~TIF_SIGPENDING);
	}
}

static void
forget_locked(struct task *task, uint32_t signals)
{
	atomic_store(&task->signals, atomic_load(&task->signals) & ~signals);
}

/* TIF_SIGPENDING may outlive the SIGSTOP: whoever looks for a signal then finds none. */
static void
continue_locked(struct task *task)
{
	if (!bug(CONT_LEAVES_STOP)) {
		forget_locked(task, sigmask(SIGSTOP));
	}
	wake_up_state(task, __TASK_STOPPED);
}

static void
add_locked(struct task *task, unsigned int sig)
{
	bool fatal = sig == SIGKILL && !bug(KILL_NOT_FATAL);

	if (task->signals_taken & sigmask(sig)) {
		atomic_store(&task->signals, atomic_load(&task->signals) | sigmask(sig));
		signal_wake_up_state(task, fatal ? TASK_WAKEKILL : 0);
	}
}

int
send_sig(unsigned int sig, struct task *task)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	if (sig != SIGCONT && !is_signal(sig)) {
		return -EINVAL;
	}
	flags = raw_spin_lock_irqsave(&task->siglock);
	if (sig == SIGCONT) {
		continue_locked(task);
	} else {
		add_locked(task, sig);
	}
	raw_spin_unlock_irqrestore(&task->siglock, flags);
	return 0;
}

static unsigned int
dequeue_locked(struct task *task)
{
	uint32_t signals = atomic_load(&task->signals);
	unsigned int sig = signals & sigmask(SIGKILL) ? SIGKILL
	                   : signals != 0             ? (unsigned int)__builtin_ctz(signals) + 1
	                                              : 0;

	if (sig != 0) {
		forget_locked(task, sigmask(sig));
	}
	if (!bug(SIGNAL_RECALC_UNLOCKED)) {
		recalc_sigpending(task);
	}
	return sig;
}

/* Unlocks. What ends the stop is SIGCONT, or a SIGKILL that get_signal() then finds. */
static void
stop_locked(struct task *task)
{
	if (bug(STOP_UNLOCKED)) {
		raw_spin_unlock_irq(&task->siglock);
		set_special_state(TASK_STOPPED);
	} else {
		if (bug(STOP_PLAIN_STATE)) {
			__set_current_state(TASK_STOPPED);
		} else {
			set_special_state(TASK_STOPPED);
		}
		raw_spin_unlock_irq(&task->siglock);
	}
	schedule();
}

unsigned int
get_signal(void)
{
	struct task *task = current;

	might_sleep();
	for (;;) { /* bounded: a turn for each SIGSTOP */
		unsigned int sig;

		raw_spin_lock_irq(&task->siglock);
		sig = dequeue_locked(task);
		if (sig == SIGSTOP) {
			stop_locked(task);
			continue;
		}
		raw_spin_unlock_irq(&task->siglock);
		if (bug(SIGNAL_RECALC_UNLOCKED)) {
			recalc_sigpending(task);
		}
		return sig;
	}
}

void
flush_signals(struct task *task)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	flags = raw_spin_lock_irqsave(&task->siglock);
	atomic_store(&task->signals, 0);
	recalc_sigpending(task);
	raw_spin_unlock_irqrestore(&task->siglock, flags);
}
