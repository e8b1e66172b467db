// SPDX-License-Identifier: ISC
/*
 * lockdep knows each type of lock: planted mistakes with them, each reported by its first line, and
 * beside each what looks like it and is none.
 */
#include <stdio.h>

#include "guest/local_lock.h"
#include "guest/mutex.h"
#include "guest/rcu.h"
#include "guest/rwlock.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/srcu.h"
#include "guest/workqueue.h"
#include "tests/explore/lockdep_program.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

struct deed {
	const char *name;
	void (*fn)(void);
	const char *words; /* NULL: nothing */
};

/* ---- mutexes ---- */

static HOST_STATE DEFINE_MUTEX(mutex);
static HOST_STATE DEFINE_MUTEX(other);

static void
nest_mutexes(struct mutex *outer, struct mutex *inner)
{
	mutex_lock(outer);
	mutex_lock(inner);
	mutex_unlock(inner);
	mutex_unlock(outer);
}

static void
mutexes_in_order(void)
{
	nest_mutexes(&mutex, &other);
	nest_mutexes(&mutex, &other);
}

static void
mutexes_both_ways(void)
{
	nest_mutexes(&mutex, &other);
	nest_mutexes(&other, &mutex);
}

static void
mutexes_both_ways_by_trylock(void)
{
	nest_mutexes(&mutex, &other);
	mutex_lock(&other);
	HOST_EXPECT(mutex_trylock(&mutex));
	mutex_unlock(&mutex);
	mutex_unlock(&other);
}

/* One place, one class. */
static void
init_both(void)
{
	struct mutex *const both[] = { &mutex, &other };

	for (unsigned int n = 0; n < 2; n++) {
		mutex_init(both[n]);
	}
}

static void
mutexes_of_one_class(void)
{
	init_both();
	nest_mutexes(&mutex, &other);
}

static void
mutexes_of_two_classes(void)
{
	mutex_init(&mutex);
	mutex_init(&other);
	nest_mutexes(&mutex, &other);
}

static void
mutex_in_interrupt(void)
{
	program_run("h");
	lock_map_acquire(&mutex.dep_map);
}

static void
mutex_kept(void)
{
	mutex_lock(&mutex);
}

static const struct deed mutex_deeds[] = {
	{ "mutexes in one order", mutexes_in_order, NULL },
	{ "mutexes both ways", mutexes_both_ways,
	  "possible deadlock: mutex is taken under other here, and other under mutex elsewhere" },
	{ "mutexes both ways, one by trylock", mutexes_both_ways_by_trylock, NULL },
	{ "mutexes of one class", mutexes_of_one_class,
	  "possible deadlock: both[n] is taken under another of its class" },
	{ "mutexes of two classes", mutexes_of_two_classes, NULL },
	{ "a mutex in an interrupt", mutex_in_interrupt,
	  "wrong nesting: mutex (sleeping) is taken in an interrupt" },
	{ "a mutex at the task's end", mutex_kept, "mutex is held by a task that ends" },
};

/* ---- rwsems ---- */

static HOST_STATE DECLARE_RWSEM(rwsem);
static HOST_STATE DECLARE_RWSEM(beside);

static void
rwsems_in_order(void)
{
	for (unsigned int n = 0; n < 2; n++) {
		down_read(&rwsem);
		down_write(&beside);
		downgrade_write(&beside);
		up_read(&beside);
		up_read(&rwsem);
	}
}

/* A writer that waits for either may be between the readers. */
static void
rwsem_readers_both_ways(void)
{
	down_read(&rwsem);
	down_read(&beside);
	up_read(&beside);
	up_read(&rwsem);
	down_read(&beside);
	down_read(&rwsem);
}

static void
rwsem_readers_both_ways_by_trylock(void)
{
	down_read(&rwsem);
	down_read(&beside);
	up_read(&beside);
	up_read(&rwsem);
	down_read(&beside);
	HOST_EXPECT(down_read_trylock(&rwsem));
	up_read(&rwsem);
	up_read(&beside);
}

