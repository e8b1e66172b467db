// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/section.h"

#include "guest/local_lock.h"
#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/rwlock.h"
#include "guest/rwsem.h"
#include "guest/semaphore.h"
#include "guest/seqlock.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "tests/fuzz/sched/reader.h"
#include "tests/host/machine.h"

static HOST_STATE DEFINE_RAW_SPINLOCK(raw_first);
static HOST_STATE DEFINE_RAW_SPINLOCK(raw_second);
static HOST_STATE DEFINE_SPINLOCK(spin_first);
static HOST_STATE DEFINE_SPINLOCK(spin_second);
static HOST_STATE DEFINE_RWLOCK(rwlock);
static HOST_STATE DEFINE_MUTEX(mutex_first);
static HOST_STATE DEFINE_MUTEX(mutex_second);
static HOST_STATE DECLARE_RWSEM(rwsem);
static HOST_STATE DEFINE_SEMAPHORE(semaphore, 1);

static struct raw_spinlock *const raws[] = { &raw_first, &raw_second };
static struct spinlock *const spins[] = { &spin_first, &spin_second };
static struct mutex *const mutexes[] = { &mutex_first, &mutex_second };

static HOST_STATE unsigned int counters[GUARD_CPU_FIRST];
static HOST_STATE unsigned int cpu_counters[GUARD_COUNT - GUARD_CPU_FIRST][HOST_CPUS_MAX];

/* ---- exclusion ---- */

static unsigned int
guard_of(const struct section_open *section)
{
	switch (section->kind) {
	case FUZZ_TASK_RAW_LOCK:
		return GUARD_RAW + section->n;
	case FUZZ_TASK_SPIN_LOCK:
		return GUARD_SPIN + section->n;
	case FUZZ_TASK_READ_LOCK:
	case FUZZ_TASK_WRITE_LOCK:
		return GUARD_RWLOCK;
	case FUZZ_TASK_SEQ_WRITE:
		return GUARD_SEQ;
	case FUZZ_TASK_LOCAL_LOCK:
		return GUARD_LOCAL;
	case FUZZ_TASK_MUTEX:
		return GUARD_MUTEX + section->n;
	case FUZZ_TASK_RWSEM_READ:
	case FUZZ_TASK_RWSEM_WRITE:
		return GUARD_RWSEM;
	case FUZZ_TASK_SEMAPHORE:
		return GUARD_SEMAPHORE;
	case FUZZ_TASK_PREEMPT_OFF:
		return GUARD_PREEMPT;
	case FUZZ_TASK_IRQS_OFF:
		return GUARD_IRQS;
	case FUZZ_TASK_BH_OFF:
		return GUARD_BH;
	default:
		return GUARD_COUNT;
	}
}

static unsigned int *
counter_of(unsigned int guard)
{
	return guard < GUARD_CPU_FIRST
	               ? &counters[guard]
	               : &cpu_counters[guard - GUARD_CPU_FIRST][raw_smp_processor_id()];
}

static bool
is_shared(const struct section_open *section)
{
	return section->kind == FUZZ_TASK_READ_LOCK || section->kind == FUZZ_TASK_RWSEM_READ;
}

/* Behind the begin, and before the end: nobody else is in between. */
static void
enter(struct section_open *section)
{
	unsigned int guard = guard_of(section);

	if (guard != GUARD_COUNT && (section->counts || is_shared(section))) {
		section->seen = *counter_of(guard);
	}
}

static void
leave(struct section_open *section)
{
	unsigned int guard = guard_of(section);
	unsigned int *counter;

	if (guard == GUARD_COUNT || (!section->counts && !is_shared(section))) {
		return;
	}
	counter = counter_of(guard);
	if (*counter != section->seen) {
		host_fail("%s: somebody else is in", plan_kinds[section->kind].name);
	}
	if (!is_shared(section)) {
		*counter = section->seen + 1;
	}
}

/* ---- the forms of spinning locks ---- */

enum form {
	FORM_PLAIN,
	FORM_IRQSAVE,
	FORM_IRQ,
	FORM_BH,
};

