// SPDX-License-Identifier: ISC
/*
 * Workers: pools, their concurrency, and who waits for an item's end. A pool's lock guards its
 * items, workers and flushes, and the queues that lead to it; it is taken with irqs off.
 *
 * Invariant: a pool that has items has a worker that runs, or one that was woken for them, or one
 * that makes the next.
 */
#include "guest/worker.h"

#include "guest/bug.h"
#include "guest/kthread.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/task.h"
#include "guest/workqueue.h"

#define HIGH_NICE (-20)

static DEFINE_PER_CPU(struct atomic_ptr, cpu_pools[2]); /* normal, high */
static struct atomic_ptr unbound_pools[2];

/* Who waits for the end of a work: of the queued one, as long as it has no worker. */
struct flush {
	struct list node;
	const struct work *work;
	const struct worker *worker;
	struct completion done;
};

/* ---- what there is ---- */

static struct atomic_ptr *
pool_slot(uint32_t number)
{
	unsigned int cpu = number / 2;

	return cpu == WQ_CPU_ANY ? &unbound_pools[number % 2]
	                         : &per_cpu(cpu_pools[number % 2], cpu);
}

struct worker_pool *
pool_of_data(uint32_t data)
{
	uint32_t place = data >> WORK_POOL_SHIFT;

	return place == 0 ? NULL : atomic_load_acquire(pool_slot(place - 1));
}

static uint32_t
data_of(const struct worker_pool *pool)
{
	return (pool->number + 1) << WORK_POOL_SHIFT;
}

bool
pool_has_queued(const struct worker_pool *pool, const struct work *work)
{
	uint32_t data = atomic_load(&work->data);

	return (data & WORK_QUEUED) && pool_of_data(data) == pool;
}

/* Of a freed work's memory, something else may have been made: the function tells. */
struct worker *
pool_find_running(struct worker_pool *pool, const struct work *work)
{
	struct worker *worker;

	list_for_each_entry (worker, &pool->workers, node) {
		if (worker->work == work && worker->fn == work->fn) {
			return worker;
		}
	}
	return NULL;
}

/* ---- concurrency ---- */

static bool
needs_worker(const struct worker_pool *pool)
{
	return !list_empty(&pool->items) && atomic_load(&pool->nr_running) == 0;
}

static void
kick_locked(struct worker_pool *pool)
{
	if (needs_worker(pool) && !list_empty(&pool->idle)) {
		wake_up_process(container_of(pool->idle.next, struct worker, idle_node)->task);
	}
}

static void
count_running(struct worker_pool *pool, uint32_t change)
{
	atomic_store(&pool->nr_running, atomic_load(&pool->nr_running) + change);
}

void
wq_worker_sleeping(struct worker *worker)
{
	struct worker_pool *pool = worker->pool;

	if (!worker->runs || worker->sleeps || bug(WORKER_SLEEPS_UNSEEN)) {
		return;
	}
	worker->sleeps = true;
	raw_spin_lock_irq(&pool->lock);
	count_running(pool, -1u);
	kick_locked(pool);
	raw_spin_unlock_irq(&pool->lock);
}

void
wq_worker_running(struct worker *worker)
{
	if (!worker->sleeps) {
		return;
	}
	preempt_disable();
	count_running(worker->pool, bug(WORKER_WAKES_UNSEEN) ? 0 : 1);
	preempt_enable();
	worker->sleeps = false;
}

/* An unbound pool's workers are not counted: each takes what there is. */
static void
set_running_locked(struct worker *worker, bool runs)
{
	if (worker->pool->cpu != WQ_CPU_ANY) {
		worker->runs = runs;
		count_running(worker->pool, runs ? 1 : -1u);
	}
}

/* ---- queues ---- */

static void
activate_locked(struct pool_queue *queue, struct work *work)
{
	queue->active++;
	work->active = true;
	list_add_tail(&queue->pool->items, &work->node);
	kick_locked(queue->pool);
}

void
queue_add_locked(struct pool_queue *queue, struct work *work)
{
	ASSERT(raw_spin_is_locked(&queue->pool->lock));
	ASSERT(list_empty(&work->node));
	work->queue = queue;
	work->color = queue->color;
	work->active = false;
	queue->in_flight[queue->color]++;
	atomic_store(&work->data, WORK_PENDING | WORK_QUEUED | data_of(queue->pool));
	if (queue->active < queue->wq->max_active) {
		activate_locked(queue, work);
	} else {
		list_add_tail(&queue->waiting, &work->node);
	}
}