static void
rwsem_read_twice(void)
{
	down_read(&rwsem);
	down_read(&rwsem);
}

static void
rwsem_read_again(void)
{
	HOST_EXPECT(down_read_interruptible(&rwsem) == 0);
	up_read(&rwsem);
	HOST_EXPECT(down_write_interruptible(&rwsem) == 0);
	up_write(&rwsem);
	HOST_EXPECT(down_write_trylock(&rwsem));
	up_write(&rwsem);
}

static void
rwsem_write_under_downgraded(void)
{
	down_write(&rwsem);
	downgrade_write(&rwsem);
	down_write(&rwsem);
}

static void
rwsem_under_raw(void)
{
	program_run("A");
	HOST_EXPECT(down_read_trylock(&rwsem));
	up_read(&rwsem);
	lock_acquire_shared(&rwsem.dep_map, 0, false, 0);
}

static void
rwsem_kept(void)
{
	down_write(&rwsem);
	downgrade_write(&rwsem);
}

static const struct deed rwsem_deeds[] = {
	{ "rwsems in one order", rwsems_in_order, NULL },
	{ "readers of rwsems both ways", rwsem_readers_both_ways,
	  "possible deadlock: rwsem is taken under beside here, "
	  "and beside under rwsem elsewhere" },
	{ "the same, one by trylock", rwsem_readers_both_ways_by_trylock, NULL },
	{ "a reader in a reader", rwsem_read_twice,
	  "possible deadlock: rwsem is taken under itself" },
	{ "one after the other", rwsem_read_again, NULL },
	{ "a writer in a downgraded one", rwsem_write_under_downgraded,
	  "possible deadlock: rwsem is taken under itself" },
	{ "a reader under a raw lock", rwsem_under_raw,
	  "wrong nesting: rwsem (sleeping) is taken under A (raw)" },
	{ "a downgraded rwsem at the task's end", rwsem_kept, "rwsem is held by a task that ends" },
};

/* ---- rwlocks ---- */

static HOST_STATE DEFINE_RWLOCK(rwlock);
static HOST_STATE DEFINE_RWLOCK(aside);

static void
read_rwlock(struct rwlock *lock)
{
	read_lock(lock);
	read_unlock(lock);
}

static void
write_rwlock(struct rwlock *lock)
{
	write_lock(lock);
	write_unlock(lock);
}

static void
read_in_interrupt(struct rwlock *lock)
{
	program_run("h");
	read_rwlock(lock);
	program_run("H");
}

static void
rwlock_read_twice(void)
{
	read_lock(&rwlock);
	read_lock(&rwlock);
}

static void
rwlock_read_twice_bh_off(void)
{
	read_lock_bh(&rwlock);
	HOST_EXPECT(read_trylock(&rwlock));
	read_unlock(&rwlock);
	read_lock(&rwlock);
}

static void
rwlock_read_in_interrupted_reader(void)
{
	read_lock(&rwlock);
	read_in_interrupt(&rwlock);
	read_unlock(&rwlock);
}

static void
rwlock_written_irqs_on(void)
{
	read_in_interrupt(&rwlock);
	write_rwlock(&rwlock);
}

static void
rwlock_written_irqs_off(void)
{
	read_in_interrupt(&rwlock);
	write_lock_irq(&rwlock);
	write_unlock_irq(&rwlock);
	HOST_EXPECT(write_trylock_irq(&rwlock));
	write_unlock_irq(&rwlock);
	read_rwlock(&rwlock);
}

static void
rwlock_written_in_interrupt(void)
{
	read_rwlock(&rwlock);
	program_run("h");
	write_rwlock(&rwlock);
}

static void
read_under(struct rwlock *outer, struct rwlock *inner)
{
	read_lock(outer);
	read_rwlock(inner);
	read_unlock(outer);
}

static void
rwlocks_both_ways(void)
{
	read_under(&rwlock, &aside);
	read_under(&aside, &rwlock);
}

