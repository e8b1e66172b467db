// SPDX-License-Identifier: ISC
/*
 * A program whose timer's function panics, on the interrupt stack, while a function of the task
 * that started it waits for it; with "deep" it runs over the end of that stack instead.
 */
#include <stdint.h>

#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/panic.h"
#include "guest/timer.h"

static uint64_t dig(uint64_t depth);

/* Through a pointer, so that no compiler sees the end coming. */
static uint64_t (*volatile deeper)(uint64_t) = dig;

static uint64_t
dig(uint64_t depth)
{
	volatile uint64_t ballast[64];

	ballast[depth % 64] = depth;
	return deeper(depth + 1) + ballast[depth % 64];
}

static void
dig_in_irq(struct timer *timer)
{
	(void)timer;
	dig(0);
}

static void
fail_in_irq(struct timer *timer)
{
	(void)timer;
	panic("failed in an interrupt");
}

static struct timer timer;

static __attribute__((noinline)) void
wait_interrupted(void (*fn)(struct timer *))
{
	timer_init(&timer, fn);
	timer_start(&timer, 0);
	for (;;) { /* forever: the timer's function ends the run; no call, which would hide us */
		arch_cpu_relax();
	}
}

int
main(void)
{
	wait_interrupted(boot_args.program[0] != '\0' ? dig_in_irq : fail_in_irq);
	return 0;
}
