// SPDX-License-Identifier: ISC
/*
 * What the operations of a program do, each in the task whose record it is.
 */
#pragma once

#include <stdint.h>

#include "guest/atomic.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/plan.h"
#include "tests/fuzz/sched/section.h"

#define OPERATION_BELLS 8

/* Made anew by each run: what stands in it of an earlier one means nothing. */
struct worker {
	unsigned int number;
	struct section_open sections[PLAN_DEPTH_MAX];
	unsigned int depth;
	struct timer tick;
	struct atomic ticks_left;
	uint32_t rung[OPERATION_BELLS]; /* the number of the last ring of each bell */
};

void operation_prepare(struct worker *worker, unsigned int number);

void operation_perform(struct worker *worker, const struct plan_op *op);

/* Of what has begun last. */
void operation_end(struct worker *worker);

/* One that is mended and returned from. Any context of a task. */
void operation_take_exception(void);

/* A point of preemption. */
void operation_have_a_chance(void);

/*
 * Right behind an end of what kept the task from being preempted no request may stand, folded as
 * they are by then. A change of the model may fall in between.
 */
void operation_expect_answered(const char *where);