/* An item of the queue has ended, or was taken back. */
static void
leave_locked(struct pool_queue *queue, uint32_t color, bool active)
{
	struct workqueue *wq = queue->wq;

	ASSERT(queue->in_flight[color] != 0);
	queue->active -= active;
	if (active && !list_empty(&queue->waiting)) {
		struct work *next = container_of(queue->waiting.next, struct work, node);

		list_remove(&next->node);
		activate_locked(queue, next);
	}
	if (--queue->in_flight[color] == 0 && queue->flushing && color != queue->color) {
		queue->flushing = false;
		if (atomic_fetch_sub(&wq->unflushed, 1) == 1) {
			complete(&wq->flushed);
		}
	}
}

/* ---- flushes ---- */

/* Those that wait for this worker, or, if that is NULL, for the queued work. */
static void
end_flushes_locked(struct worker_pool *pool, const struct worker *worker, const struct work *work)
{
	struct list *node = pool->flushes.next;

	while (node != &pool->flushes) { /* bounded: the list's length */
		struct flush *flush = container_of(node, struct flush, node);

		node = node->next;
		if (flush->worker == worker && (worker != NULL || flush->work == work)) {
			list_remove(&flush->node);
			complete(&flush->done);
		}
	}
}

static void
begin_flushes_locked(struct worker_pool *pool, const struct worker *worker)
{
	struct flush *flush;

	list_for_each_entry (flush, &pool->flushes, node) {
		if (flush->worker == NULL && flush->work == worker->work) {
			flush->worker = worker;
		}
	}
}

bool
pool_flush_and_unlock(struct worker_pool *pool, struct work *work)
{
	bool queued = pool_has_queued(pool, work);
	struct flush flush = { .work = work };

	flush.worker = queued || bug(FLUSH_MISSES_RUNNING) ? NULL : pool_find_running(pool, work);
	if (!queued && flush.worker == NULL) {
		raw_spin_unlock_irq(&pool->lock);
		return false;
	}
	ASSERT(current->worker == NULL ||
	       current->worker->work != work); /* it would wait for itself */
	init_completion(&flush.done);
	list_add_tail(&pool->flushes, &flush.node);
	raw_spin_unlock_irq(&pool->lock);
	wait_for_completion(&flush.done);
	return true;
}

void
queue_take_locked(struct worker_pool *pool, struct work *work)
{
	list_remove(&work->node);
	end_flushes_locked(pool, NULL, work);
	leave_locked(work->queue, work->color, work->active);
	atomic_store(&work->data, WORK_PENDING | data_of(pool));
}

/* ---- workers ---- */

/* map: the work's, of which nothing may be left behind the function. */
static void
run_function(struct worker *worker, struct work *work, struct lockdep_map *map)
{
	void (*fn)(struct work *) = worker->fn;

	lock_map_acquire(&worker->queue->wq->dep_map);
	lock_map_acquire(map);
	fn(work);
	lock_map_release(map);
	lock_map_release(&worker->queue->wq->dep_map);
	if (preempt_count() != 0 || arch_irqs_disabled()) {
		panic("work function %lx: preempt_count %08x, interrupts %s at its end",
		      (uintptr_t)fn, preempt_count(), arch_irqs_disabled() ? "off" : "on");
	}
}

/*
 * PENDING ends before the function begins, with a barrier: who found it set, and left, had stored
 * what the function is to see (queue_work_on()'s atomic operation).
 */
static void
end_pending(struct work *work, uint32_t data)
{
	if (bug(PENDING_UNORDERED)) {
		atomic_store(&work->data, data);
	} else {
		atomic_store_mb(&work->data, data);
	}
}

static void
carry_out_locked(struct worker *worker, struct work *work)
{
	struct worker_pool *pool = worker->pool;
	bool late = bug(PENDING_ENDS_LATE);
	struct lockdep_map map;

	list_remove(&work->node);
	worker->work = work;
	worker->fn = work->fn;
	worker->queue = work->queue;
	worker->color = work->color;
	lockdep_copy_map(&map, &work->dep_map);
	begin_flushes_locked(pool, worker);
	kick_locked(pool); /* of an unbound pool the next one begins now */
	if (!late) {
		end_pending(work, data_of(pool));
	}
	raw_spin_unlock_irq(&pool->lock);
	run_function(worker, work, &map);
	if (late) {
		end_pending(work, data_of(pool));
	}
	raw_spin_lock_irq(&pool->lock);
	worker->work = NULL;
	end_flushes_locked(pool, worker, NULL);
	leave_locked(worker->queue, worker->color, true);
	worker->queue = NULL;
}

