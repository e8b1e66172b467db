// SPDX-License-Identifier: ISC
/*
 * What the operations of an input (shared/fuzz_abi.h) come to, before anything runs: who does what,
 * and what is skipped. It follows from the input alone, so that it is the same under each schedule
 * and model.
 *
 * No plan can block for ever: locks are taken in the order of their ranks; whoever waits without a
 * timeout holds nothing, and for what earlier records have posted; and what has begun ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

#define PLAN_OPS_MAX      256
#define PLAN_ARGS_MAX     5 /* besides the task */
#define PLAN_DEPTH_MAX    8 /* of what a task has begun */
#define PLAN_SCENES_MAX   3 /* each lasts for as long as many operations */
#define PLAN_CPUS         4 /* of a run, at most */
#define PLAN_KINDS        (FUZZ_TASK_OPERATION_COUNT + 1)
#define PLAN_NONE         UINT16_MAX
#define PLAN_WAY_RCU      8 /* of a post: by a callback of RCU */
#define PLAN_OBJECT_COUNT 8 /* that can be posted to, and waited for */

/* What is counted up in each section that nobody else may be in. */
enum plan_guard {
	GUARD_RAW,
	GUARD_SPIN = GUARD_RAW + 2,
	GUARD_RWLOCK = GUARD_SPIN + 2,
	GUARD_SEQ,
	GUARD_MUTEX,
	GUARD_RWSEM = GUARD_MUTEX + 2,
	GUARD_SEMAPHORE,
	GUARD_CPU_FIRST, /* from here on one a cpu */
	GUARD_LOCAL = GUARD_CPU_FIRST,
	GUARD_PREEMPT,
	GUARD_IRQS,
	GUARD_BH,
	GUARD_COUNT,
};

struct plan_op {
	uint8_t kind; /* enum fuzz_task_operation */
	uint8_t task;
	uint8_t args[PLAN_ARGS_MAX];
	bool skipped;
	bool surely;     /* waits without a timeout; SPAWN: whom it creates ends with it */
	bool counts;     /* is the outermost of its guard */
	bool irqs_off;   /* are off where it begins */
	bool sleepable;  /* it may sleep */
	uint16_t next;   /* of its task, or PLAN_NONE */
	uint16_t offset; /* of the record */
};

struct plan_task {
	uint16_t first; /* op, or PLAN_NONE: it does nothing */
	bool spawned;   /* by an operation; else it is there at the start */
};

struct plan {
	unsigned int op_count;
	bool uses_rcu;                       /* itself; of SRCU this says nothing */
	bool stops_preempting;               /* changes to a model that does not preempt */
	bool updates_rcu;                    /* but for scenes */
	bool has[FUZZ_TASK_OPERATION_COUNT]; /* such an operation, that is not skipped */
	struct plan_op ops[PLAN_OPS_MAX];
	struct plan_task tasks[FUZZ_TASKS_MAX];
	unsigned int guarded[GUARD_COUNT]; /* how often each is counted up */
};

/* The plan of this input. cpus: of the run. */
void plan_make(struct plan *plan, const struct fuzz_input *input, unsigned int cpus);

/* Words of an operation, with its arguments, for people. */
const char *plan_op_words(const struct plan_op *op, char *buffer, size_t size);

/* The operations, in their order, and the schedule's record: fuzz_target's kinds. */
extern const struct fuzz_kind plan_kinds[PLAN_KINDS];
