/* SPDX-License-Identifier: ISC */
/*
 * A fuzz input of the kernel or of the VMM's devices: a header, then records of three streams in
 * one sequence. What a byte of it means never changes: kinds are added at the ends of their lists
 * and are not renumbered, so that an input that found something once still says the same.
 *
 * A record is struct fuzz_record and `length` bytes of arguments. Its type has the stream in the
 * upper two bits and the kind in the lower six. Each stream is read in its own order, however they
 * are mixed. Readers take any bytes: a header too short is all zeroes, an argument that is missing
 * is 0, one that is too large is taken modulo its bound, an unknown kind is passed over, and so is
 * a record that would go on behind the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FUZZ_VERSION 1

struct fuzz_header {
	uint8_t version;
	uint8_t model;  /* enum fuzz_model */
	uint8_t cpus;   /* how many, less 1 */
	uint8_t slice;  /* points that a cpu goes on before it is the next one's turn; 0: until it
	                   must wait */
	uint32_t build; /* of whoever found it, for people; 0: unknown */
};

_Static_assert(sizeof(struct fuzz_header) == 8, "part of the format");

/* The preemption model of the run. COMPARE: one run under each, which must agree. */
enum fuzz_model {
	FUZZ_MODEL_NONE,
	FUZZ_MODEL_VOLUNTARY,
	FUZZ_MODEL_FULL,
	FUZZ_MODEL_LAZY,
	FUZZ_MODEL_COMPARE,
	FUZZ_MODEL_COUNT,
};

struct fuzz_record {
	uint8_t type;   /* FUZZ_TYPE */
	uint8_t length; /* bytes that follow */
};

#define FUZZ_TYPE(stream, kind) ((uint8_t)((stream) << 6 | (kind)))
#define FUZZ_STREAM(type)       ((type) >> 6)
#define FUZZ_KIND(type)         ((type)&0x3f)
#define FUZZ_KINDS_MAX          64

enum fuzz_stream {
	FUZZ_OPERATIONS, /* what tasks, payloads and guests do */
	FUZZ_REPLIES,    /* what devices, guests and the world answer when they are asked */
	FUZZ_SCHEDULE,   /* what comes between, and when */
	FUZZ_STREAM_COUNT,
};

/*
 * The schedule's kind of record that says what comes between, FUZZ_AT, is: `delta` points (16 bits,
 * little endian) after the record before it (the first: after the start), and `extra` (0 to 64)
 * single steps later, `action` happens to `cpu`. A point is a place at which the machine can tell
 * the order of two cpus, or an interrupt could come.
 *
 * FUZZ_PRIORITIES, the first of an input, says that the one moves that stands highest of those that
 * can, instead of the plainest order: its arguments are FUZZ_MOVER()s, the highest first; others
 * are below them. At the run's choice of the number that a FUZZ_DROP has (16 bits, little endian),
 * and at each FUZZ_FAIR-th, who would move drops below all. Mutators do not make these two.
 */
enum fuzz_schedule_kind {
	FUZZ_AT,
	FUZZ_PRIORITIES,
	FUZZ_DROP,
};

#define FUZZ_AT_LENGTH   5 /* delta, delta, action, cpu, extra */
#define FUZZ_EXTRA_MAX   64
#define FUZZ_DROP_LENGTH 2
#define FUZZ_DROPS_MAX   15 /* more are not read */
#define FUZZ_FAIR        1024

/* Who moves. Of a cpu: */
#define FUZZ_MOVER(who, cpu) ((uint8_t)((who) << 3 | (cpu)))
#define FUZZ_MOVER_WHO(byte) ((byte) >> 3)
#define FUZZ_MOVER_CPU(byte) ((byte)&7)

enum fuzz_who {
	FUZZ_WHO_STEPS,     /* what it executes */
	FUZZ_WHO_NMI,       /* comes */
	FUZZ_WHO_STORES,    /* arrive */
	FUZZ_WHO_CLOCK,     /* goes on to its timer */
	FUZZ_WHO_INTERRUPT, /* and those behind it: an interrupt comes, of enum irq_kind */
};

