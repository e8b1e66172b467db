// SPDX-License-Identifier: ISC
/*
 * What timers cost, in instructions, with so many others pending on the cpu: as costs.c counts.
 *
 * Start, cancel: of a timer at a random place among the others.
 * Expiry:        an interrupt that finds one expired timer, in and out; its function does nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define PENDING_MAX 1000
#define ROUNDS      101
#define FAR_NS      (1000 * NSEC_PER_SEC) /* nothing expires by itself */

enum what { START, CANCEL, EXPIRY, WHAT_COUNT };

static struct timer others[PENDING_MAX];
static struct timer measured;
static uint32_t samples[WHAT_COUNT][ROUNDS];
static uint64_t random_state = 1;

static uint64_t
random_time(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return FAR_NS + (random_state >> 32);
}

static void
do_nothing(struct timer *timer)
{
	(void)timer;
}

/* Interrupts are off, but for a moment. */
static void
measure_round(uint32_t n)
{
	uint64_t times[WHAT_COUNT + 1];
	uint64_t expires_ns = random_time();

	times[0] = arch_cycles();
	timer_start(&measured, expires_ns);
	times[1] = arch_cycles();
	timer_cancel(&measured);
	times[2] = arch_cycles();
	for (unsigned int what = START; what < EXPIRY; what++) {
		samples[what][n] = (uint32_t)(times[what + 1] - times[what]);
	}
	timer_start(&measured, 0);
	times[0] = arch_cycles();
	arch_irq_enable();
	while (timer_pending(&measured)) { /* bounded: it has expired */
	}
	arch_irq_disable();
	samples[EXPIRY][n] = (uint32_t)(arch_cycles() - times[0]);
}

static uint32_t
median(uint32_t *values)
{
	for (unsigned int i = 1; i < ROUNDS; i++) {
		uint32_t value = values[i];
		unsigned int place = i;

		for (; place > 0 && values[place - 1] > value; place--) {
			values[place] = values[place - 1];
		}
		values[place] = value;
	}
	return values[ROUNDS / 2];
}

static void
measure_among(uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		timer_init(&others[n], do_nothing);
		timer_start(&others[n], random_time());
	}
	timer_init(&measured, do_nothing);
	for (uint32_t n = 0; n < ROUNDS; n++) {
		measure_round(n);
	}
	printk("  %8u pending %9u %9u %9u\n", count, median(samples[START]),
	       median(samples[CANCEL]), median(samples[EXPIRY]));
	for (uint32_t n = 0; n < count; n++) {
		timer_cancel(&others[n]);
	}
}

int
main(void)
{
	static const uint32_t counts[] = { 1, 10, 100, PENDING_MAX };

	arch_irq_disable();
	printk("  %-16s %9s %9s %9s\n", "timers", "start", "cancel", "expiry");
	for (unsigned int n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		measure_among(counts[n]);
	}
	arch_irq_enable();
	return EXIT_STATUS_OK;
}
