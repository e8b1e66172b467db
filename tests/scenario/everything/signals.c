// SPDX-License-Identifier: ISC
/*
 * Signals: some end the sleep of a task that takes them, others stop programs of ring 3 and let
 * them go on.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"

#define SLEEP_NS 5000000 /* unless a signal ends it */

/* What it takes is one for all that were sent before. */
void
step_sleeper(struct own *own, uint32_t draw)
{
	(void)draw;
	if (atomic_load(&own->sleeper) == NULL) {
		allow_signal(SIGUSR1);
		allow_signal(SIGINT);
		atomic_store(&own->sleeper, current);
	}
	schedule_timeout_interruptible(SLEEP_NS);
	while (get_signal() != 0) { /* bounded: as many as were sent */
		atomic_store(&own->signals_seen, atomic_load(&own->signals_sent));
		count(PART_signal);
	}
}

/* Whoever stops it lets it go on, so it does in the end. */
static void
stop_for_a_while(struct task *user)
{
	send_sig(SIGSTOP, user);
	yield();
	send_sig(SIGCONT, user);
	count(PART_stop);
}

void
step_signal(struct own *own, uint32_t draw)
{
	struct own *target = any(draw);
	struct task *sleeper = atomic_load(&target->sleeper);
	struct task *user = atomic_load(&target->users[draw / 4 % 2]);

	(void)own;
	if (sleeper != NULL) {
		atomic_fetch_add(&target->signals_sent, 1);
		send_sig(draw % 8 < 4 ? SIGUSR1 : SIGINT, sleeper);
	}
	if (draw % 2 == 0 && user != NULL) {
		stop_for_a_while(user);
	}
	rest(draw);
}

bool
signals_quiet(unsigned int cpu)
{
	return atomic_load(&owns[cpu].signals_sent) == atomic_load(&owns[cpu].signals_seen);
}
