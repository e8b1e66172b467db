// SPDX-License-Identifier: ISC
#include "guest/srcu.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/context_tracking.h"
#include "guest/errno.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/timer.h"

_Static_assert(CPUS_MAX * sizeof(struct srcu_cpu) <= PAGE_SIZE, "a page holds the counts");

int
__init_srcu_struct(struct srcu_struct *srcu)
{
	*srcu = (struct srcu_struct){ .cpus = page_alloc() };
	if (srcu->cpus == NULL) {
		return -ENOMEM;
	}
	init_completion(&srcu->turn);
	complete(&srcu->turn);
	return 0;
}

void
cleanup_srcu_struct(struct srcu_struct *srcu)
{
	page_free(srcu->cpus);
	srcu->cpus = NULL;
}

/*
 * The cpu's number may be out of date by the time we count: any cpu's count will do. The locked
 * operation is the barrier B of the reader: in, before what it reads. It pairs with A below.
 */
int
srcu_read_lock_notrace(struct srcu_struct *srcu)
{
	uint32_t index = atomic_load(&srcu->index) & 1;
	struct atomic *locks = &srcu->cpus[raw_smp_processor_id()].locks[index];

	CT_CHECK_WATCHING();
	if (bug(SRCU_LOCK_UNORDERED)) {
		atomic_store(locks, atomic_load(locks) + 1);
	} else {
		atomic_fetch_add(locks, 1);
	}
	return (int)index;
}

/* And C: what it read, before it is out. */
void
srcu_read_unlock_notrace(struct srcu_struct *srcu, int index)
{
	ASSERT(index == 0 || index == 1);
	barrier();
	atomic_fetch_add(&srcu->cpus[raw_smp_processor_id()].unlocks[index], 1);
}

int
srcu_read_lock(struct srcu_struct *srcu)
{
	lock_acquire_shared_recursive(&srcu->dep_map, 0, false,
	                              (uintptr_t)__builtin_return_address(0));
	return srcu_read_lock_notrace(srcu);
}

void
srcu_read_unlock(struct srcu_struct *srcu, int index)
{
	lock_release(&srcu->dep_map, (uintptr_t)__builtin_return_address(0));
	srcu_read_unlock_notrace(srcu, index);
}

static uint32_t
count_locks(const struct srcu_struct *srcu, uint32_t index)
{
	uint32_t sum = 0;

	for_each_cpu (cpu) {
		sum += atomic_load_acquire(&srcu->cpus[cpu].locks[index]);
	}
	return sum;
}

static uint32_t
count_unlocks(const struct srcu_struct *srcu, uint32_t index)
{
	uint32_t sum = 0;

	for_each_cpu (cpu) {
		sum += atomic_load_acquire(&srcu->cpus[cpu].unlocks[index]);
	}
	return sum;
}

/*
 * Unlocks first: whoever is counted out by then is counted in by the second look. A is between
 * them, and so between what the caller unlinked and the look at the locks.
 */
static bool
has_readers(const struct srcu_struct *srcu, uint32_t index)
{
	uint32_t locks = bug(SRCU_LOCKS_FIRST) ? count_locks(srcu, index) : 0;
	uint32_t unlocks = count_unlocks(srcu, index);

	if (!bug(SRCU_GP_UNORDERED)) {
		smp_mb();
	}
	if (!bug(SRCU_LOCKS_FIRST)) {
		locks = count_locks(srcu, index);
	}
	return locks != unlocks;
}

static void
wait_for_readers(const struct srcu_struct *srcu, uint32_t index)
{
	while (has_readers(srcu, index)) { /* bounded: readers end */
		timer_sleep(NSEC_PER_SEC / boot_args.hz);
	}
}

/*
 * The turn is a locked operation: E, the looks before it, and D, it before the looks behind: who
 * has been counted out before that comes in at the other index from then on.
 */
void
srcu_grace_period(struct srcu_struct *srcu)
{
	uint32_t index = atomic_load(&srcu->index) & 1;

	might_sleep();
	if (!bug(SRCU_NO_FIRST_WAIT)) {
		wait_for_readers(srcu, !index);
	}
	if (!bug(SRCU_NO_TURN)) {
		atomic_fetch_add(&srcu->index, 1);
	}
	wait_for_readers(srcu, index);
	smp_mb(); /* the looks, before what the caller frees: pairs with C */
}

void
synchronize_srcu(struct srcu_struct *srcu)
{
	lock_sync(&srcu->dep_map, (uintptr_t)__builtin_return_address(0));
	wait_for_completion(&srcu->turn);
	srcu_grace_period(srcu);
	complete(&srcu->turn);
}
