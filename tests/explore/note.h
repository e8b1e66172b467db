// SPDX-License-Identifier: ISC
/*
 * Notes on a run, for its picture: made from the transitions as they are seen, and added by others.
 *
 * Of the words that explore_show() names those count as talk that several cpus use and one writes.
 * A load that brings its cpu nothing new is no talk. A store says when it reaches memory, if
 * another cpu has moved before.
 */
#pragma once

#include <stddef.h>

#include "guest/timeline.h"
#include "tests/host/machine.h"

#define NOTES_MAX 512 /* more are left out */

void note_begin(void);

/* For replay_seen(). */
void note_see(const struct host_transition *t, unsigned int moment);

/* Also for it: the current cpu has got this value below n. */
void note_value(unsigned int value, unsigned int n);

/* The run is over. Returns its last moment. */
unsigned int note_end(void);

__attribute__((format(printf, 3, 4))) void note_add(unsigned int cpu, unsigned int moment,
                                                    const char *format, ...);

/*
 * All, in order of time, those of one moment as they were made. Returns how many: at most
 * NOTES_MAX. The texts are valid until note_begin().
 */
size_t note_list(struct timeline_note *out);
