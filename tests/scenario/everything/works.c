// SPDX-License-Identifier: ISC
/*
 * Works: for this cpu and for others, at once and later, and of a queue whose workers go anywhere.
 * They wait for each other's lock; now and then one is cancelled, and asked for again.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/panic.h"
#include "guest/smp.h"
#include "guest/workqueue.h"

#define KINDS 3u /* of each cpu: at once, later, anywhere */

static struct item {
	struct delayed_work work;
	struct atomic asked;
	struct atomic served; /* of those, by the last run */
} items[CPUS_MAX][KINDS];

static struct workqueue *anywhere;

static void
serve(struct work *work)
{
	struct item *item = container_of(work, struct item, work.work);

	atomic_store(&item->served, atomic_load(&item->asked));
	add_in_work();
	count(PART_work);
}

static void
ask(struct item *item, unsigned int kind, unsigned int cpu, uint32_t draw)
{
	atomic_fetch_add(&item->asked, 1);
	if (kind == 0) {
		queue_work_on(cpu, system_wq, &item->work.work);
	} else if (kind == 1) {
		mod_delayed_work_on(cpu, system_wq, &item->work, draw % SHORT_NS);
	} else {
		queue_work(anywhere, &item->work.work);
	}
}

void
step_work(struct own *own, uint32_t draw)
{
	unsigned int cpu = (unsigned int)(any(draw) - owns);
	unsigned int kind = draw / 8 % KINDS;
	struct item *item = &items[cpu][kind];

	(void)own;
	if (draw % 16 == 0) {
		cancel_delayed_work_sync(&item->work);
	} else if (draw % 16 == 1) {
		flush_work(&item->work.work);
	}
	ask(item, kind, cpu, draw);
	rest(draw);
}

void
works_prepare(void)
{
	workqueue_init();
	anywhere = alloc_workqueue("anywhere", WQ_UNBOUND, 0);
	ASSERT(anywhere != NULL);
	for_each_cpu (cpu) {
		for (unsigned int kind = 0; kind < KINDS; kind++) {
			INIT_DELAYED_WORK(&items[cpu][kind].work, serve);
		}
	}
}

bool
works_quiet(unsigned int cpu)
{
	bool quiet = true;

	for (unsigned int kind = 0; kind < KINDS; kind++) {
		const struct item *item = &items[cpu][kind];

		quiet = quiet && !work_pending(&item->work.work) &&
		        atomic_load(&item->asked) == atomic_load(&item->served);
	}
	return quiet;
}
