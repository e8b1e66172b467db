// SPDX-License-Identifier: ISC
/*
 * What RCU's tests read, unlink and free: an object behind a pointer, and one in its place. "a
 * reader sees freed memory" is how a run fails.
 */
#pragma once

#include "guest/atomic.h"

struct guarded {
	struct atomic alive;
	uint32_t value; /* plain: to free it races with whoever is not waited for */
};

extern struct guarded guarded_objects[2];
extern struct atomic_ptr guarded_pointer;

/* In boot(). */
void guarded_boot(void);

/* Where current reads what the pointer leads to. */
const struct guarded *guarded_find(void);
void guarded_use(const struct guarded *object);

/* Lock, find, use, unlock. */
void guarded_read(void);

void guarded_unlink(void);
void guarded_free(void);

/* Gives the cpu to the next task of its queue, by a preemption, as at the end of a slice. */
void guarded_preempt_self(void);

/* In check(): so many tasks are done, all is at rest, and no reader is counted. */
void guarded_check(unsigned int wanted);
