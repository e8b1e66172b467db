// SPDX-License-Identifier: ISC
/*
 * What a task of a program begins and ends: locks of all kinds, readers, and what is off meanwhile.
 * Each section that excludes others counts up what nobody else may touch meanwhile; readers look
 * whether anybody does.
 */
#pragma once

#include <stdint.h>

#include "tests/fuzz/sched/plan.h"

struct section_open {
	uint8_t kind; /* enum fuzz_task_operation */
	uint8_t n;    /* of the locks of its kind */
	uint8_t form;
	bool counts;
	int index;           /* srcu's */
	unsigned long flags; /* irqsave's */
	unsigned int seen;   /* the counter at the begin */
	const void *object;  /* that a reader sees */
};

void section_begin(struct section_open *section, const struct plan_op *op);
void section_end(struct section_open *section);
void section_downgrade(struct section_open *section);
void section_cond_resched_lock(struct section_open *section);

/* At rest: everything is free, and was counted up as often as the plan says. */
void section_check(const struct plan *plan);
