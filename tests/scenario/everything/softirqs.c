// SPDX-License-Identifier: ISC
/*
 * Softirqs that raise themselves, tasklets, and timers that ask for them, which every cpu moves.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/bottom_half.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/tasklet.h"
#include "guest/timer.h"

#define FLOOD_MAX 20u /* runs of a vector that raises itself */
#define TASKLETS  4u

static void
flood(void)
{
	struct own *own = here();

	atomic_store(&own->served, atomic_load(&own->raised));
	add_in_softirq();
	count(PART_softirq);
	if (own->flood_left != 0) {
		own->flood_left--;
		raise_softirq(NET_RX_SOFTIRQ);
	}
}

static struct item {
	struct tasklet tasklet;
	struct atomic inside;
	struct atomic overlapped;
	struct atomic asked;
	struct atomic served;
} items[TASKLETS];

static void
serve(struct tasklet *tasklet)
{
	struct item *item = container_of(tasklet, struct item, tasklet);

	if (atomic_fetch_add(&item->inside, 1) != 0 || !in_serving_softirq()) {
		atomic_store(&item->overlapped, 1);
	}
	atomic_store(&item->served, atomic_load(&item->asked));
	count(PART_tasklet);
	atomic_fetch_sub(&item->inside, 1);
}

static void
ask_tasklet(uint32_t draw)
{
	struct item *item = &items[draw % TASKLETS];

	atomic_fetch_add(&item->asked, 1);
	tasklet_schedule(&item->tasklet);
}

void
step_softirq(struct own *own, uint32_t draw)
{
	struct item *item = &items[draw / 8 % TASKLETS];

	if (draw % 8 == 0) {
		local_bh_disable();
		atomic_fetch_add(&own->raised, 1);
		own->flood_left = draw / 8 % FLOOD_MAX;
		raise_softirq(NET_RX_SOFTIRQ);
		local_bh_enable();
	} else if (draw % 8 == 1) {
		tasklet_disable(&item->tasklet);
		if (atomic_load(&item->inside) != 0) {
			atomic_store(&item->overlapped, 1);
		}
		tasklet_enable(&item->tasklet);
	} else {
		ask_tasklet(draw / 8);
	}
	rest(draw);
}

static void
expire(struct timer *timer)
{
	(void)timer;
	add_in_hardirq();
	count(PART_timer);
	give_alarm();
	ask_tasklet(raw_smp_processor_id());
}

void
step_timer(struct own *own, uint32_t draw)
{
	switch (draw % 4) {
	case 0:
		timer_start(&any(draw)->timer, arch_clock_ns() + draw % SHORT_NS);
		break;
	case 1:
		timer_try_to_cancel(&any(draw)->timer);
		break;
	case 2:
		timer_sleep(draw % SHORT_NS);
		break;
	default:
		timer_start(&own->timer, arch_clock_ns());
	}
	rest(draw);
}

void
softirqs_prepare(void)
{
	softirq_init();
	open_softirq(NET_RX_SOFTIRQ, flood);
	for (uint32_t n = 0; n < TASKLETS; n++) {
		tasklet_setup(&items[n].tasklet, serve);
	}
	for_each_cpu (cpu) {
		timer_init(&owns[cpu].timer, expire);
	}
}

bool
softirqs_quiet(unsigned int cpu)
{
	return !timer_pending(&owns[cpu].timer) && per_cpu(softirq_pending, cpu) == 0 &&
	       !atomic_load(&per_cpu(ksoftirqd, cpu)->on_rq);
}

void
softirqs_check(void)
{
	bool served = true;
	bool alone = true;

	for_each_cpu (cpu) {
		served = served && atomic_load(&owns[cpu].raised) == atomic_load(&owns[cpu].served);
	}
	for (uint32_t n = 0; n < TASKLETS; n++) {
		tasklet_kill(&items[n].tasklet);
		served = served && atomic_load(&items[n].asked) == atomic_load(&items[n].served);
		alone = alone && !atomic_load(&items[n].overlapped);
	}
	report(served, "every softirq and tasklet is served");
	report(alone, "no tasklet ran twice at a time, or while it was disabled");
}
