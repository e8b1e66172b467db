// SPDX-License-Identifier: ISC
/*
 * The ways through a mutex that is contended.
 *
 * The owner word changes by compare-exchange, but when it is handed over: then everybody else
 * leaves it alone. WAITERS changes under wait_lock, and is set before a waiter tries for the last
 * time: either that finds the mutex free, or the owner's unlock finds the flag.
 *
 * Waiters look at the mutex and set their state under wait_lock, which unlock takes before it wakes
 * one: so it finds the state that belongs to the look, without a barrier between the two.
 */
#include "guest/mutex.h"

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/sched.h"
#include "guest/wake_q.h"

struct waiter {
	struct list node;
	struct task *task;
};

struct spinner {
	struct list node;
	struct atomic is_first;
};

void
__mutex_init(struct mutex *mutex, const char *name)
{
	*mutex = (struct mutex)MUTEX_INIT(*mutex);
	mutex->name = name;
}

static inline struct task *
task_of(uint64_t word)
{
	return (struct task *)(uintptr_t)(word & ~(uint64_t)MUTEX_FLAGS);
}

static inline struct task *
owner_of(const struct mutex *mutex)
{
	return task_of(atomic_load(&mutex->owner));
}

/*
 * What the word becomes if current takes the mutex, or asks for it; the same word if it can do
 * neither.
 */
static uint64_t
next_word(uint64_t word, bool asks)
{
	const struct task *owner = task_of(word);

	if (owner == NULL) {
		return (uintptr_t)current | word;
	}
	if (word & MUTEX_PICKUP) {
		if (bug(MUTEX_PICKUP_BY_ANY)) {
			return (uintptr_t)current | (word & MUTEX_WAITERS);
		}
		return owner == current ? word & ~(uint64_t)MUTEX_PICKUP : word;
	}
	return asks ? word | MUTEX_HANDOFF : word;
}

/* Returns NULL with the mutex taken, else its owner, whom it has asked to hand over if asks. */
static struct task *
trylock_or_owner(struct mutex *mutex, bool asks)
{
	uint64_t word = atomic_load(&mutex->owner);

	for (;;) { /* bounded: a turn more for each change by another cpu */
		uint64_t next = next_word(word, asks);

		if (next == word) {
			return task_of(word);
		}
		if (atomic_try_cmpxchg(&mutex->owner, &word, next)) {
			return task_of(next) == current ? NULL : task_of(next);
		}
	}
}

bool
mutex_trylock(struct mutex *mutex)
{
	bool taken;

	ASSERT(in_task());
	taken = trylock_or_owner(mutex, false) == NULL;
	if (taken) {
		lock_acquire_exclusive(&mutex->dep_map, 0, true,
		                       (uintptr_t)__builtin_return_address(0));
	}
	return taken;
}

/* ---- spinning ---- */

/*
 * The owner may have given the mutex back and ended since it was read, and nothing holds it: but
 * the memory of a task stays a task's (task_put()), so what is read is some task's on_cpu. If it is
 * of a wrong one, a spinner sleeps too early, or looks at the word once more.
 */
static bool
runs(const struct task *owner)
{
	uint32_t on_cpu = atomic_load(&owner->on_cpu);

	ASSERT(on_cpu <= 1);
	return on_cpu;
}

/* Until the owner has changed: true. Or it does not run, or others are to run here: false. */
static bool
spin_on_owner(const struct mutex *mutex, const struct task *owner)
{
	while (owner_of(mutex) == owner) { /* bounded: as long as it runs and we may */
		if (!runs(owner) && !bug(MUTEX_SPIN_ON_SLEEPER)) {
			return false;
		}
		if (need_resched() && !bug(MUTEX_SPIN_UNASKED)) {
			return false;
		}
		arch_cpu_relax();
	}
	return true;
}

/*
 * One spinner at a time competes, the others wait each for a word of its own, in their order. The
 * queue has a lock, which is held for a few instructions: a spinner that is to give up leaves from
 * the middle, which is hard without one.
 */
static bool
become_first_spinner(struct mutex *mutex, struct spinner *spinner)
{
	raw_spin_lock(&mutex->wait_lock);
	atomic_store(&spinner->is_first, list_empty(&mutex->spinners));
	list_add_tail(&mutex->spinners, &spinner->node);
	raw_spin_unlock(&mutex->wait_lock);
	while (!atomic_load(&spinner->is_first)) { /* bounded: until those before give up */
		if (need_resched()) {
			return false;
		}
		arch_cpu_relax();
	}
	return true;
}

static void
leave_spinners(struct mutex *mutex, struct spinner *spinner)
{
	raw_spin_lock(&mutex->wait_lock);
	list_remove(&spinner->node);
	if (!list_empty(&mutex->spinners) && !bug(MUTEX_SPINNERS_FORGOTTEN)) {
		atomic_store(&container_of(mutex->spinners.next, struct spinner, node)->is_first,
		             1);
	}
	raw_spin_unlock(&mutex->wait_lock);
}

/* Takes the mutex if that can be had by spinning. Preemption off: a spinner is in others' way. */
static bool
spin_for(struct mutex *mutex)
{
	struct spinner spinner;
	struct task *owner = owner_of(mutex);
	bool taken = bug(MUTEX_SPINNER_BELIEVES) && owner == NULL;

	if (need_resched() || (owner != NULL && !runs(owner))) {
		return false;
	}
	if (become_first_spinner(mutex, &spinner)) {
		do { /* bounded: a turn for each owner */
			owner = trylock_or_owner(mutex, false);
			taken = owner == NULL;
		} while (!taken && spin_on_owner(mutex, owner));
	}
	leave_spinners(mutex, &spinner);
	return taken;
}

