// SPDX-License-Identifier: ISC
/*
 * One-shot timers, and the tick. A timer belongs to the cpu that started it last, and its function
 * runs there, in hardirq with irqs off; one that is started while its function runs stays where
 * that is, so that it never runs twice at a time. Those of a cpu that expire at one moment run in
 * the order in which they were started. Linux's hrtimers (kernel/time/hrtimer.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/list.h"
#include "guest/percpu.h"
#include "guest/rbtree.h"

#define NSEC_PER_SEC 1000000000ull

struct timer {
	void (*fn)(struct timer *timer);
	uint64_t expires_ns; /* arch_clock_ns() time; while pending, under the base's lock */
	struct rb_node node; /* the base's lock */
	struct atomic cpu;   /* whose base it is or was last on; written under that base's lock */
};

/* Not pending. Before first use. */
void timer_init(struct timer *timer, void (*fn)(struct timer *timer));

/*
 * Makes the timer expire once at clock time expires_ns, or soon if that has passed; if it was
 * pending, then instead of what it was set to. It may be called from its own function. Any context
 * but NMI.
 */
void timer_start(struct timer *timer, uint64_t expires_ns);

/* Will it expire? Out of date at return, unless the caller sees to it. Any context but NMI. */
bool timer_pending(struct timer *timer);

/*
 * Makes it not pending: 1, or 0 if it was not; -1 if its function runs, and then nothing is
 * changed. Any context but NMI.
 */
int timer_try_to_cancel(struct timer *timer);

/*
 * Returns whether it was pending; at return it is not, and its function is not running, also if
 * that starts it again. Any context but NMI and its own function; the caller sees to it that nobody
 * else starts it meanwhile.
 */
bool timer_cancel(struct timer *timer);

/*
 * Moves the expiry of a timer that is not pending by whole intervals, to behind now; returns how
 * many. For a timer that starts itself again: its period does not drift. Its own function, or
 * whoever else owns it; interval_ns > 0.
 */
uint64_t timer_forward(struct timer *timer, uint64_t now_ns, uint64_t interval_ns);

/* Blocks current for at least ns. Count 0, irqs on. */
void timer_sleep(uint64_t ns);

/* This cpu's tick, at boot_args.hz. Each cpu, once; irqs off. */
void timer_start_tick(void);

/* Timer interrupts of this cpu since its start. */
DECLARE_PER_CPU(uint32_t, timer_interrupts);

/* The timer interrupt: runs what has expired, sets the next; returns how many ran. hardirq. */
uint32_t timer_interrupt(void);
