// SPDX-License-Identifier: ISC
/*
 * Trace records: 32 bytes each, in one ring per cpu, written by the guest and read by the VMM.
 *
 * The region is a page of headers (struct trace_region, then cpu_count struct trace_ring), then
 * cpu_count arrays of capacity records. The guest lays it out in the region it was given and writes
 * magic last. Only its own cpu writes a ring, from any context, NMI too: one instruction reserves a
 * slot, then it is filled. head counts the records ever reserved; record n lies in slot
 * n % capacity and is overwritten capacity records later.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC   0x4352544fu /* "OTRC" in memory */
#define TRACE_VERSION 1u

struct trace_region {
	uint32_t magic;
	uint32_t version;
	uint32_t cpu_count;
	uint32_t capacity; /* records in each ring, a power of two */
	uint64_t tsc_hz;   /* of trace_record.tsc */
	uint64_t reserved;
};
_Static_assert(sizeof(struct trace_region) == 32, "trace region header");

struct trace_ring {
	uint64_t head; /* records reserved since boot */
	uint64_t reserved[3];
};
_Static_assert(sizeof(struct trace_ring) == 32, "trace ring header");

#define TRACE_HEADER_SIZE 0x1000u /* bytes before the records of cpu 0 */
#define TRACE_CAPACITY    1024u   /* records per cpu in the region that the VMM reserves */

struct trace_record {
	uint64_t tsc;
	uint32_t preempt_count; /* the raw word: folded, inverted need-resched in bit 31 */
	uint16_t event;         /* enum trace_event */
	uint8_t flags;          /* TRACE_FLAG_* */
	uint8_t cpu;
	uint32_t pid; /* of current */
	uint32_t a;   /* the event's fields, see TRACE_EVENTS */
	uint64_t b;
};
_Static_assert(sizeof(struct trace_record) == 32, "trace record");

#define TRACE_FLAG_IRQS_OFF     0x01u
#define TRACE_FLAG_NR           0x02u /* need_resched, the task's own bit, not the folded one */
#define TRACE_FLAG_LAZY         0x04u
#define TRACE_FLAG_MIGRATE_MASK 0xf0u /* migrate_disable depth, saturated */

/*
 * One line an event: name, what a holds, what b holds. Names are Linux's where Linux has the event.
 */
#define TRACE_EVENTS(X)                                                                            \
	X(none, "", "")                                                                            \
	X(task_comm, "pid", "comm: up to 8 bytes, zero-padded")                                    \
	X(sched_switch, "next_pid", "trace_switch_pack(): prev and next prio, prev_state, reason") \
	X(sched_waking, "pid", "prio | target_cpu << 8")                                           \
	X(sched_wakeup, "pid", "prio | target_cpu << 8")                                           \
	X(sched_wakeup_new, "pid", "prio | target_cpu << 8")                                       \
	X(sched_process_exit, "pid", "prio")                                                       \
	X(sched_set_need_resched, "pid of the target's current",                                   \
	  "cpu | remote << 8 | ipi << 9 | lazy << 10")                                             \
	X(irq_entry, "enum irq_kind", "interrupted instruction's address")                         \
	X(irq_exit, "enum irq_kind", "things done: timers expired, requests folded")               \
	X(timer_expire, "cpu", "the timer's function")                                             \
	X(softirq_raise, "enum softirq", "")                                                       \
	X(softirq_entry, "enum softirq", "the vector's function")                                  \
	X(softirq_exit, "enum softirq", "the vector's function")                                   \
	X(vcpu_load, "vcpu", "")                                                                   \
	X(vcpu_put, "vcpu", "")                                                                    \
	X(vcpu_out, "vcpu", "1: preempted")                                                        \
	X(vcpu_in, "vcpu", "cpu")                                                                  \
	X(vcpu_entry, "vcpu", "serial number of the entry")                                        \
	X(vcpu_exit, "vcpu", "enum vcpu_exit_code | vector << 8")                                  \
	X(vcpu_early, "vcpu", "enum early_cause")                                                  \
	X(vcpu_wakeup, "vcpu", "")                                                                 \
	X(model_switch, "new model", "old model")                                                  \
	X(marker, "id, the program's own", "value, the program's own")

enum trace_event {
#define TRACE_EVENT_ENUM(name, a, b) TRACE_##name,
	TRACE_EVENTS(TRACE_EVENT_ENUM)
#undef TRACE_EVENT_ENUM
		TRACE_EVENT_COUNT
};

/*
 * Interrupts that the kernel proper handles. Name, words. From EVENT on they are lines, for which
 * drivers request handlers; SOFT0 and SOFT1 belong to no device.
 */
#define IRQ_KINDS(X)                \
	X(TIMER, "timer")           \
	X(RESCHEDULE, "reschedule") \
	X(CALL, "call")             \
	X(WORK, "irq_work")         \
	X(EVENT, "event")           \
	X(SOFT0, "software 0")      \
	X(SOFT1, "software 1")

enum irq_kind {
#define IRQ_KIND_ENUM(name, words) IRQ_##name,
	IRQ_KINDS(IRQ_KIND_ENUM)
#undef IRQ_KIND_ENUM
		IRQ_KIND_COUNT
};

#define IRQ_LINE_FIRST IRQ_EVENT

/* The vectors of softirqs, in the order in which they are served. */
#define SOFTIRQS(X) \
	X(HI)       \
	X(TIMER)    \
	X(NET_TX)   \
	X(NET_RX)   \
	X(BLOCK)    \
	X(IRQ_POLL) \
	X(TASKLET)  \
	X(SCHED)    \
	X(HRTIMER)  \
	X(RCU)

enum softirq {
#define SOFTIRQ_ENUM(name) name##_SOFTIRQ,
	SOFTIRQS(SOFTIRQ_ENUM)
#undef SOFTIRQ_ENUM
		NR_SOFTIRQS
};

/* Why the scheduler was entered: the point of PREEMPTION's table that switched. Name, words. */
#define SCHED_REASONS(X)                               \
	X(BLOCK, "blocks")                             \
	X(EXIT, "exits")                               \
	X(YIELD, "yields")                             \
	X(COND_RESCHED, "cond_resched")                \
	X(MIGHT_SLEEP, "might_sleep")                  \
	X(PREEMPT_ENABLE, "preempt_enable")            \
	X(IRQ_RETURN, "interrupt return")              \
	X(IDLE, "idle loop")                           \
	X(SYSCALL_RETURN, "syscall return")            \
	X(USER_IRQ_RETURN, "interrupt return to user") \
	X(GUEST_ENTRY, "guest entry")

enum sched_reason {
#define SCHED_REASON_ENUM(name, words) SCHED_REASON_##name,
	SCHED_REASONS(SCHED_REASON_ENUM)
#undef SCHED_REASON_ENUM
		SCHED_REASON_COUNT
};

/* sched_switch.b: byte 0 prev_prio, 1 next_prio, 2 prev_state, 3 reason. */
static inline uint64_t
trace_switch_pack(uint8_t prev_prio, uint8_t next_prio, uint8_t prev_state,
                  enum sched_reason reason)
{
	return (uint64_t)prev_prio | (uint64_t)next_prio << 8 | (uint64_t)prev_state << 16 |
	       (uint64_t)reason << 24;
}

static inline enum sched_reason
trace_switch_reason(uint64_t b)
{
	return (enum sched_reason)(b >> 24 & 0xff);
}

static inline uint8_t
trace_switch_prev_state(uint64_t b)
{
	return (uint8_t)(b >> 16);
}