#define BEGIN(s, prefix, lock)                               \
	do {                                                 \
		switch ((s)->form) {                         \
		case FORM_PLAIN:                             \
			prefix(lock);                        \
			break;                               \
		case FORM_IRQSAVE:                           \
			(s)->flags = prefix##_irqsave(lock); \
			break;                               \
		case FORM_IRQ:                               \
			prefix##_irq(lock);                  \
			break;                               \
		default:                                     \
			prefix##_bh(lock);                   \
			break;                               \
		}                                            \
	} while (0)

#define END(s, prefix, lock)                                   \
	do {                                                   \
		switch ((s)->form) {                           \
		case FORM_PLAIN:                               \
			prefix(lock);                          \
			break;                                 \
		case FORM_IRQSAVE:                             \
			prefix##_irqrestore(lock, (s)->flags); \
			break;                                 \
		case FORM_IRQ:                                 \
			prefix##_irq(lock);                    \
			break;                                 \
		default:                                       \
			prefix##_bh(lock);                     \
			break;                                 \
		}                                              \
	} while (0)

/* Among the kernel's per-CPU variables, where the linker has them. */
#ifdef __clang__
#define PER_CPU_HERE __attribute__((section("kernel_percpu"), no_sanitize("address")))
#else
#define PER_CPU_HERE __attribute__((section("kernel_percpu")))
#endif
static PER_CPU_HERE struct local_lock local = INIT_LOCAL_LOCK(local);

static void
begin_local(struct section_open *s)
{
	if (s->form == FORM_IRQSAVE) {
		s->flags = local_lock_irqsave(&local);
	} else {
		local_lock(&local);
	}
}

static void
end_local(struct section_open *s)
{
	if (s->form == FORM_IRQSAVE) {
		local_unlock_irqrestore(&local, s->flags);
	} else {
		local_unlock(&local);
	}
}

/* ---- sleeping locks: plain, interruptible or at once if that can be ---- */

#define TAKE(form, plain, interruptible, trylock)                             \
	do {                                                                  \
		if ((form) == 0 || ((form) != 1 && !(trylock))) {             \
			plain;                                                \
		} else if ((form) == 1) {                                     \
			while ((interruptible) != 0) { /* bounded: signals */ \
				flush_signals(current);                       \
			}                                                     \
		}                                                             \
	} while (0)

static void
begin_sleeping(const struct section_open *s)
{
	struct mutex *mutex = mutexes[s->n];

	switch (s->kind) {
	case FUZZ_TASK_MUTEX:
		TAKE(s->form, mutex_lock(mutex), mutex_lock_interruptible(mutex),
		     mutex_trylock(mutex));
		break;
	case FUZZ_TASK_RWSEM_READ:
		TAKE(s->form, down_read(&rwsem), down_read_interruptible(&rwsem),
		     down_read_trylock(&rwsem));
		break;
	case FUZZ_TASK_RWSEM_WRITE:
		TAKE(s->form, down_write(&rwsem), down_write_interruptible(&rwsem),
		     down_write_trylock(&rwsem));
		break;
	default:
		TAKE(s->form, down(&semaphore), down_interruptible(&semaphore),
		     down_trylock(&semaphore) == 0);
		break;
	}
}

/* ---- all ---- */