/* X(NAME, words) */
#define FUZZ_ACTIONS(X)                                                        \
	X(SWITCH, "goes on")              /* this cpu, instead of who would */ \
	X(TIMER, "its next timer is due") /* the clock goes on to it */        \
	X(RESCHEDULE, "a reschedule interrupt without a reason")               \
	X(NMI, "an NMI")                                                       \
	X(MCE, "a machine check")                                              \
	X(HOLD, "its stores and interrupts stay in flight")                    \
	X(RELEASE, "they arrive")

#define FUZZ_ACTION_NAME(name, words) FUZZ_ACTION_##name,
enum fuzz_action { FUZZ_ACTIONS(FUZZ_ACTION_NAME) FUZZ_ACTION_COUNT };

/*
 * What tasks do (fuzz_sched): X(NAME, name, bounds of the arguments, their names). The first
 * argument is the task, of FUZZ_TASKS_MAX, that does it; each task does its own records in their
 * order. A record that would be misuse where its task has come to is skipped: what begins holds
 * until END, or until the task's last record.
 */
#define FUZZ_TASKS_MAX 8
#define FUZZ_LIST(...)      \
	{                   \
		__VA_ARGS__ \
	}
#define FUZZ_COUNT(...) (sizeof((const char *const[])__VA_ARGS__) / sizeof(const char *))