/* Whoever runs an item's function already does it the second time, too: after the first. */
static void
do_first_locked(struct worker *worker)
{
	struct worker_pool *pool = worker->pool;
	struct work *work = container_of(pool->items.next, struct work, node);
	struct worker *other = pool_find_running(pool, work);

	if (other != NULL && !bug(WORK_REENTERS)) {
		list_remove(&work->node);
		list_add_tail(&other->scheduled, &work->node);
		return;
	}
	carry_out_locked(worker, work);
	while (!list_empty(&worker->scheduled)) { /* bounded: as long as it is queued anew */
		carry_out_locked(worker, container_of(worker->scheduled.next, struct work, node));
	}
}

static int run_worker(void *arg);

static struct worker *
create_worker(struct worker_pool *pool)
{
	struct worker *worker = object_alloc(sizeof(*worker));
	const char *suffix = pool->high ? "H" : "";

	if (worker == NULL) {
		return NULL;
	}
	worker->pool = pool;
	list_init(&worker->scheduled);
	worker->task =
		pool->cpu == WQ_CPU_ANY
			? kthread_create(run_worker, worker, "kworker/u:%u%s", pool->worker_count,
	                                 suffix)
			: kthread_create_on_cpu(run_worker, worker, pool->cpu, "kworker/%u:%u%s",
	                                        pool->cpu, pool->worker_count, suffix);
	if (worker->task == NULL) {
		object_free(worker, sizeof(*worker));
		return NULL;
	}
	worker->task->worker = worker;
	if (pool->high) {
		set_user_nice(worker->task, HIGH_NICE);
	}
	return worker;
}

/* Makes one more, unless somebody does; only who does changes the count. Returns whether it did. */
static bool
add_worker_locked(struct worker_pool *pool)
{
	struct worker *worker;

	if (pool->managed) {
		return false;
	}
	pool->managed = true;
	raw_spin_unlock_irq(&pool->lock);
	worker = create_worker(pool);
	raw_spin_lock_irq(&pool->lock);
	pool->managed = false;
	if (worker == NULL) {
		return false;
	}
	pool->worker_count++;
	list_add_tail(&pool->workers, &worker->node);
	list_insert_before(pool->idle.next, &worker->idle_node);
	wake_up_process(worker->task);
	return true;
}

/* Before it works it sees to it that one is left for when it sleeps. */
static void
work_locked(struct worker *worker)
{
	struct worker_pool *pool = worker->pool;

	while (needs_worker(pool)) { /* bounded: once, but if others sleep meanwhile */
		if (list_empty(&pool->idle) && !bug(NO_SPARE_WORKER) && add_worker_locked(pool)) {
			continue;
		}
		set_running_locked(worker, true);
		do { /* bounded: as long as there are items */
			do_first_locked(worker);
		} while (!list_empty(&pool->items) && atomic_load(&pool->nr_running) <= 1);
		set_running_locked(worker, false);
	}
}

/* Asleep, under the lock, before anybody can find it idle. */
static int
run_worker(void *arg)
{
	struct worker *worker = arg;
	struct worker_pool *pool = worker->pool;

	for (;;) { /* forever */
		raw_spin_lock_irq(&pool->lock);
		list_remove(&worker->idle_node);
		work_locked(worker);
		list_insert_before(pool->idle.next, &worker->idle_node);
		if (!bug(WORKER_IDLES_LATE)) {
			__set_current_state(TASK_IDLE);
		}
		raw_spin_unlock_irq(&pool->lock);
		if (bug(WORKER_IDLES_LATE)) {
			set_current_state(TASK_IDLE);
		}
		schedule();
	}
	return 0;
}

static struct worker_pool *
create_pool(uint32_t number)
{
	struct worker_pool *pool = object_alloc(sizeof(*pool));

	if (pool == NULL) {
		return NULL;
	}
	pool->number = number;
	pool->cpu = number / 2;
	pool->high = number % 2;
	raw_spin_lock_init(&pool->lock);
	list_init(&pool->items);
	list_init(&pool->workers);
	list_init(&pool->idle);
	list_init(&pool->flushes);
	return pool;
}

struct worker_pool *
pool_get(unsigned int cpu, bool high)
{
	uint32_t number = cpu * 2 + high;
	struct worker_pool *pool = atomic_load_acquire(pool_slot(number));
	bool usable;

	if (pool == NULL) {
		void *found = NULL;

		pool = create_pool(number);
		if (pool == NULL) {
			return NULL;
		}
		if (!atomic_try_cmpxchg(pool_slot(number), &found, (void *)pool)) {
			object_free(pool, sizeof(*pool));
			pool = found;
		}
	}
	raw_spin_lock_irq(&pool->lock);
	usable = !list_empty(&pool->workers) || pool->managed || add_worker_locked(pool);
	raw_spin_unlock_irq(&pool->lock);
	return usable ? pool : NULL;
}
