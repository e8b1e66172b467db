// SPDX-License-Identifier: ISC
/*
 * Readers of one object, which is replaced all the time, and freed when they have gone.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp.h"

#define OBJECTS 4u /* of each cpu */

static struct object {
	struct rcu_head head;
	struct atomic valid;
	struct atomic used;
} objects[CPUS_MAX][OBJECTS];

static struct atomic_ptr published;
static struct atomic freed_seen;

static void
retire(struct rcu_head *head)
{
	struct object *object = container_of(head, struct object, head);

	atomic_store(&object->valid, 0);
	atomic_store_release(&object->used, 0);
}

/* Expedited: it waits for the readers itself, for a moment only. */
static void
replace(struct object *own, bool expedited)
{
	for (uint32_t n = 0; n < OBJECTS; n++) {
		struct object *old;

		if (atomic_load_acquire(&own[n].used)) {
			continue;
		}
		atomic_store(&own[n].used, 1);
		atomic_store(&own[n].valid, 1);
		old = atomic_xchg(&published, &own[n]);
		if (expedited) {
			synchronize_rcu_expedited();
			retire(&old->head);
		} else {
			call_rcu(&old->head, retire);
		}
		return;
	}
}

static void
look_at(const struct object *object)
{
	if (!atomic_load(&object->valid)) {
		atomic_store(&freed_seen, 1);
	}
}

void
step_reader(struct own *own, uint32_t draw)
{
	const struct object *object;

	rcu_read_lock();
	object = rcu_dereference(&published);
	for (uint32_t n = 0; n <= draw % 32; n++) {
		look_at(object);
	}
	for (uint32_t n = draw % 8 == 1 ? draw / 8 % 16 : 0; n != 0; n--) { /* preempted */
		resched_cpu(raw_smp_processor_id());
		cond_resched();
		look_at(object);
	}
	rcu_read_unlock();
	if (draw % 8 == 0) {
		replace(objects[own - owns], draw / 8 % 2 == 0);
	}
	count(PART_reader);
	rest(draw);
}

void
readers_prepare(void)
{
	atomic_store(&objects[0][0].used, 1);
	atomic_store(&objects[0][0].valid, 1);
	rcu_assign_pointer(&published, &objects[0][0]);
}

void
readers_check(void)
{
	uint32_t used = 0;

	rcu_barrier();
	for_each_cpu (cpu) {
		for (uint32_t n = 0; n < OBJECTS; n++) {
			used += atomic_load(&objects[cpu][n].used);
		}
	}
	report(!atomic_load(&freed_seen), "readers see no freed object");
	report(used == 1, "every object that was replaced is free");
}