void
section_begin(struct section_open *s, const struct plan_op *op)
{
	bool has_number = op->kind == FUZZ_TASK_RAW_LOCK || op->kind == FUZZ_TASK_SPIN_LOCK ||
	                  op->kind == FUZZ_TASK_MUTEX;

	*s = (struct section_open){
		.kind = op->kind,
		.n = has_number ? op->args[0] : 0,
		.form = has_number ? op->args[1] : op->args[0],
		.counts = op->counts,
	};
	switch (s->kind) {
	case FUZZ_TASK_PREEMPT_OFF:
		preempt_disable();
		break;
	case FUZZ_TASK_IRQS_OFF:
		s->flags = arch_irq_save();
		break;
	case FUZZ_TASK_BH_OFF:
		local_bh_disable();
		break;
	case FUZZ_TASK_RAW_LOCK:
		BEGIN(s, raw_spin_lock, raws[s->n]);
		break;
	case FUZZ_TASK_SPIN_LOCK:
		BEGIN(s, spin_lock, spins[s->n]);
		break;
	case FUZZ_TASK_READ_LOCK:
		BEGIN(s, read_lock, &rwlock);
		break;
	case FUZZ_TASK_WRITE_LOCK:
		BEGIN(s, write_lock, &rwlock);
		break;
	case FUZZ_TASK_SEQ_WRITE:
		BEGIN(s, write_seqlock, &reader_seqlock);
		reader_seq_written_first();
		break;
	case FUZZ_TASK_LOCAL_LOCK:
		begin_local(s);
		break;
	case FUZZ_TASK_RCU_READ:
		s->object = reader_begin_rcu(s->form);
		break;
	case FUZZ_TASK_SRCU_READ:
		s->object = reader_begin_srcu(&s->index);
		break;
	default:
		begin_sleeping(s);
		break;
	}
	enter(s);
}

void
section_end(struct section_open *s)
{
	leave(s);
	switch (s->kind) {
	case FUZZ_TASK_PREEMPT_OFF:
		preempt_enable();
		break;
	case FUZZ_TASK_IRQS_OFF:
		arch_irq_restore(s->flags);
		break;
	case FUZZ_TASK_BH_OFF:
		local_bh_enable();
		break;
	case FUZZ_TASK_RAW_LOCK:
		END(s, raw_spin_unlock, raws[s->n]);
		break;
	case FUZZ_TASK_SPIN_LOCK:
		END(s, spin_unlock, spins[s->n]);
		break;
	case FUZZ_TASK_READ_LOCK:
		END(s, read_unlock, &rwlock);
		break;
	case FUZZ_TASK_WRITE_LOCK:
		END(s, write_unlock, &rwlock);
		break;
	case FUZZ_TASK_SEQ_WRITE:
		reader_seq_written_last();
		END(s, write_sequnlock, &reader_seqlock);
		break;
	case FUZZ_TASK_LOCAL_LOCK:
		end_local(s);
		break;
	case FUZZ_TASK_MUTEX:
		mutex_unlock(mutexes[s->n]);
		break;
	case FUZZ_TASK_RWSEM_READ:
		up_read(&rwsem);
		break;
	case FUZZ_TASK_RWSEM_WRITE:
		up_write(&rwsem);
		break;
	case FUZZ_TASK_SEMAPHORE:
		up(&semaphore);
		break;
	case FUZZ_TASK_RCU_READ:
		reader_end_rcu(s->form, s->object);
		break;
	default:
		reader_end_srcu(s->index, s->object);
		break;
	}
}

void
section_downgrade(struct section_open *s)
{
	leave(s);
	downgrade_write(&rwsem);
	s->kind = FUZZ_TASK_RWSEM_READ;
	enter(s);
}

void
section_cond_resched_lock(struct section_open *s)
{
	leave(s);
	cond_resched_lock(raws[s->n]);
	enter(s);
}

static unsigned int
counted(unsigned int guard)
{
	unsigned int sum = 0;

	if (guard < GUARD_CPU_FIRST) {
		return counters[guard];
	}
	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX; cpu++) {
		sum += cpu_counters[guard - GUARD_CPU_FIRST][cpu];
	}
	return sum;
}

void
section_check(const struct plan *plan)
{
	for (unsigned int guard = 0; guard < GUARD_COUNT; guard++) {
		if (counted(guard) != plan->guarded[guard]) {
			host_fail("guard %u was counted up %u times, not %u", guard, counted(guard),
			          plan->guarded[guard]);
		}
	}
	for (unsigned int n = 0; n < 2; n++) {
		HOST_EXPECT(!raw_spin_is_locked(raws[n]));
		HOST_EXPECT(!spin_is_locked(spins[n]));
		HOST_EXPECT(atomic_load(&mutexes[n]->owner) == 0);
	}
	HOST_EXPECT(!rwlock_is_locked(&rwlock));
	HOST_EXPECT(atomic_load(&rwsem.count) == 0);
	HOST_EXPECT(semaphore.count == 1);
}
