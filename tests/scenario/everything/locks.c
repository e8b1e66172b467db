// SPDX-License-Identifier: ISC
/*
 * Locks, and what they guard: two numbers each, which are the same to whoever holds it.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/bottom_half.h"
#include "guest/mutex.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/spinlock.h"
#include "guest/timer.h"

struct guarded {
	uint64_t first; /* the same as the second, whoever holds the lock */
	uint64_t second;
	struct atomic adds;
	struct atomic torn;
};

static void
add_first(struct guarded *guarded)
{
	if (guarded->first != guarded->second) {
		atomic_store(&guarded->torn, 1);
	}
	guarded->first++;
	atomic_fetch_add(&guarded->adds, 1);
}

static void
add_both(struct guarded *guarded)
{
	add_first(guarded);
	barrier();
	guarded->second++;
}

static bool
adds_up(const struct guarded *guarded)
{
	return !atomic_load(&guarded->torn) && guarded->first == guarded->second &&
	       (uint32_t)guarded->first == atomic_load(&guarded->adds);
}

static DEFINE_SPINLOCK(irq_lock); /* taken in hard interrupts */
static DEFINE_SPINLOCK(bh_lock);  /* in softirqs */
static DEFINE_MUTEX(outer);
static DEFINE_MUTEX(inner);
static DEFINE_MUTEX(of_works);
static DECLARE_RWSEM(rwsem);
static struct guarded by_irq_lock;
static struct guarded by_bh_lock;
static struct guarded by_outer;
static struct guarded by_inner;
static struct guarded by_of_works;
static struct guarded by_rwsem;

#define AT_ONCE 2

static DEFINE_SEMAPHORE(semaphore, AT_ONCE);
static struct atomic inside;
static struct atomic overcrowded;

void
step_mutex(struct own *own, uint32_t draw)
{
	(void)own;
	mutex_lock(&outer);
	add_first(&by_outer);
	if (draw % 4 == 0) {
		mutex_lock(&inner);
		add_both(&by_inner);
		mutex_unlock(&inner);
	} else if (draw % 4 == 1) {
		yield();
	} else if (draw % 64 == 2) {
		timer_sleep(SHORT_NS);
	}
	by_outer.second++;
	mutex_unlock(&outer);
	count(PART_mutex);
}

static void
read_both(struct guarded *guarded)
{
	if (guarded->first != guarded->second) {
		atomic_store(&guarded->torn, 1);
	}
}

void
step_rwsem(struct own *own, uint32_t draw)
{
	(void)own;
	if (draw % 4 != 0) {
		down_read(&rwsem);
		read_both(&by_rwsem);
		yield();
	} else {
		down_write(&rwsem);
		add_first(&by_rwsem);
		yield();
		by_rwsem.second++;
		if (draw % 8 != 0) {
			up_write(&rwsem);
			count(PART_rwsem);
			return;
		}
		downgrade_write(&rwsem);
		yield();
		read_both(&by_rwsem);
	}
	up_read(&rwsem);
	count(PART_rwsem);
}

void
step_semaphore(struct own *own, uint32_t draw)
{
	(void)own;
	if (draw % 4 == 0 && down_trylock(&semaphore) != 0) {
		yield();
		return;
	}
	if (draw % 4 != 0) {
		down(&semaphore);
	}
	if (atomic_fetch_add(&inside, 1) >= AT_ONCE) {
		atomic_store(&overcrowded, 1);
	}
	yield();
	atomic_fetch_sub(&inside, 1);
	up(&semaphore);
	count(PART_semaphore);
}

void
step_spinlock(struct own *own, uint32_t draw)
{
	(void)own;
	if (draw % 2 == 0) {
		unsigned long flags = spin_lock_irqsave(&irq_lock);

		add_both(&by_irq_lock);
		spin_unlock_irqrestore(&irq_lock, flags);
	} else {
		spin_lock_bh(&bh_lock);
		add_both(&by_bh_lock);
		spin_unlock_bh(&bh_lock);
	}
	count(PART_spinlock);
	rest(draw);
}

void
add_in_hardirq(void)
{
	spin_lock(&irq_lock);
	add_both(&by_irq_lock);
	spin_unlock(&irq_lock);
}

void
add_in_softirq(void)
{
	spin_lock(&bh_lock);
	add_both(&by_bh_lock);
	spin_unlock(&bh_lock);
}

void
add_in_work(void)
{
	mutex_lock(&of_works);
	add_first(&by_of_works);
	cond_resched();
	by_of_works.second++;
	mutex_unlock(&of_works);
}

void
locks_check(void)
{
	report(adds_up(&by_irq_lock) && adds_up(&by_bh_lock), "what spinlocks guard adds up");
	report(adds_up(&by_outer) && adds_up(&by_inner) && adds_up(&by_of_works),
	       "what mutexes guard adds up");
	report(adds_up(&by_rwsem) && !rwsem_is_locked(&rwsem), "what an rwsem guards adds up");
	report(!atomic_load(&overcrowded) && semaphore.count == AT_ONCE,
	       "a semaphore lets in as many as it may");
}
