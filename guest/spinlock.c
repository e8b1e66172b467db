// SPDX-License-Identifier: ISC
#include "guest/spinlock.h"

/* Out of line, where nobody who finds the lock free has to step over it. */
void
ticket_wait(const struct raw_spinlock *lock, uint32_t ticket)
{
	do { /* bounded: the holders before us */
		arch_cpu_relax();
	} while (atomic_load_acquire(&lock->owner) != ticket);
}
