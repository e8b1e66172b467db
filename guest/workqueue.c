// SPDX-License-Identifier: ISC
/*
 * Queueing work and taking it back. Who carries it out is in worker.c.
 *
 * work->data is written by who owns PENDING alone, but for the attempt to set it; a worker that
 * takes an item from its pool owns it, too. Interrupts are off while somebody owns an item that is
 * in no list and waits for no timer: others spin for that. Lock order: pool->lock, then
 * completions'.
 */
#include "guest/workqueue.h"

#include "guest/bug.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/worker.h"

struct workqueue *system_wq;

void
__init_work(struct work *work, void (*fn)(struct work *work))
{
	*work = (struct work){ .fn = fn };
	list_init(&work->node);
}

bool
work_pending(const struct work *work)
{
	return atomic_load(&work->data) & WORK_PENDING;
}

/* ---- queueing ---- */

/* Sets PENDING; the caller owns the work if it was not set. Full barrier in any case. */
static bool
claim(struct work *work)
{
	return !(atomic_fetch_or(&work->data, WORK_PENDING) & WORK_PENDING);
}

/* The owner gives PENDING back, and leaves the rest of the word. */
static void
give_back(struct work *work, uint32_t disable)
{
	uint32_t data = atomic_load(&work->data);

	atomic_store_release(&work->data, (data & ~(WORK_PENDING | WORK_QUEUED)) + disable);
}

static bool
is_refused(struct work *work)
{
	if (!(atomic_load(&work->data) & WORK_DISABLE_MASK) || bug(CANCEL_LETS_REQUEUE)) {
		return false;
	}
	give_back(work, 0);
	return true;
}

/* A function of this workqueue calls. */
static bool
is_chained(const struct workqueue *wq)
{
	const struct worker *worker = in_task() ? current->worker : NULL;

	return worker != NULL && worker->queue != NULL && worker->queue->wq == wq;
}

/*
 * Locks the pool that is to have it: where it runs just now, for it must not run twice at a time;
 * else where it was sent.
 */
static struct pool_queue *
lock_queue(struct workqueue *wq, unsigned int cpu, struct work *work)
{
	struct pool_queue *queue = wq->queues[wq->flags & WQ_UNBOUND ? 0 : cpu];
	struct worker_pool *last = pool_of_data(atomic_load(&work->data));

	if (last != NULL && last != queue->pool && !bug(WORK_FORGETS_POOL)) {
		struct worker *worker;

		raw_spin_lock(&last->lock);
		worker = pool_find_running(last, work);
		if (worker != NULL && worker->queue->wq == wq) {
			return worker->queue;
		}
		raw_spin_unlock(&last->lock);
	}
	raw_spin_lock(&queue->pool->lock);
	return queue;
}

/* The caller owns the work. irqs off. */
static void
queue_owned(unsigned int cpu, struct workqueue *wq, struct work *work)
{
	struct pool_queue *queue;

	ASSERT(arch_irqs_disabled());
	if (atomic_load(&wq->draining) && !is_chained(wq)) {
		panic("work %lx is queued on %s, which is being drained", (uintptr_t)work->fn,
		      wq->name);
	}
	if (cpu == WQ_CPU_ANY) {
		cpu = smp_processor_id();
	}
	ASSERT(cpu < cpu_count);
	queue = lock_queue(wq, cpu, work);
	queue_add_locked(queue, work);
	raw_spin_unlock(&queue->pool->lock);
}

bool
queue_work_on(unsigned int cpu, struct workqueue *wq, struct work *work)
{
	unsigned long flags = arch_irq_save();
	bool queued;

	ASSERT(!in_nmi());
	ASSERT(wq != NULL);
	queued = claim(work) && !is_refused(work);
	if (queued) {
		queue_owned(cpu, wq, work);
	}
	arch_irq_restore(flags);
	return queued;
}

/* ---- later ---- */

static void
queue_due(struct timer *timer)
{
	struct delayed_work *work = container_of(timer, struct delayed_work, timer);

	queue_owned(work->cpu, work->wq, &work->work);
}

