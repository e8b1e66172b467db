// SPDX-License-Identifier: ISC
/*
 * Softirqs: what interrupts leave for later, done at their exit with interrupts on, or, where there
 * is too much of it, by a thread a cpu, ksoftirqd. Follows Linux 6.18's kernel/softirq.c.
 *
 * A vector is pending on the cpu that raised it, and served there: at the exit of the interrupt
 * that interrupted neither another, nor a softirq, nor code with bottom halves off; at the
 * outermost local_bh_enable(); by ksoftirqd. Raised again while it is served, it is served again.
 * One cpu serves one vector at a time, lowest number first; cpus do not wait for each other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/percpu.h"
#include "shared/trace_abi.h"

struct task;

/*
 * Served at a time without a break: as long as one of these is left, and no reschedule is wanted (a
 * lazy one is no reason). The rest is ksoftirqd's.
 */
#define SOFTIRQ_ROUNDS_MAX 10u      /* Linux's MAX_SOFTIRQ_RESTART */
#define SOFTIRQ_TIME_NS    2000000u /* Linux's MAX_SOFTIRQ_TIME */

/* This cpu's vectors that wait, bit n: number n; changed with irqs off only. */
DECLARE_PER_CPU(uint32_t, softirq_pending);

/* The cpu's thread; NULL: none yet. Fixed after softirq_init(). */
DECLARE_PER_CPU(struct task *, ksoftirqd);

#define local_softirq_pending() this_cpu_read(softirq_pending)

/*
 * Makes ksoftirqd of each cpu, and opens tasklets' vectors; does nothing more if it has been done.
 * A program that uses softirqs calls it before it raises one. Panics without memory. Task context;
 * the first call alone.
 */
void softirq_init(void);

/*
 * Gives the vector its function, for good, before it is raised first. It is called with irqs on and
 * preemption off; if it returns with irqs off, or another count, the kernel stops.
 */
void open_softirq(enum softirq nr, void (*action)(void));

/*
 * Has this cpu serve the vector, soon. Where no exit follows by itself, ksoftirqd is woken: in a
 * task with bottom halves on. The forms of Linux: with irqs on or off; with irqs off; and one that
 * wakes nobody, for callers that look at what is pending afterwards. Any context but NMI; a task
 * that calls one of the first two holds nothing that a wakeup takes.
 */
void raise_softirq(enum softirq nr);
void raise_softirq_irqoff(enum softirq nr);
void __raise_softirq_irqoff(enum softirq nr);

/*
 * Serves what is pending, unless the caller is in an interrupt, or has bottom halves off. Pinned,
 * not in NMI, irqs on or off: served is with irqs on.
 */
void do_softirq(void);

/*
 * The same at an interrupt's end, where something is pending; with the boot argument threadirqs
 * ksoftirqd is woken instead. irqs off, at entry and at return.
 */
void invoke_softirq(void);

/* The same as ksoftirqd does it. Count 1, irqs on. */
void run_ksoftirqd(void);

/* How often the cpu has served the vector; out of date at return. Any context. */
uint32_t softirq_served(unsigned int cpu, enum softirq nr);

/* Linux's name of it, without _SOFTIRQ. Any context. */
const char *softirq_name(enum softirq nr);