static void
rwlocks_both_ways_in_interrupts(void)
{
	for (unsigned int n = 0; n < 2; n++) {
		program_run("h");
		read_under(n ? &rwlock : &aside, n ? &aside : &rwlock);
		program_run("H");
	}
}

/* The queues of two locks, waited for with interrupts on, and in one, are of two kinds, too. */
static void
rwlock_beside_one_of_interrupts(void)
{
	rwlock_init(&rwlock);
	rwlock_init(&aside);
	write_rwlock(&rwlock);
	program_run("h");
	write_rwlock(&aside);
	program_run("H");
}

static void
rwlock_under_raw(void)
{
	program_run("A");
	read_lock(&rwlock);
}

static const struct deed rwlock_deeds[] = {
	{ "a reader in a reader", rwlock_read_twice,
	  "possible deadlock: rwlock is taken under itself" },
	{ "the same with bottom halves off", rwlock_read_twice_bh_off,
	  "possible deadlock: rwlock is taken under itself" },
	{ "an interrupt's reader in a reader", rwlock_read_in_interrupted_reader, NULL },
	{ "a writer that interrupts may read in", rwlock_written_irqs_on,
	  "possible deadlock: rwlock is taken with interrupts on here, "
	  "and in an interrupt, to read elsewhere" },
	{ "the same with interrupts off", rwlock_written_irqs_off, NULL },
	{ "an interrupt that writes", rwlock_written_in_interrupt,
	  "possible deadlock: rwlock is taken in an interrupt here, "
	  "and with interrupts on, to read elsewhere" },
	{ "readers of rwlocks both ways", rwlocks_both_ways,
	  "possible deadlock: rwlock is taken under aside here, "
	  "and aside under rwlock elsewhere" },
	{ "the same in interrupts", rwlocks_both_ways_in_interrupts, NULL },
	{ "a rwlock of tasks, one of interrupts", rwlock_beside_one_of_interrupts, NULL },
	{ "a rwlock under a raw lock", rwlock_under_raw,
	  "wrong nesting: rwlock (spinning) is taken under A (raw)" },
};

/* ---- RCU ---- */

static void
rcu_reader_kept(void)
{
	rcu_read_lock();
}

static void
rcu_reader_kept_in_interrupt(void)
{
	program_run("h");
	rcu_read_lock();
	program_run("H");
}

static void
rcu_reader_ended_in_interrupt(void)
{
	rcu_read_lock();
	program_run("h");
	rcu_read_unlock();
}

static void
rcu_readers_anywhere(void)
{
	rcu_read_lock();
	rcu_read_lock();
	program_run("hB");
	rcu_read_lock();
	rcu_read_unlock();
	program_run("bH");
	rcu_read_unlock();
	program_run("A");
	rcu_read_unlock();
	program_run("a");
}

static const struct deed rcu_deeds[] = {
	{ "readers that nest, under locks and around", rcu_readers_anywhere, NULL },
	{ "an RCU reader at the task's end", rcu_reader_kept,
	  "rcu_read_lock is held by a task that ends" },
	{ "one at the interrupt's end", rcu_reader_kept_in_interrupt,
	  "rcu_read_lock is held at the end of an interrupt that took it" },
	{ "one that an interrupt ends", rcu_reader_ended_in_interrupt,
	  "rcu_read_lock is released, and not held" },
};

/* ---- SRCU ---- */

static HOST_STATE struct srcu_struct domain;

static void
make_domain(void)
{
	HOST_EXPECT(init_srcu_struct(&domain) == 0);
}

static void
synchronize_in_reader(void)
{
	make_domain();
	srcu_read_lock(&domain);
	synchronize_srcu(&domain);
}

static void
synchronize_after_reader(void)
{
	make_domain();
	program_run("h");
	srcu_read_unlock(&domain, srcu_read_lock(&domain));
	program_run("H");
	synchronize_srcu(&domain);
}

static void
lock_in_reader(struct mutex *lock)
{
	int index;

	make_domain();
	index = srcu_read_lock(&domain);
	mutex_lock(lock);
	mutex_unlock(lock);
	srcu_read_unlock(&domain, index);
}

