// SPDX-License-Identifier: ISC
/*
 * The kernel watches over itself. Follows Linux 6.18's kernel/watchdog.c and
 * resched_latency_warn().
 *
 * Each is off unless a boot argument asks for it:
 *
 *   nmi_watchdog=1             Hard lockup: an NMI finds that no timer interrupt has come since the
 *                              one before, two ticks ago or more: interrupts are off for good.
 *                              Panics. The NMIs come from outside: the VMM's --nmi-watchdog sends
 *                              them, and adds this argument.
 *   watchdog_thresh=SECONDS    Soft lockup: for twice so long the cpu has not let its most
 *                              important task run, one of FIFO priority 99, which the tick wakes
 *                              five times meanwhile: kernel code goes on and on, with preemption
 *                              off, or in a model that does not preempt it. Reported once, until
 *                              the task has run again.
 *   softlockup_ticks=N         The same in ticks, instead.
 *   softlockup_panic=1         That report is a panic.
 *   resched_latency_warn_ms=N  A request for a reschedule that no switch has answered for so many
 *                              ticks. Reported once a request.
 *
 * Ticks are the cpu's own, of those that it took: a machine that stands still, or that its host
 * runs now and then, is no reason for a report.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/percpu.h"

/* Ticks that have seen the request that this cpu has: the scheduler sets it to 0. */
DECLARE_PER_CPU(uint32_t, resched_seen_ticks);

/* Starts what the boot arguments ask for. Task context, once, when all cpus are there. */
void watchdog_init(void);

/* A tick of this cpu, behind sched_tick(). hardirq. */
void watchdog_tick(void);

/*
 * The caller knows that it keeps the cpu for long: the time until its soft lockup begins anew.
 * Linux's touch_softlockup_watchdog(). Any context.
 */
void touch_softlockup_watchdog(void);