#define FUZZ_TASK_OPERATIONS(X)                                                                \
	X(END, "end", FUZZ_LIST(8), FUZZ_LIST("task"))                                         \
	X(YIELD, "yield", FUZZ_LIST(8), FUZZ_LIST("task"))                                     \
	X(COMPUTE, "compute", FUZZ_LIST(8, 16), FUZZ_LIST("task", "steps"))                    \
	X(COND_RESCHED, "cond_resched", FUZZ_LIST(8), FUZZ_LIST("task"))                       \
	X(MIGHT_SLEEP, "might_sleep", FUZZ_LIST(8), FUZZ_LIST("task"))                         \
	X(PREEMPT_OFF, "preempt_off", FUZZ_LIST(8), FUZZ_LIST("task"))                         \
	X(IRQS_OFF, "irqs_off", FUZZ_LIST(8), FUZZ_LIST("task"))                               \
	X(BH_OFF, "bh_off", FUZZ_LIST(8), FUZZ_LIST("task"))                                   \
	X(RAW_LOCK, "raw_lock", FUZZ_LIST(8, 2, 4), FUZZ_LIST("task", "lock", "form"))         \
	X(SPIN_LOCK, "spin_lock", FUZZ_LIST(8, 2, 4), FUZZ_LIST("task", "lock", "form"))       \
	X(READ_LOCK, "read_lock", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                  \
	X(WRITE_LOCK, "write_lock", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                \
	X(SEQ_WRITE, "seq_write", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                  \
	X(SEQ_READ, "seq_read", FUZZ_LIST(8), FUZZ_LIST("task"))                               \
	X(LOCAL_LOCK, "local_lock", FUZZ_LIST(8, 2), FUZZ_LIST("task", "form"))                \
	X(MUTEX, "mutex", FUZZ_LIST(8, 2, 4), FUZZ_LIST("task", "lock", "form"))               \
	X(RWSEM_READ, "rwsem_read", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                \
	X(RWSEM_WRITE, "rwsem_write", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))              \
	X(RWSEM_DOWNGRADE, "rwsem_downgrade", FUZZ_LIST(8), FUZZ_LIST("task"))                 \
	X(SEMAPHORE, "semaphore", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                  \
	X(RCU_READ, "rcu_read", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                    \
	X(RCU_UPDATE, "rcu_update", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                \
	X(SRCU_READ, "srcu_read", FUZZ_LIST(8), FUZZ_LIST("task"))                             \
	X(SRCU_UPDATE, "srcu_update", FUZZ_LIST(8), FUZZ_LIST("task"))                         \
	X(POST, "post", FUZZ_LIST(8, 8, 16, 8), FUZZ_LIST("task", "object", "way", "cpu"))     \
	X(WAIT, "wait", FUZZ_LIST(8, 8, 4), FUZZ_LIST("task", "object", "form"))               \
	X(WAKE, "wake", FUZZ_LIST(8, 8, 16, 8), FUZZ_LIST("task", "whom", "way", "cpu"))       \
	X(SLEEP, "sleep", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                          \
	X(NAP, "nap", FUZZ_LIST(8, 4, 8), FUZZ_LIST("task", "form", "time"))                   \
	X(RESCHED, "resched", FUZZ_LIST(8, 8), FUZZ_LIST("task", "cpu"))                       \
	X(NMI, "nmi", FUZZ_LIST(8, 8), FUZZ_LIST("task", "cpu"))                               \
	X(TICKS, "ticks", FUZZ_LIST(8, 8), FUZZ_LIST("task", "count"))                         \
	X(SPAWN, "spawn", FUZZ_LIST(8, 8, 8, 16), FUZZ_LIST("task", "whom", "class", "cpus"))  \
	X(NICE, "nice", FUZZ_LIST(8, 8, 4), FUZZ_LIST("task", "whom", "level"))                \
	X(AFFINITY, "affinity", FUZZ_LIST(8, 8, 16), FUZZ_LIST("task", "whom", "cpus"))        \
	X(MODEL, "model", FUZZ_LIST(8, 4), FUZZ_LIST("task", "model"))                         \
	X(CLASS, "class", FUZZ_LIST(8, 8, 16), FUZZ_LIST("task", "class", "cpus"))             \
	X(NOTIFIER, "notifier", FUZZ_LIST(8), FUZZ_LIST("task"))                               \
	X(KTHREAD, "kthread", FUZZ_LIST(8, 4, 8), FUZZ_LIST("task", "form", "cpu"))            \
	X(PARK, "park", FUZZ_LIST(8), FUZZ_LIST("task"))                                       \
	X(RING, "ring", FUZZ_LIST(8, 8, 8), FUZZ_LIST("task", "bell", "cpu"))                  \
	X(FLUSH, "flush", FUZZ_LIST(8, 8), FUZZ_LIST("task", "bell"))                          \
	X(OWN_WORK, "own_work", FUZZ_LIST(8, 8, 8), FUZZ_LIST("task", "times", "cpu"))         \
	X(CANCEL_WORK, "cancel_work", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))              \
	X(OWN_TIMER, "own_timer", FUZZ_LIST(8, 8), FUZZ_LIST("task", "times"))                 \
	X(CANCEL_TIMER, "cancel_timer", FUZZ_LIST(8), FUZZ_LIST("task"))                       \
	X(LINE_OFF, "line_off", FUZZ_LIST(8, 2), FUZZ_LIST("task", "line"))                    \
	X(SIGNAL, "signal", FUZZ_LIST(8, 8, 4), FUZZ_LIST("task", "whom", "signal"))           \
	X(STOP, "stop", FUZZ_LIST(8, 8), FUZZ_LIST("task", "whom"))                            \
	X(TAKE_SIGNALS, "take_signals", FUZZ_LIST(8), FUZZ_LIST("task"))                       \
	X(FUTEX_MOVE, "futex_move", FUZZ_LIST(8, 2), FUZZ_LIST("task", "wakes"))               \
	X(WORKQUEUE, "workqueue", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))                  \
	X(YIELD_TO, "yield_to", FUZZ_LIST(8, 8), FUZZ_LIST("task", "whom"))                    \
	X(EXCEPTION, "exception", FUZZ_LIST(8), FUZZ_LIST("task"))                             \
	X(LATCH_WRITE, "latch_write", FUZZ_LIST(8), FUZZ_LIST("task"))                         \
	X(LATCH_READ, "latch_read", FUZZ_LIST(8), FUZZ_LIST("task"))                           \
	X(COND_RESCHED_LOCK, "cond_resched_lock", FUZZ_LIST(8), FUZZ_LIST("task"))             \
	X(ASK, "ask", FUZZ_LIST(8, 16, 8, 4), FUZZ_LIST("task", "way", "cpu", "form"))         \
	X(COMPLETE_ALL, "complete_all", FUZZ_LIST(8), FUZZ_LIST("task"))                       \
	X(WAIT_FOR_ALL, "wait_for_all", FUZZ_LIST(8, 4), FUZZ_LIST("task", "form"))            \
	X(USER, "user", FUZZ_LIST(8, 16, 8, 16), FUZZ_LIST("task", "script", "steps", "cpus")) \
	X(VETO, "veto", FUZZ_LIST(8, 8), FUZZ_LIST("task", "steps"))                           \
	X(SCENE, "scene", FUZZ_LIST(8, 64, 8, 8, 8, 8),                                        \
	  FUZZ_LIST("task", "scene", "cpu", "form", "slice", "held"))                          \
	X(INQUIRE, "inquire", FUZZ_LIST(8, 16, 16, 8), FUZZ_LIST("task", "how", "way", "cpu"))

#define FUZZ_TASK_OPERATION_NAME(name, words, below, args) FUZZ_TASK_##name,
enum fuzz_task_operation {
	FUZZ_TASK_OPERATIONS(FUZZ_TASK_OPERATION_NAME) FUZZ_TASK_OPERATION_COUNT
};

_Static_assert(FUZZ_TASK_OPERATION_COUNT <= FUZZ_KINDS_MAX, "a kind has six bits");

/*
 * Operations of fuzz_vcpu, whose kinds begin here; they are no kinds of fuzz_sched's, which has its
 * own of the same numbers. X(NAME, words, arguments): of those that a task does the first is the
 * task.
 */
#define FUZZ_VCPU_FIRST 32

#define FUZZ_VCPU_OPERATIONS(X)                                                              \
	X(GUEST, "the next instruction of a guest", "vcpu instruction a b")                  \
	X(HANDLER, "the next one of its handler", "vcpu instruction a b")                    \
	X(FLAVOUR, "which order the machine's run loop has", "early")                        \
	X(PLACE, "where a task begins", "whom cpus")                                         \
	X(REQUEST, "makes a request", "task vcpu request flags")                             \
	X(REQUEST_ALL, "the same of all vcpus", "task request flags")                        \
	X(KICK, "kicks", "task vcpu")                                                        \
	X(WAKE, "wakes", "task vcpu")                                                        \
	X(INTERRUPT, "raises an interrupt of the guest", "task vcpu vector")                 \
	X(PAUSE, "pauses", "task vcpu")                                                      \
	X(RESUME, "resumes", "task vcpu")                                                    \
	X(KILL, "ends the machine", "task")                                                  \
	X(REMAP, "takes a page away from all guests", "task")                                \
	X(SIGNAL, "sends a signal to who runs a vcpu", "task vcpu")                          \
	X(NICE, "changes a task's nice level", "task whom nice")                             \
	X(AFFINITY, "changes where a task may run", "task whom cpus")                        \
	X(MODEL, "changes the preemption model", "task model")                               \
	X(YIELD, "yields", "task")                                                           \
	X(YIELD_TO, "yields to a task", "task whom")                                         \
	X(SLEEP, "sleeps", "task time")                                                      \
	X(CREATE, "makes one more vcpu, which is run", "task")                               \
	X(MACHINE, "makes a machine of its own, runs and ends it", "task early what points") \
	X(NOTIFIER, "has a notifier while it sleeps", "task time child")                     \
	X(LATER, "has a timer's function do it", "task time what vcpu")                      \
	X(WORK, "goes on for a while", "task steps")                                         \
	X(STEAL, "a guest wants to be told its steal time", "vcpu")                          \
	X(INJECT, "an error comes with an exit, by its number", "cause exit")                \
	X(RCU, "has a timer's function queue a callback", "task time")                       \
	X(INTERRUPTS, "raises so many interrupts of the guest", "task vcpu vector count")    \
	X(EACH, "the next instruction of every guest", "instruction a b")                    \
	X(CHASE, "makes a request while the vcpu is moved", "task vcpu points cpus")

#define FUZZ_VCPU_OPERATION_NAME(name, words, args) FUZZ_VCPU_##name,
enum fuzz_vcpu_operation {
	FUZZ_VCPU_BEFORE = FUZZ_VCPU_FIRST - 1,
	FUZZ_VCPU_OPERATIONS(FUZZ_VCPU_OPERATION_NAME) FUZZ_VCPU_END
};

_Static_assert(FUZZ_VCPU_END <= FUZZ_KINDS_MAX, "six bits");

/* What an instruction of a guest is: X(NAME, words, a, b). */
#define FUZZ_INSTRUCTIONS(X)                                                                \
	X(COMPUTE, "computes", "value", "")                                                 \
	X(WORD, "sets the register that its cpu holds", "value", "")                        \
	X(LOOP, "loops until it was interrupted so often", "times", "")                     \
	X(JUMP, "jumps back", "instructions", "")                                           \
	X(IN, "reads a port", "port", "size")                                               \
	X(OUT, "writes a port", "port", "value")                                            \
	X(READ, "reads a register of the page", "register", "size")                         \
	X(WRITE, "writes one", "register", "value")                                         \
	X(TOUCH, "wants a page", "page", "")                                                \
	X(RDMSR, "reads an MSR", "msr", "")                                                 \
	X(WRMSR, "writes an MSR", "msr", "value")                                           \
	X(CLI, "CLI", "", "")                                                               \
	X(STI, "STI", "", "")                                                               \
	X(HLT, "HLT", "", "")                                                               \
	X(STI_HLT, "STI and HLT", "as one", "")                                             \
	X(HYPERCALL, "a hypercall", "number", "argument")                                   \
	X(EXCEPTION, "an exception", "vector", "error")                                     \
	X(ERROR, "an error comes with it, or with the next trap", "cause", "how")           \
	X(NMI, "an NMI comes", "", "")                                                      \
	X(AGAIN, "a trap for nothing, so often", "times", "")                               \
	X(WALK, "a trap for which tables are walked", "", "")                               \
	X(SKIP, "a handler's: passes over what raised the exception", "", "")               \
	X(SHUTDOWN, "stops", "status", "")                                                  \
	X(LEFT_WALK, "the same as WALK, and another cpu goes on meanwhile", "level", "cpu") \
	X(LATE_NMI, "an NMI comes so many points later", "points", "")                      \
	X(SHARE, "changes what guests share, and the next cpu goes on", "what", "points")

#define FUZZ_INSTRUCTION_NAME(name, words, a, b) FUZZ_INSTRUCTION_##name,
enum fuzz_instruction { FUZZ_INSTRUCTIONS(FUZZ_INSTRUCTION_NAME) FUZZ_INSTRUCTION_COUNT };

/* Its replies, in the order in which they are asked for. */
#define FUZZ_VCPU_REPLIES(X)                                                                  \
	X(ANSWER, "what the caller of vcpu_run() does then, or what an NMI in a guest means", \
	  "value")

#define FUZZ_VCPU_REPLY_NAME(name, words, args) FUZZ_VCPU_REPLY_##name,
enum fuzz_vcpu_reply {
	FUZZ_VCPU_REPLY_BEFORE = FUZZ_VCPU_FIRST - 1,
	FUZZ_VCPU_REPLIES(FUZZ_VCPU_REPLY_NAME) FUZZ_VCPU_REPLY_END
};
