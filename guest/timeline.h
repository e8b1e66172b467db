// SPDX-License-Identifier: ISC
/*
 * Timelines in ASCII, drawn from trace records: for each cpu a line of interrupts, a line of tasks,
 * and lines of carets with the reason of each switch. Time goes to the right; it is stretched where
 * much happens, and equal moments of all cpus stand in one column. Callers may add carets of their
 * own, and say what the time is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shared/trace_abi.h"

#define TIMELINE_TRACKS_MAX 8
#define TIMELINE_WIDTH      100 /* columns */

struct timeline_task {
	uint32_t pid;
	char glyph;
	const char *name;
};

struct timeline_track {
	unsigned int cpu;
	const struct trace_record
		*records; /* in order of time; the first one's pid runs at the start */
	size_t count;     /* at least 2 */
};

/* One more moment, with a caret and words. */
struct timeline_note {
	size_t track; /* number of it */
	uint64_t tsc;
	const char *text;
};

struct timeline {
	const char *label;
	const struct timeline_task *tasks; /* tasks of other pids are not drawn */
	size_t task_count;
	struct timeline_track tracks[TIMELINE_TRACKS_MAX];
	size_t track_count;
	const struct timeline_note *notes; /* in order of time; NULL: none */
	size_t note_count;
	const char *unit;   /* NULL, or what tsc counts: the moments' numbers are printed */
	const char *ending; /* NULL, or words for the last moment */
};

/* Draws line by line: print gets each without its newline, trailing blanks removed. */
void timeline_draw(const struct timeline *timeline, void (*print)(const char *line));
