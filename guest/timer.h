// SPDX-License-Identifier: ISC
/*
 * One-shot timers, and the tick. A timer belongs to the cpu that started it, and its function runs
 * there, in hardirq with irqs off.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/list.h"

#define NSEC_PER_SEC 1000000000ull

struct timer {
	void (*fn)(struct timer *timer);
	uint64_t expires_ns; /* arch_clock_ns() time; while pending, under the base's lock */
	struct list node;
	struct atomic cpu; /* whose base it is or was last on */
};

/* Not pending. Before first use. */
void timer_init(struct timer *timer, void (*fn)(struct timer *timer));

/*
 * Makes a timer that is not pending expire once at clock time expires_ns, or soon if that has
 * passed. It may be called from its own function. Any context but NMI.
 */
void timer_start(struct timer *timer, uint64_t expires_ns);

/*
 * Returns whether it was pending; at return it is not, and its function is not running. Any context
 * but NMI and its own function; the caller sees to it that nobody starts it again.
 */
bool timer_cancel(struct timer *timer);

/* Blocks current for at least ns. Count 0, irqs on. */
void timer_sleep(uint64_t ns);

/* Every cpu's base. Boot, after percpu_init(). */
void timer_init_bases(uint32_t cpus);

/* This cpu's tick, at boot_args.hz. Each cpu, once; irqs off. */
void timer_start_tick(void);

/* The timer interrupt: runs what has expired, sets the next; returns how many ran. hardirq. */
uint32_t timer_interrupt(void);