/* ---- sleeping ---- */

static void
add_waiter_locked(struct mutex *mutex, struct waiter *waiter)
{
	bool was_empty = list_empty(&mutex->waiters);

	list_add_tail(&mutex->waiters, &waiter->node);
	if (was_empty && !bug(MUTEX_FLAG_LATE)) {
		atomic_fetch_or(&mutex->owner, MUTEX_WAITERS);
	}
}

/* The flags are the queue's: without one, whoever asked for a hand-over has it, or has left. */
static void
remove_waiter_locked(struct mutex *mutex, struct waiter *waiter)
{
	list_remove(&waiter->node);
	if (list_empty(&mutex->waiters)) {
		atomic_fetch_and(&mutex->owner, ~(uint64_t)MUTEX_FLAGS);
	}
}

static bool
interrupted(uint32_t state)
{
	return (state & TASK_INTERRUPTIBLE) && signal_pending(current);
}

/*
 * wait_lock held at entry and return. The mutex goes before the signal: the wakeup that ended the
 * sleep may have been its, and nobody else gets one.
 */
static int
wait_locked(struct mutex *mutex, const struct waiter *waiter, uint32_t state)
{
	bool woken = false;

	for (;;) { /* bounded: those before, and a few steals */
		bool asks = woken && mutex->waiters.next == &waiter->node;
		struct task *owner;

		__set_current_state(bug(MUTEX_STATE_LATE) ? TASK_RUNNING : state);
		if (bug(MUTEX_SIGNAL_FIRST) && interrupted(state)) {
			return -EINTR;
		}
		owner = trylock_or_owner(mutex, asks);
		if (owner == NULL) {
			return 0;
		}
		if (interrupted(state)) {
			return -EINTR;
		}
		if (bug(MUTEX_FLAG_LATE)) {
			atomic_fetch_or(&mutex->owner, MUTEX_WAITERS);
		}
		raw_spin_unlock(&mutex->wait_lock);
		if (bug(MUTEX_STATE_LATE)) {
			set_current_state(state);
		}
		if (!asks || !spin_on_owner(mutex, owner)) {
			schedule_preempt_disabled();
		}
		woken = true;
		raw_spin_lock(&mutex->wait_lock);
	}
}

static int
lock_slow(struct mutex *mutex, uint32_t state)
{
	struct waiter waiter = { .task = current };
	int error = 0;

	might_sleep();
	if (owner_of(mutex) == current) {
		panic("mutex %s: locked twice by task %s, pid %u", mutex->name, current->comm,
		      current->pid);
	}
	preempt_disable();
	if (trylock_or_owner(mutex, false) != NULL && !spin_for(mutex)) {
		raw_spin_lock(&mutex->wait_lock);
		add_waiter_locked(mutex, &waiter);
		error = wait_locked(mutex, &waiter, state);
		__set_current_state(TASK_RUNNING);
		remove_waiter_locked(mutex, &waiter);
		raw_spin_unlock(&mutex->wait_lock);
	}
	preempt_enable();
	return error;
}

void
mutex_lock_slow(struct mutex *mutex)
{
	lock_slow(mutex, TASK_UNINTERRUPTIBLE);
}

int
mutex_lock_interruptible_slow(struct mutex *mutex)
{
	return lock_slow(mutex, TASK_INTERRUPTIBLE);
}

/* ---- unlocking ---- */

/* The others that wait are not asked for it again: whoever is first by then asks for itself. */
static uint64_t
handed_to(const struct task *task)
{
	return (uintptr_t)task | MUTEX_PICKUP | MUTEX_WAITERS;
}

/* Not preempted before it has woken the one that it chose. */
static void
wake_first(struct mutex *mutex, bool hands_over)
{
	struct wake_q_head wake;
	struct task *first = NULL;

	wake_q_init(&wake);
	preempt_disable();
	raw_spin_lock(&mutex->wait_lock);
	if (!list_empty(&mutex->waiters)) {
		first = container_of(mutex->waiters.next, struct waiter, node)->task;
	}
	if (hands_over) {
		atomic_store_release(&mutex->owner, first == NULL ? 0 : handed_to(first));
	}
	if (first != NULL) {
		wake_q_add(&wake, first); /* it cannot leave without the lock */
	}
	raw_spin_unlock(&mutex->wait_lock);
	wake_up_q(&wake);
	preempt_enable();
}

/* Gives back what has waiters, or stays ours to be handed over: returns the word before. */
static uint64_t
release(struct mutex *mutex, uint64_t word)
{
	while (!(word & MUTEX_HANDOFF) || bug(MUTEX_NO_HANDOFF)) { /* bounded: as above */
		if (atomic_try_cmpxchg(&mutex->owner, &word, word & MUTEX_WAITERS)) {
			break;
		}
	}
	return word;
}

void
mutex_unlock_slow(struct mutex *mutex)
{
	uint64_t word = atomic_load(&mutex->owner);
	const struct task *owner = task_of(word);

	if (owner != current) {
		panic("mutex %s: unlocked by task %s, pid %u, and owned by %s", mutex->name,
		      current->comm, current->pid, owner == NULL ? "nobody" : owner->comm);
	}
	word = release(mutex, word);
	if (word & (MUTEX_WAITERS | MUTEX_HANDOFF)) {
		wake_first(mutex, (word & MUTEX_HANDOFF) && !bug(MUTEX_NO_HANDOFF));
	}
}
