// SPDX-License-Identifier: ISC
/*
 * A run as a picture: the timeline of its trace records, as the tour draws its own, with a caret
 * for each wakeup, request, interrupt and halt, and for what the cpus say to each other through
 * the words that explore_show() names.
 *
 * Time is the number of the transition. What is talk, note.h says.
 */
#pragma once

#include "tests/explore/explore.h"

/* A run that has been made between picture_begin() and picture_end(). */
struct picture {
	const char *title;
	const char *outcome; /* what is wrong, or that nothing is */
	unsigned int cpus;
	bool failed;
	int cpu; /* that failed, or -1 */
};

/*
 * The next run is to be drawn. It is to be recorded (record_runs), and note.h's note_see() and
 * note_value() are to be told of it.
 */
void picture_begin(void);

/* Draws it: title, outcome, legend, timeline, the moment of the end. */
void picture_end(const struct picture *picture, void (*print)(const char *line));

/*
 * Replays and draws: title, legend, timeline, the moment of the end, the string. print gets each
 * line, of at most 100 columns, without its newline.
 */
void picture_draw(const struct explore_scenario *scenario, const char *replay,
                  void (*print)(const char *line));