void
__init_delayed_work(struct delayed_work *delayed, void (*fn)(struct work *work))
{
	__init_work(&delayed->work, fn);
	timer_init(&delayed->timer, queue_due);
}

/* The caller owns the work. irqs off. */
static void
delay_owned(unsigned int cpu, struct workqueue *wq, struct delayed_work *work, uint64_t delay_ns)
{
	if (delay_ns == 0) {
		queue_owned(cpu, wq, &work->work);
		return;
	}
	work->wq = wq;
	work->cpu = cpu;
	timer_start(&work->timer, arch_clock_ns() + delay_ns);
}

bool
queue_delayed_work_on(unsigned int cpu, struct workqueue *wq, struct delayed_work *work,
                      uint64_t delay_ns)
{
	unsigned long flags = arch_irq_save();
	bool queued;

	ASSERT(!in_nmi());
	queued = claim(&work->work) && !is_refused(&work->work);
	if (queued) {
		delay_owned(cpu, wq, work, delay_ns);
	}
	arch_irq_restore(flags);
	return queued;
}

/* ---- taking it back ---- */

/* Takes a queued work, whose pool it waits in, out of it. irqs off. */
static bool
take_from_pool(struct work *work)
{
	struct worker_pool *pool = pool_of_data(atomic_load(&work->data));
	bool taken;

	if (pool == NULL) {
		return false;
	}
	raw_spin_lock(&pool->lock);
	taken = pool_has_queued(pool, work);
	if (taken) {
		queue_take_locked(pool, work);
	}
	raw_spin_unlock(&pool->lock);
	return taken;
}

/*
 * Makes the caller the owner, with irqs off, whoever it is now: returns whether it was pending.
 * timer: of a delayed work, or NULL.
 */
static bool
grab(struct work *work, struct timer *timer, unsigned long *flags)
{
	for (;;) { /* bounded: who owns it without a list or a timer has irqs off */
		*flags = arch_irq_save();
		if (timer != NULL && timer_try_to_cancel(timer) == 1) {
			return true;
		}
		if (claim(work)) {
			return false;
		}
		if (take_from_pool(work)) {
			return true;
		}
		arch_irq_restore(*flags);
		if (work_pending(work)) {
			arch_cpu_relax();
		}
	}
}

static bool
cancel(struct work *work, struct timer *timer)
{
	unsigned long flags;
	bool was_pending = grab(work, timer, &flags);

	give_back(work, 0);
	arch_irq_restore(flags);
	return was_pending;
}

/* The owner refuses, in the name of PENDING, all who come until its function has ended. */
static bool
cancel_sync(struct work *work, struct timer *timer)
{
	unsigned long flags;
	bool was_pending;

	might_sleep();
	was_pending = grab(work, timer, &flags);
	give_back(work, WORK_DISABLE_ONE);
	arch_irq_restore(flags);
	flush_work(work);
	grab(work, NULL, &flags);
	give_back(work, -WORK_DISABLE_ONE);
	arch_irq_restore(flags);
	return was_pending;
}

bool
cancel_work(struct work *work)
{
	return cancel(work, NULL);
}

bool
cancel_delayed_work(struct delayed_work *work)
{
	return cancel(&work->work, &work->timer);
}

bool
cancel_work_sync(struct work *work)
{
	return cancel_sync(work, NULL);
}

bool
cancel_delayed_work_sync(struct delayed_work *work)
{
	return cancel_sync(&work->work, &work->timer);
}

bool
mod_delayed_work_on(unsigned int cpu, struct workqueue *wq, struct delayed_work *work,
                    uint64_t delay_ns)
{
	unsigned long flags;
	bool was_pending = grab(&work->work, &work->timer, &flags);

	if (!is_refused(&work->work)) {
		delay_owned(cpu, wq, work, delay_ns);
	}
	arch_irq_restore(flags);
	return was_pending;
}

/* ---- waiting ---- */

bool
flush_work(struct work *work)
{
	struct worker_pool *pool;

	might_sleep();
	lock_sync(&work->dep_map, (uintptr_t)__builtin_return_address(0));
	pool = pool_of_data(atomic_load(&work->data));
	if (pool == NULL) {
		return false;
	}
	raw_spin_lock_irq(&pool->lock);
	return pool_flush_and_unlock(pool, work);
}

