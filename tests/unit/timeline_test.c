// SPDX-License-Identifier: ISC
/*
 * The timeline: golden pictures of deterministic records.
 */
#include <check.h>
#include <string.h>

#include "guest/timeline.h"
#include "tests/unit/suite.h"
#include "tests/unit/tour_story.h"

static char picture[8192];

static void
append(const char *line)
{
	strcat(picture, line);
	strcat(picture, "\n");
}

static const char *
draw(enum preempt_model model, unsigned int track_count)
{
	static struct tour_run run;
	const struct timeline_task tasks[] = {
		{ STORY_A_PID, '=', "A" },
		{ STORY_B_PID, '$', "B" },
		{ STORY_C_PID, '-', "C" },
	};
	struct timeline timeline = {
		.label = "a label",
		.tasks = tasks,
		.task_count = 3,
		.track_count = track_count,
	};

	story_tell(&run, model, track_count);
	for (unsigned int t = 0; t < track_count; t++) {
		tour_remove_empty_interrupts(&run.tracks[t], run.wake_fn);
		timeline.tracks[t] =
			(struct timeline_track){ t, run.tracks[t].records, run.tracks[t].count };
	}
	picture[0] = '\0';
	timeline_draw(&timeline, append);
	return picture;
}

/*
 * Under none the computing task goes on after the interrupt, and the caret stands where it blocks.
 */
START_TEST(test_timeline_none_switches_where_a_blocks)
{
	ck_assert_str_eq(draw(PREEMPT_NONE, 1), "a label                       |###########|\n"
	                                        "                    |=========|           "
	                                        "|=============|$$$$$$$$$$$$$$|======|\n"
	                                        "                                                  "
	                                        "      ^ A blocks     ^ B exits\n");
}
END_TEST

/* Under full the other task begins in the column where the interrupt ends. */
START_TEST(test_timeline_full_switches_at_interrupt_return)
{
	ck_assert_str_eq(
		draw(PREEMPT_FULL, 1),
		"a label                        |###############|\n"
		"                    |==========|               |$$$$$$$$$$$$$|================|\n"
		"                                               ^ interrupt return\n"
		"                                                             ^ B exits\n");
}
END_TEST

/* Two cpus share one axis. */
START_TEST(test_timeline_two_cpus_share_the_axis)
{
	ck_assert_str_eq(
		draw(PREEMPT_VOLUNTARY, 2),
		"a label                         |########|\n"
		"            cpu 0         |=====|        |===========|\n"
		"                                         |#####|\n"
		"            cpu 1   |--------------------|     |-----------|$$$$$$$$$|--------|\n"
		"                                                           ^ might_sleep in C\n"
		"                                                                     ^ B exits\n");
}
END_TEST

/* Notes stand among the reasons, their words left of the caret where the line ends. */
START_TEST(test_timeline_notes_and_ending)
{
	const struct trace_record cpu0[] = {
		{ .tsc = 0, .pid = 1 },
		{ .tsc = 50, .event = TRACE_sched_switch, .pid = 1, .b = 0 },
		{ .tsc = 100, .pid = 0 },
	};
	const struct trace_record cpu1[] = { { .pid = 2 }, { .tsc = 100, .pid = 2 } };
	const struct timeline_task tasks[] = { { 1, '=', "A" }, { 2, '-', "B" } };
	const struct timeline_note notes[] = {
		{ 0, 10, "first" },
		{ 1, 50, "at the switch" },
		{ 0, 100, "words that reach beyond the end" },
		{ 1, 100, "short" },
	};
	const struct timeline timeline = {
		.label = "",
		.tasks = tasks,
		.task_count = 2,
		.tracks = { { 0, cpu0, 3 }, { 1, cpu1, 2 } },
		.track_count = 2,
		.notes = notes,
		.note_count = 4,
		.unit = "step",
		.ending = "the end",
	};

	picture[0] = '\0';
	timeline_draw(&timeline, append);
	ck_assert_str_eq(
		picture,
		"\n"
		"            cpu 0   |==============================|\n"
		"                             ^ first               ^ A blocks\n"
		"                                              words that reach beyond the end ^\n"
		"\n"
		"            cpu 1   |---------------------------------------------------------|\n"
		"                    "
		"                               ^ at the switch            ^ short\n"
		"            step    "
		"0        10                    50                         100\n"
		"                    "
		"                                                          ^ the end\n");
}
END_TEST

/* No line is wider than a terminal, however much happens; nothing is written outside of a line. */
START_TEST(test_timeline_many_switches_stay_inside)
{
	static struct trace_record records[200];
	const struct timeline_task task = { 1, '=', "a task with a rather long name" };
	struct timeline timeline = {
		.label = "x",
		.tasks = &task,
		.task_count = 1,
		.track_count = 1,
		.tracks = { { 0, records, 200 } },
	};

	for (size_t i = 0; i < 200; i++) {
		records[i] = (struct trace_record){
			.tsc = i * i,
			.event = TRACE_sched_switch,
			.pid = i % 2,
			.a = (i + 1) % 2,
			.b = trace_switch_pack(0, 0, 0, (enum sched_reason)(i % 10)),
		};
	}
	picture[0] = '\0';
	timeline_draw(&timeline, append);
	for (char *line = strtok(picture, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		ck_assert_uint_le(strlen(line), TIMELINE_WIDTH);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("timeline");
	TCase *tests = tcase_create("pictures");

	tcase_add_test(tests, test_timeline_none_switches_where_a_blocks);
	tcase_add_test(tests, test_timeline_full_switches_at_interrupt_return);
	tcase_add_test(tests, test_timeline_two_cpus_share_the_axis);
	tcase_add_test(tests, test_timeline_notes_and_ending);
	tcase_add_test(tests, test_timeline_many_switches_stay_inside);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
