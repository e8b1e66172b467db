// SPDX-License-Identifier: ISC
/*
 * The layout of the preempt counter, as Linux 6.18 has it (include/linux/preempt.h):
 *
 *   bits  0-7   preempt_disable() depth
 *   bits  8-15  softirq: bit 8 serving, bits 9-15 local_bh_disable() depth in twos
 *   bits 16-19  hardirq depth (NMI counts here too)
 *   bits 20-23  NMI depth
 *   bit  31     inverted: clear = a reschedule is wanted (folded from the task's flag)
 *
 * Compare unsigned: the folded bit is the sign bit.
 */
#pragma once

#define PREEMPT_OFFSET 0x1u
#define SOFTIRQ_OFFSET 0x100u
#define HARDIRQ_OFFSET 0x10000u
#define NMI_OFFSET     0x100000u

#define PREEMPT_MASK 0x000000ffu
#define SOFTIRQ_MASK 0x0000ff00u
#define HARDIRQ_MASK 0x000f0000u
#define NMI_MASK     0x00f00000u

/* What code asked for itself; the rest says by what it was interrupted. */
#define PREEMPT_DISABLES_MASK (PREEMPT_MASK | SOFTIRQ_MASK)

#define PREEMPT_NEED_RESCHED 0x80000000u
#define PREEMPT_ENABLED      PREEMPT_NEED_RESCHED

/*
 * What preempt_disable() adds: nothing in a kernel without PREEMPT_COUNT, which is preempted only
 * where it says so, and whose count tells of interrupts alone.
 */
#define PREEMPT_DISABLE_OFFSET (CONFIG_PREEMPT_COUNT ? PREEMPT_OFFSET : 0u)

/* What local_bh_disable() adds, which every kernel counts, and a lock's _bh form. */
#define SOFTIRQ_DISABLE_OFFSET (2 * SOFTIRQ_OFFSET)
#define SOFTIRQ_LOCK_OFFSET    (SOFTIRQ_DISABLE_OFFSET + PREEMPT_DISABLE_OFFSET)

/*
 * Values of preempt_count(): before init_idle, of a forked task until its schedule_tail, of idle.
 */
#define INIT_PREEMPT_COUNT PREEMPT_DISABLE_OFFSET
#define FORK_PREEMPT_COUNT (2 * PREEMPT_DISABLE_OFFSET)
#define IDLE_PREEMPT_COUNT PREEMPT_DISABLE_OFFSET
