// SPDX-License-Identifier: ISC
/*
 * Tasks that wake each other, are woken by interrupts, move, and change the model meanwhile.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp.h"

/* Answers are as many as questions, so whoever waits gets one. */
void
step_wakeup(struct own *own, uint32_t draw)
{
	struct own *target = draw % 2 == 0 ? own : any(draw);

	complete(&target->question);
	wait_for_completion(&target->answer);
	count(PART_wakeup);
	yield(); /* it may not have waited, and goes on for a slice without this */
}

static uint64_t
mask(const struct own *own)
{
	return 1ull << (own - owns);
}

/* Moves itself, and others wherever they are: they run, wait, or are being woken. */
void
step_rover(struct own *own, uint32_t draw)
{
	struct task *other = atomic_load(&any(draw / 16)->rover);

	atomic_store(&own->rover, current);
	if (draw % 2 == 0) {
		set_cpus_allowed(current, mask(any(draw)));
	} else if (other != NULL) {
		set_cpus_allowed(other, mask(any(draw)));
	}
	count(PART_move);
	step_wakeup(any(draw / 256), draw);
}

void
step_answer(struct own *own, uint32_t draw)
{
	(void)draw;
	wait_for_completion(&own->question);
	if (!atomic_load(&answers_stop)) {
		complete(&own->answer);
		count(PART_answer);
	}
}

void
step_alarm(struct own *own, uint32_t draw)
{
	(void)draw;
	wait_for_completion(&own->alarm);
	if (!atomic_load(&answers_stop)) {
		atomic_fetch_add(&own->alarms_taken, 1);
		count(PART_alarm);
	}
}

/* In an interrupt. */
void
give_alarm(void)
{
	struct own *own = here();

	atomic_fetch_add(&own->alarms, 1);
	complete(&own->alarm);
}

void
step_model(struct own *own, uint32_t draw)
{
	(void)own;
	preempt_model_set((enum preempt_model)(draw % PREEMPT_MODEL_COUNT));
	count(PART_model);
	if (draw % 16 == 0) {
		timer_sleep(SHORT_NS);
	} else {
		yield();
	}
}