static void
synchronize_under_mutex_of_reader(void)
{
	lock_in_reader(&mutex);
	mutex_lock(&mutex);
	synchronize_srcu(&domain);
}

static void
synchronize_under_other_mutex(void)
{
	lock_in_reader(&mutex);
	mutex_lock(&other);
	synchronize_srcu(&domain);
	mutex_unlock(&other);
}

static void
read_under_mutex_of_reader(void)
{
	lock_in_reader(&mutex);
	mutex_lock(&mutex);
	srcu_read_unlock(&domain, srcu_read_lock(&domain));
	mutex_unlock(&mutex);
}

static void
srcu_reader_kept(void)
{
	make_domain();
	srcu_read_lock(&domain);
}

static const struct deed srcu_deeds[] = {
	{ "synchronize_srcu() in a reader", synchronize_in_reader,
	  "possible deadlock: domain is taken under itself" },
	{ "after a reader in an interrupt", synchronize_after_reader, NULL },
	{ "synchronize_srcu() under a reader's mutex", synchronize_under_mutex_of_reader,
	  "possible deadlock: domain is taken under mutex here, and mutex under domain elsewhere" },
	{ "synchronize_srcu() under another mutex", synchronize_under_other_mutex, NULL },
	{ "a reader under a reader's mutex", read_under_mutex_of_reader, NULL },
	{ "a reader at the task's end", srcu_reader_kept, "domain is held by a task that ends" },
};

/* ---- work ---- */

static void
lock_mutex_in_work(struct work *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

static HOST_STATE DECLARE_WORK(work, lock_mutex_in_work);

static HOST_STATE struct delayed_work delayed;

static void
do_work(struct work *item)
{
	workqueue_init();
	HOST_EXPECT(schedule_work(item));
	flush_workqueue(system_wq);
}

static void
flush_under_mutex_of_work(void)
{
	do_work(&work);
	mutex_lock(&mutex);
	flush_work(&work); /* it has nothing to do, and would wait if it had */
}

static void
flush_under_other_mutex(void)
{
	do_work(&work);
	mutex_lock(&other);
	flush_work(&work);
	flush_workqueue(system_wq);
	mutex_unlock(&other);
}

static void
cancel_under_mutex_of_work(void)
{
	INIT_DELAYED_WORK(&delayed, lock_mutex_in_work);
	do_work(&delayed.work);
	mutex_lock(&mutex);
	cancel_delayed_work(&delayed);
	cancel_delayed_work_sync(&delayed);
}

static void
flush_all_under_mutex_of_work(void)
{
	do_work(&work);
	mutex_lock(&mutex);
	flush_workqueue(system_wq);
}

static void
flush_itself(struct work *self)
{
	flush_work(self);
}

static void
work_flushes_itself(void)
{
	INIT_WORK(&work, flush_itself);
	do_work(&work);
}

static const struct deed work_deeds[] = {
	{ "flush_work() under the work's mutex", flush_under_mutex_of_work,
	  "possible deadlock: work is taken under mutex here, and mutex under work elsewhere" },
	{ "flushes under another mutex", flush_under_other_mutex, NULL },
	{ "cancel_delayed_work_sync()", cancel_under_mutex_of_work,
	  "possible deadlock: (&delayed)->work is taken under mutex here, "
	  "and mutex under (&delayed)->work elsewhere" },
	{ "flush_workqueue() under a work's mutex", flush_all_under_mutex_of_work,
	  "possible deadlock: events is taken under mutex here, "
	  "and mutex under work under events elsewhere" },
	{ "a work that flushes itself", work_flushes_itself,
	  "possible deadlock: work is taken under another of its class" },
};

/* ---- local locks ---- */

static HOST_STATE struct local_lock local = INIT_LOCAL_LOCK(local); /* cpu 0's */
static HOST_STATE DEFINE_RAW_SPINLOCK(raw);

static void
local_in_interrupt(void)
{
	program_run("h");
	local_lock(&local);
	local_unlock(&local);
	program_run("H");
}

static void
local_irqs_on(void)
{
	local_in_interrupt();
	local_lock(&local);
}

static void
local_irqs_off(void)
{
	local_in_interrupt();
	local_lock_irq(&local);
	local_unlock_irq(&local);
	local_unlock_irqrestore(&local, local_lock_irqsave(&local));
}

static void
local_under_raw(void)
{
	raw_spin_lock(&raw);
	local_lock(&local);
}

static void
raw_under_local(void)
{
	local_lock(&local);
	raw_spin_lock(&raw);
	raw_spin_unlock(&raw);
	local_unlock(&local);
}

static const struct deed local_deeds[] = {
	{ "a local lock of interrupts, irqs on", local_irqs_on,
	  "possible deadlock: local is taken with interrupts on here, "
	  "and in an interrupt elsewhere" },
	{ "the same, irqs off", local_irqs_off, NULL },
	{ "a local lock under a raw one", local_under_raw,
	  "wrong nesting: local (spinning) is taken under raw (raw)" },
	{ "a raw lock under a local one", raw_under_local, NULL },
};

/* ---- in a task ---- */

static const struct deed *deed;

static void
commit(void *unused)
{
	(void)unused;
	host_gate();
	deed->fn();
	HOST_EXPECT(lockdep_is_on());
}

static void
boot_deed(void)
{
	scenario_task(0, commit, NULL);
}

static void
must_be_told(const struct deed *deeds, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		struct explore_scenario scenario = { deeds[n].name, 1, boot_deed, NULL,
			                             NULL,          0, NULL };

		deed = &deeds[n];
		if (deed->words == NULL) {
			scenario_must_hold(&scenario, LIMIT);
		} else {
			scenario_must_fail(&scenario, deed->words, LIMIT);
		}
	}
}

