// SPDX-License-Identifier: ISC
/*
 * Vcpus of a machine that are each run by a kernel task of its own, from the payload's begin until
 * it stops: for programs (scenario=vcpu, tests). One task makes the crew, runs it and ends it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/task.h"
#include "guest/vm.h"

struct vcpu_member {
	struct vcpu *vcpu;
	struct task *task; /* NULL: it does not run */
	int error;         /* what vcpu_run() returned last, or -ENOMEM: there was no task for it */
	bool is_placed;    /* its task begins on a cpu that was chosen, and may then run anywhere */
	struct vcpu_member *next;
};

struct vcpu_crew {
	struct vm *vm;
	uint32_t count;
	struct vcpu_member *first; /* by id */
	struct vcpu_member **end;
};

/* The payload's rdi (payload_abi.h). */
static inline uint64_t
payload_arg(uint32_t id, uint32_t parameter)
{
	return (uint64_t)parameter << 32 | id;
}

/*
 * So many vcpus of a machine that has none yet. Returns how many there are now: fewer, where there
 * was no memory for more. May sleep.
 */
uint32_t vcpu_crew_create(struct vcpu_crew *crew, struct vm *vm, uint32_t count,
                          uint32_t parameter);

/*
 * Each is run by a task as params say; comm, fn and arg are ours. Where cpus_allowed is 0 they
 * begin on all cpus in turn: nobody would move them later on only to have the cpus share. May
 * sleep.
 */
void vcpu_crew_start(struct vcpu_crew *crew, const struct task_params *params);

/* The same for one of them. May sleep. */
void vcpu_member_start(struct vcpu_member *member, const struct task_params *params);

/* Until all have stopped. May sleep. */
void vcpu_crew_join(struct vcpu_crew *crew);

/* The members go; the machine and its vcpus are the caller's. Joined, or never started. */
void vcpu_crew_end(struct vcpu_crew *crew);
