// SPDX-License-Identifier: ISC
/*
 * How often a cache line goes from cpu to cpu for one taking of a lock, tickets against a queue, by
 * a model of caches on the simulated machine: a line is in the caches of those who have read it
 * since the last write, or of who wrote it. Cpus take turns at random; each goes into the lock
 * again and again, and writes one line inside. Every figure is exact and the same each time; that
 * all transfers cost alike is the model's. What they cost in instructions when nobody competes is
 * costs.c's.
 */
#include <stdio.h>
#include <string.h>

#include "guest/spinlock.h"
#include "tests/explore/scenario.h"

#define QUEUED_STATE HOST_STATE
#include "tests/bench/queued_lock.h"

#define LINE_SIZE  64
#define LINES_SIZE 64 /* that a run touches */
#define ROUNDS     8  /* of each cpu */
#define RUNS       2000

#define LINE __attribute__((aligned(LINE_SIZE)))

static HOST_STATE LINE struct raw_spinlock ticket;
static HOST_STATE LINE struct queued_lock queued;
static HOST_STATE LINE struct atomic shared;

static unsigned int cpus;
static void (*locks_once)(void);

/* ---- the caches ---- */

static struct line {
	uintptr_t number;
	uint32_t readers; /* bit n: cpu n has it */
} lines[LINES_SIZE];

static unsigned int line_count;
static uint64_t transfers;
static uint64_t takings;

static struct line *
find_line(const void *addr)
{
	uintptr_t number = (uintptr_t)addr / LINE_SIZE;
	unsigned int n = 0;

	while (n < line_count && lines[n].number != number) {
		n++;
	}
	if (n == line_count && line_count < LINES_SIZE) {
		lines[line_count++] = (struct line){ .number = number };
	}
	return n < LINES_SIZE ? &lines[n] : NULL;
}

static void
touch(const void *addr, unsigned int cpu, bool writes)
{
	struct line *line = find_line(addr);
	uint32_t self = 1u << cpu;

	if (line == NULL) {
		host_fail("more than %d lines", LINES_SIZE);
	}
	if (writes) {
		transfers += line->readers != self;
		line->readers = self;
	} else {
		transfers += !(line->readers & self);
		line->readers |= self;
	}
}

/* A store counts when it reaches memory. */
static void
see(const struct host_transition *t, unsigned int moment)
{
	(void)moment;
	if (t->op.addr == NULL) {
		return;
	}
	if (t->actor == HOST_DRAIN || t->op.kind == HOST_OP_LOCKED) {
		touch(t->op.addr, t->cpu, true);
	} else if (t->op.kind == HOST_OP_LOAD) {
		touch(t->op.addr, t->cpu, false);
	}
}

/* ---- the locks ---- */

static void
work_inside(void)
{
	atomic_store(&shared, atomic_load(&shared) + 1);
}

static void
lock_ticket(void)
{
	raw_spin_lock(&ticket);
	work_inside();
	raw_spin_unlock(&ticket);
}

static void
lock_queued(void)
{
	queued_lock(&queued);
	work_inside();
	queued_unlock(&queued);
}

static void
compete(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < ROUNDS; n++) {
		locks_once();
	}
	host_stop();
}

static void
boot(void)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		scenario_task(cpu, compete, NULL);
	}
}

static void
check(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(atomic_load(&shared) == ROUNDS * cpus);
	takings += ROUNDS * cpus;
	line_count = 0;
}

/* Per taking, the work inside included. */
static double
transfers_of(const char *name, void (*once)(void))
{
	static struct explore_report report;
	struct explore_scenario scenario = {
		.name = name, .cpus = cpus, .boot = boot, .check = check
	};

	locks_once = once;
	transfers = 0;
	takings = 0;
	line_count = 0;
	explore_random(&scenario, 1, RUNS, &report);
	if (report.failed) {
		printf("%s: %s\n", name, report.reason);
	}
	return (double)transfers / (double)takings;
}

int
main(void)
{
	host_transition_seen = see;
	printf("Cache lines that go from cpu to cpu, per taking of a lock, %d random runs:\n",
	       RUNS);
	printf("  %-10s %10s %10s\n", "cpus", "tickets", "queue");
	for (cpus = 1; cpus <= HOST_CPUS_MAX; cpus++) {
		double tickets = transfers_of("tickets", lock_ticket);

		printf("  %-10u %10.2f %10.2f\n", cpus, tickets,
		       transfers_of("queue", lock_queued));
	}
	return 0;
}
