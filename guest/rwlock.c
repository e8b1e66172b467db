// SPDX-License-Identifier: ISC
/*
 * Waiting for a struct rwlock. The queue is a ticket lock whose holder, the head, waits for the
 * state alone, so that the state's line is fought for by one waiter and those who unlock.
 */
#include "guest/rwlock.h"

#include "guest/bug.h"

/* The acquire has its partner in the writer's rwlock_write_drop(). */
static void
wait_for_writer(const struct rwlock *lock)
{
	for (;;) { /* bounded: the writer that holds it */
		uint32_t state = bug(READER_UNORDERED) ? atomic_load(&lock->state)
		                                       : atomic_load_acquire(&lock->state);

		if (!(state & RWLOCK_WRITER)) {
			return;
		}
		arch_cpu_relax();
	}
}

/*
 * An interrupt may stand on a reader, and a writer at the head waits for that one: whoever waited
 * behind it here would wait for good. The unit that it has shown already keeps that writer out.
 */
void
rwlock_read_wait(struct rwlock *lock)
{
	if ((!in_task() || bug(READERS_PASS_WRITER)) && !bug(IRQ_READER_QUEUES)) {
		wait_for_writer(lock);
		return;
	}
	atomic_fetch_sub(&lock->state, RWLOCK_READER);
	ticket_take(&lock->queue);
	atomic_fetch_add(&lock->state, RWLOCK_READER);
	wait_for_writer(lock);
	ticket_give(&lock->queue);
}

/* From WAITING on only interrupts get in besides those who are in. */
void
rwlock_write_wait(struct rwlock *lock)
{
	uint32_t state = RWLOCK_WAITING;

	ticket_take(&lock->queue);
	atomic_fetch_or(&lock->state, RWLOCK_WAITING);
	while (!atomic_try_cmpxchg(&lock->state, &state,
	                           RWLOCK_WRITER)) { /* bounded: the holders */
		do {                                 /* bounded: as above */
			arch_cpu_relax();
		} while (atomic_load(&lock->state) != RWLOCK_WAITING);
		state = RWLOCK_WAITING;
	}
	ticket_give(&lock->queue);
}
