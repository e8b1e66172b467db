// SPDX-License-Identifier: ISC
/*
 * Runs of the tour as its tasks would write them, for tests of the checker and of the timeline:
 * times are multiples of 100 cycles, with timer ticks strewn in and late interrupts.
 */
#pragma once

#include "guest/tour.h"

#define STORY_A_PID   7u
#define STORY_B_PID   8u
#define STORY_C_PID   9u
#define STORY_WAKE_FN 0xffffffff80201000ull
#define STORY_TICK_FN 0xffffffff80202000ull

/* A complete, correct run. */
void story_tell(struct tour_run *run, enum preempt_model model, unsigned int track_count);