/* What is queued from now on has the other color, of which none are left: the last flush saw to it.
 */
static void
change_color(struct pool_queue *queue)
{
	raw_spin_lock_irq(&queue->pool->lock);
	queue->flushing = queue->in_flight[queue->color] != 0;
	if (queue->flushing) {
		atomic_fetch_add(&queue->wq->unflushed, 1);
	}
	queue->color ^= 1;
	ASSERT(queue->in_flight[queue->color] == 0);
	raw_spin_unlock_irq(&queue->pool->lock);
}

void
flush_workqueue(struct workqueue *wq)
{
	might_sleep();
	ASSERT(!is_chained(wq));
	lock_sync(&wq->dep_map, (uintptr_t)__builtin_return_address(0));
	wait_for_completion(&wq->turn);
	atomic_store(&wq->unflushed, 1);
	for (uint32_t n = 0; n < wq->queue_count; n++) {
		change_color(wq->queues[n]);
	}
	if (atomic_fetch_sub(&wq->unflushed, 1) != 1) {
		wait_for_completion(&wq->flushed);
	}
	complete(&wq->turn);
}

static bool
is_empty(struct workqueue *wq)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < wq->queue_count; n++) {
		struct pool_queue *queue = wq->queues[n];

		raw_spin_lock_irq(&queue->pool->lock);
		count += queue->in_flight[0] + queue->in_flight[1];
		raw_spin_unlock_irq(&queue->pool->lock);
	}
	return count == 0;
}

void
drain_workqueue(struct workqueue *wq)
{
	atomic_fetch_add(&wq->draining, 1);
	do { /* bounded: the longest chain of its functions */
		flush_workqueue(wq);
	} while (!is_empty(wq));
	atomic_fetch_sub(&wq->draining, 1);
}

/* ---- workqueues ---- */

static void
free_workqueue(struct workqueue *wq)
{
	for (uint32_t n = 0; n < wq->queue_count; n++) {
		object_free(wq->queues[n], sizeof(*wq->queues[n]));
	}
	object_free(wq, sizeof(*wq));
}

static struct pool_queue *
create_queue(struct workqueue *wq, unsigned int cpu)
{
	struct worker_pool *pool = pool_get(cpu, wq->flags & WQ_HIGHPRI);
	struct pool_queue *queue = pool == NULL ? NULL : object_alloc(sizeof(*queue));

	if (queue != NULL) {
		queue->wq = wq;
		queue->pool = pool;
		list_init(&queue->waiting);
	}
	return queue;
}

struct workqueue *
alloc_workqueue(const char *name, uint32_t flags, uint32_t max_active)
{
	uint32_t queue_count = flags & WQ_UNBOUND ? 1 : cpu_count;
	struct workqueue *wq = object_alloc(sizeof(*wq));

	might_sleep();
	ASSERT(!(flags & WQ_ORDERED) || ((flags & WQ_UNBOUND) && max_active == 1));
	if (wq == NULL) {
		return NULL;
	}
	wq->name = name;
	lockdep_init_map(&wq->dep_map, name, NULL, LD_WAIT_INV, LD_WAIT_INV);
	wq->flags = flags;
	wq->max_active = max_active != 0 ? max_active : WQ_MAX_ACTIVE;
	init_completion(&wq->turn);
	init_completion(&wq->flushed);
	complete(&wq->turn);
	for (uint32_t n = 0; n < queue_count; n++) {
		wq->queues[n] = create_queue(wq, flags & WQ_UNBOUND ? WQ_CPU_ANY : n);
		if (wq->queues[n] == NULL) {
			free_workqueue(wq);
			return NULL;
		}
		wq->queue_count++;
	}
	return wq;
}

void
destroy_workqueue(struct workqueue *wq)
{
	drain_workqueue(wq);
	free_workqueue(wq);
}

void
workqueue_init(void)
{
	if (system_wq == NULL) {
		system_wq = alloc_workqueue("events", 0, 0);
	}
	if (system_wq == NULL) {
		panic("no memory for the system workqueue");
	}
}
