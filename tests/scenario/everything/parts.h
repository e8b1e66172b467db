// SPDX-License-Identifier: ISC
/*
 * What the parts of everything.c share. A part has steps, which a task of each cpu takes again and
 * again, with a number drawn for each; it counts what it did, and tells at the end if it adds up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/completion.h"
#include "guest/irq_work.h"
#include "guest/percpu.h"
#include "guest/smp_call.h"
#include "guest/timer.h"
#include "guest/user.h"

struct shared;

#define SHORT_NS 30000 /* of a sleep or a timer */

/* What is counted on each cpu: name, what one is. */
#define PARTS(X)                                 \
	X(user, "turns of programs in ring 3")   \
	X(yield, "yields")                       \
	X(wakeup, "tasks woken, and waited for") \
	X(move, "arrivals of a task that moves") \
	X(answer, "wakeups of a FIFO task")      \
	X(alarm, "wakeups by interrupts")        \
	X(mutex, "mutexes taken")                \
	X(rwsem, "rwsems taken")                 \
	X(semaphore, "semaphores taken")         \
	X(spinlock, "spinlocks taken")           \
	X(timer, "timers expired")               \
	X(softirq, "runs of a softirq")          \
	X(tasklet, "runs of tasklets")           \
	X(call, "calls by another cpu")          \
	X(irq_work, "irq_works")                 \
	X(resched, "requests for a reschedule")  \
	X(nmi, "NMIs")                           \
	X(signal, "signals taken")               \
	X(stop, "stops of programs in ring 3")   \
	X(work, "works done")                    \
	X(line, "interrupts of a line")          \
	X(irq_thread, "runs of its thread")      \
	X(reader, "reads, and objects replaced") \
	X(model, "changes of the model")

enum part {
#define PART_ENUM(name, words) PART_##name,
	PARTS(PART_ENUM)
#undef PART_ENUM
		PART_COUNT
};

/* What a cpu's tasks and interrupts use; others send to it. */
struct own {
	struct completion question; /* for its FIFO task, which answers */
	struct completion answer;
	struct completion alarm; /* from interrupts; for its second one */
	struct atomic alarms;    /* given */
	struct atomic alarms_taken;
	struct atomic_ptr rover; /* the task that moves, whom others move, too */
	struct timer timer;
	struct call_single_data call;
	struct irq_work work;
	struct irq_work nmi_work;
	struct atomic calls; /* that were not refused */
	struct atomic calls_done;
	struct atomic nmis_sent;
	struct atomic nmis_seen;
	struct atomic raised;
	struct atomic served;
	uint32_t flood_left;
	struct atomic_ptr sleeper; /* the task whom signals are for */
	struct atomic signals_sent;
	struct atomic signals_seen;
	struct atomic_ptr users[2];
	struct user_program program;
	struct shared *shared;
};

extern struct own owns[CPUS_MAX];

/* This cpu's; a drawn one's. */
struct own *here(void);
struct own *any(uint32_t draw);

/* One more was done here. Any context. */
void count(enum part part);

/* Yields now and then: most switches come from here, and what costs more is done among them. */
void rest(uint32_t draw);

/* Prints PASS or FAIL. */
void report(bool passed, const char *name);

/* Once the tasks that ask have ended, those that answer find this set. */
extern struct atomic answers_stop;

/* Tasks that wake, wait, move, and change the model. Alarms are given by interrupts. */
void step_wakeup(struct own *own, uint32_t draw);
void step_rover(struct own *own, uint32_t draw);
void step_answer(struct own *own, uint32_t draw);
void step_alarm(struct own *own, uint32_t draw);
void step_model(struct own *own, uint32_t draw);
void give_alarm(void);

/* Locks: what they guard is added to by tasks, and by interrupts and softirqs with these. */
void step_mutex(struct own *own, uint32_t draw);
void step_rwsem(struct own *own, uint32_t draw);
void step_semaphore(struct own *own, uint32_t draw);
void step_spinlock(struct own *own, uint32_t draw);
void add_in_hardirq(void);
void add_in_softirq(void);
void add_in_work(void);
void locks_check(void);

/* Softirqs, tasklets, and the timers that ask for them. */
void step_softirq(struct own *own, uint32_t draw);
void step_timer(struct own *own, uint32_t draw);
void softirqs_prepare(void);
bool softirqs_quiet(unsigned int cpu);
void softirqs_check(void);

/* Calls between cpus, irq_works, NMIs. */
void step_call(struct own *own, uint32_t draw);
void step_nmi(struct own *own, uint32_t draw);
void calls_prepare(void);
bool calls_quiet(unsigned int cpu);

/* Readers, and who replaces what they read. */
void step_reader(struct own *own, uint32_t draw);
void readers_prepare(void);
void readers_check(void);

/* Signals for a task that sleeps interruptibly, and for programs, which stop and go on. */
void step_sleeper(struct own *own, uint32_t draw);
void step_signal(struct own *own, uint32_t draw);
bool signals_quiet(unsigned int cpu);

/* Works: at once, later, and wherever there is a worker. */
void step_work(struct own *own, uint32_t draw);
void works_prepare(void);
bool works_quiet(unsigned int cpu);

/* A line of interrupts, with a thread, which moves. */
void step_line(struct own *own, uint32_t draw);
void lines_prepare(void);
bool lines_quiet(void);
void lines_check(void);
