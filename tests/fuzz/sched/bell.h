// SPDX-License-Identifier: ISC
/*
 * Bells: a work item, an irq_work, a tasklet and others that anybody rings, any number of times.
 * What is rung while it is pending is one with that, but whatever is rung is heard afterwards, and
 * none of those that must not is heard twice at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* In boot(), in a task that may sleep. */
void bell_boot(void);

/*
 * In a task, any context. Returns the number of the ring; 0 of a work that somebody else is about
 * to queue: a flush need not see it yet.
 */
uint32_t bell_ring(unsigned int bell, unsigned int cpu);

/* Waits for whoever hears it, where that can be waited for. wanted: the caller's last ring, or 0.
 * Count 0.
 */
void bell_flush(unsigned int bell, uint32_t wanted);

/* Nobody hears this interrupt line from the one to the other. Count 0 at the begin. */
void bell_begin_line_off(unsigned int line);
void bell_end_line_off(unsigned int line);

/* At rest: each was heard behind its last ring. */
void bell_check(void);
