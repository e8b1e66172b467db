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

/*
 * Replays and draws: title, legend, timeline, the moment of the end, the string. print gets each
 * line, of at most 100 columns, without its newline.
 */
void picture_draw(const struct explore_scenario *scenario, const char *replay,
                  void (*print)(const char *line));