#define MUST_BE_TOLD(deeds) must_be_told(deeds, sizeof(deeds) / sizeof((deeds)[0]))

/* J48: what is wrong with the order, the use or the end of mutexes is said, and nothing else. */
START_TEST(test_lockdep_knows_mutexes)
{
	MUST_BE_TOLD(mutex_deeds);
}
END_TEST

/* J48: the same of rwsems, whose readers wait behind a writer that waits. */
START_TEST(test_lockdep_knows_rwsems)
{
	MUST_BE_TOLD(rwsem_deeds);
}
END_TEST

/* J48: the same of rwlocks, which pass nobody in tasks, and whoever waits in interrupts. */
START_TEST(test_lockdep_knows_rwlocks)
{
	MUST_BE_TOLD(rwlock_deeds);
}
END_TEST

/* J48: a reader ends where it began. */
START_TEST(test_lockdep_knows_rcu)
{
	MUST_BE_TOLD(rcu_deeds);
}
END_TEST

/* J48: who waits for readers, himself one, or with a lock for which one waits, is told. */
START_TEST(test_lockdep_knows_srcu)
{
	MUST_BE_TOLD(srcu_deeds);
}
END_TEST

/* J48: who waits for work with a lock that the work takes is told. */
START_TEST(test_lockdep_knows_work)
{
	MUST_BE_TOLD(work_deeds);
}
END_TEST

/* J48: local locks, too, keep interrupts out only with those off, and may sleep on PREEMPT_RT. */
START_TEST(test_lockdep_knows_local_locks)
{
	MUST_BE_TOLD(local_deeds);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lockdep and locks");
	TCase *tests = tcase_create("lockdep and locks");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_lockdep_knows_mutexes);
	tcase_add_test(tests, test_lockdep_knows_rwsems);
	tcase_add_test(tests, test_lockdep_knows_rwlocks);
	tcase_add_test(tests, test_lockdep_knows_rcu);
	tcase_add_test(tests, test_lockdep_knows_srcu);
	tcase_add_test(tests, test_lockdep_knows_work);
	tcase_add_test(tests, test_lockdep_knows_local_locks);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
