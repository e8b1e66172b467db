// SPDX-License-Identifier: ISC
/*
 * The tour's contract between what runs (tour.c), what is checked (tour_check.c) and what is drawn
 * (timeline.c): all three see nothing but trace records.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/preempt_model.h"
#include "shared/trace_abi.h"

#define TOUR_TRACKS_MAX  2
#define TOUR_RECORDS_MAX 96 /* of one cpu in one run, empty interrupts included */

/* The marker events that the tour's tasks write. */
enum tour_mark {
	TOUR_STARTS,      /* a computing task, before it waits for the interrupt */
	TOUR_GOES_ON,     /* it computes again, knowing that the interrupt was there */
	TOUR_MIGHT_SLEEP, /* it is about to call might_sleep() */
	TOUR_WAITS,       /* it is about to wait for B's answer */
	TOUR_ENDS,        /* it has the answer */
	TOUR_B_RUNS,      /* B's first instruction after its wakeup */
};

/* One cpu's records, from TOUR_STARTS to TOUR_ENDS of its computing task. */
struct tour_track {
	unsigned int cpu;
	uint32_t computing_pid; /* A on the first track, C on the second */
	size_t count;
	struct trace_record records[TOUR_RECORDS_MAX];
};

/* One run. With one track everything happens on it; with two, B runs on the second. */
struct tour_run {
	enum preempt_model model;
	uint32_t b_pid;
	uint64_t wake_fn; /* address of the timer function that wakes B, as timer_expire has it */
	unsigned int track_count;
	struct tour_track tracks[TOUR_TRACKS_MAX];
};

/*
 * Removes the interrupts in which nothing of the run happened, after checking that each is whole:
 * timer ticks, and reschedule interrupts whose request the idle loop had answered before they
 * arrived. Returns NULL, or a sentence that says what is broken.
 */
const char *tour_remove_empty_interrupts(struct tour_track *track, uint64_t wake_fn);

/*
 * Do the records, empty interrupts removed, tell exactly the story that the model promises: every
 * event, in order, by the right task, at the right count? Returns NULL, or a sentence; *at is then
 * the number of the first record that does not fit.
 */
const char *tour_check(const struct tour_run *run, size_t *at);

/* All of it: performs, checks, draws. Returns the exit status. Task context. */
int tour_main(void);

/* Cycles from the interrupt that woke B to B's first instruction; both are in a checked run. */
uint64_t tour_b_waited(const struct tour_run *run);
