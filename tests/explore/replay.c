// SPDX-License-Identifier: ISC
/*
 * Telling a failing run again: replaying it with a line for each transition, and finding a shorter
 * one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/explore/pick.h"
#include "tests/explore/tell.h"
#include "tests/host/record.h"

static uint8_t given[EXPLORE_CHOICES_MAX]; /* choices by their numbers */
static unsigned int deviation;             /* the last choice, if it was not 0 */
static unsigned int alternatives;
static void (*print_line)(const char *line);
static void (*value_chosen)(unsigned int value, unsigned int n);

static void
tell(const struct host_transition *t, unsigned int moment)
{
	char line[TELL_SIZE];
	int used = tell_transition(t, moment, line, sizeof(line));

	if (deviation != 0) {
		snprintf(line + used, sizeof(line) - (size_t)used, "  [%u of %u]", deviation,
		         alternatives);
	}
	deviation = 0;
	print_line(line);
}

static void
tell_value(unsigned int value, unsigned int n)
{
	char line[TELL_SIZE];

	tell_choice(value, n, line, sizeof(line));
	print_line(line);
}

/* Of `count`; a shortened string may have led elsewhere. */
static unsigned int
given_choice(unsigned int count)
{
	unsigned int choice = given[choices.count];

	return choice < count ? choice : 0;
}

static unsigned int
pick(const struct host_transition *transitions, unsigned int count)
{
	unsigned int choice = count > 1 ? given_choice(count) : 0;

	(void)transitions;
	pick_moment();
	deviation = choice;
	alternatives = count;
	return pick_note(choice, count);
}

static unsigned int
value(unsigned int n)
{
	unsigned int choice = given_choice(n);

	if (value_chosen != NULL) {
		value_chosen(choice, n);
	}
	return choice;
}

/* Numbers out of range are ignored: the string then replays something else, and says so. */
static void
parse(const char *replay)
{
	char *end;

	memset(given, 0, sizeof(given));
	for (const char *p = replay + 1; *p != '\0'; p = end) {
		unsigned long choice = strtoul(p, &end, 10);
		unsigned long number;

		if (end == p || *end != '@') {
			return;
		}
		number = strtoul(end + 1, &end, 10);
		if (number < EXPLORE_CHOICES_MAX && choice < HOST_PIDS_MAX) {
			given[number] = (uint8_t)choice;
		}
	}
}

void
replay_seen(const struct explore_scenario *scenario, const char *replay,
            void (*seen)(const struct host_transition *t, unsigned int moment),
            void (*chosen)(unsigned int value, unsigned int n), struct explore_report *report)
{
	parse(replay);
	pick_begin(scenario, replay[0] == 'f', pick, value, report);
	record_runs = true;
	host_transition_seen = seen;
	value_chosen = chosen;
	pick_run(scenario, report);
	host_transition_seen = NULL;
	value_chosen = NULL;
}

void
explore_replay(const struct explore_scenario *scenario, const char *replay,
               void (*print)(const char *line), struct explore_report *report)
{
	print_line = print;
	replay_seen(scenario, replay, print != NULL ? tell : NULL,
	            print != NULL ? tell_value : NULL, report);
}

static bool
fails_alike(const struct explore_scenario *scenario, const char *reason,
            struct explore_report *report)
{
	return pick_run(scenario, report) && strcmp(report->reason, reason) == 0;
}

/* Each choice becomes the default, from the last on, if the failure stays; what then was made is
 * kept. */
void
explore_minimize(const struct explore_scenario *scenario, struct explore_report *report)
{
	static struct explore_report attempt;
	bool is_shorter = true;

	parse(report->replay);
	pick_begin(scenario, report->fine, pick, value, &attempt);
	attempt.fine = report->fine;
	for (unsigned int pass = 0; pass < 4 && is_shorter; pass++) {
		is_shorter = false;
		for (unsigned int n = EXPLORE_CHOICES_MAX; n-- != 0;) {
			uint8_t choice = given[n];

			if (choice == 0) {
				continue;
			}
			given[n] = 0;
			if (fails_alike(scenario, report->reason, &attempt)) {
				memcpy(report->replay, attempt.replay, sizeof(report->replay));
				is_shorter = true;
			} else {
				given[n] = choice;
			}
		}
		parse(report->replay);
	}
}
