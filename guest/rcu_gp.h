// SPDX-License-Identifier: ISC
/*
 * A grace period from inside: who may hold one up, and how that is seen without a word from those
 * who do not.
 *
 * Readers on cpus: a cpu has passed if it was not watched, if its context changed since, or if it
 * switched twice. Readers that left their cpu within: counted when they enter the scheduler, in one
 * of two counts of which the grace period turns to the other, so that newcomers do not hold it up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/percpu.h"
#include "guest/task.h"

enum rcu_asked {
	RCU_ASKED_NOTHING,
	RCU_ASKED_TO_PASS,
	RCU_ASKED_TO_TELL, /* the same, and where it is */
};

struct rcu_cpu {
	struct atomic asked; /* enum rcu_asked; set by the grace period, cleared by its cpu */

	/* The grace period's: what it saw at its start. */
	uint32_t context_seen;
	uint32_t switches_seen;
};

DECLARE_PER_CPU(struct rcu_cpu, rcu_cpu);

extern struct atomic rcu_blocked[2];    /* readers that have entered the scheduler within */
extern struct atomic rcu_blocked_index; /* in which of the counts the next one goes */

/* Waits for one. Its callers exclude each other. May sleep. */
void rcu_grace_period(bool expedited);

/* rcu_stall.c: prints who holds it up: these cpus, and tasks that are counted. May sleep. */
void rcu_stall_report(uint64_t cpus);

/* The same of this cpu, by itself. hardirq. */
void rcu_stall_tell(void);
