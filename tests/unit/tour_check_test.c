// SPDX-License-Identifier: ISC
/*
 * The tour's checker: it accepts the stories that the models promise and nothing else.
 */
#include <check.h>
#include <string.h>

#include "guest/tour.h"
#include "tests/unit/suite.h"
#include "tests/unit/tour_story.h"

#define CASES (PREEMPT_MODEL_COUNT * 2) /* model, number of cpus */

static void
tell_case(struct tour_run *run, int number)
{
	story_tell(run, (enum preempt_model)(number / 2), 1 + (unsigned int)number % 2);
}

static const char *
verdict(struct tour_run *run)
{
	size_t at;

	for (unsigned int t = 0; t < run->track_count; t++) {
		const char *broken = tour_remove_empty_interrupts(&run->tracks[t], run->wake_fn);

		if (broken != NULL) {
			return broken;
		}
	}
	return tour_check(run, &at);
}

/* P13 (every): the promised story of each model and cpu count is accepted, ticks and all. */
START_TEST(test_tour_check_promised_story_accepted)
{
	struct tour_run run;

	tell_case(&run, _i);
	ck_assert_ptr_eq(verdict(&run), NULL);
}
END_TEST

/* B is SCHED_FIFO, for whom lazy is as good as full. */
static enum preempt_model
story_of(enum preempt_model model)
{
	return model == PREEMPT_LAZY ? PREEMPT_FULL : model;
}

/*
 * P13, P16 (every): the story of one model is no story of another, lazy but like full: every pair
 * of models is tried.
 */
START_TEST(test_tour_check_story_of_another_model_refused)
{
	for (int other = 0; other < PREEMPT_MODEL_COUNT; other++) {
		struct tour_run run;
		bool same;

		tell_case(&run, _i);
		same = story_of(run.model) == story_of((enum preempt_model)other);

		run.model = (enum preempt_model)other;
		ck_assert_int_eq(verdict(&run) == NULL, same);
	}
}
END_TEST

/* The loss of any one record, of ticks too, is noticed: each is deleted in turn. */
START_TEST(test_tour_check_any_record_missing_refused)
{
	struct tour_run whole;

	tell_case(&whole, _i);
	for (unsigned int t = 0; t < whole.track_count; t++) {
		for (size_t gone = 0; gone < whole.tracks[t].count; gone++) {
			struct tour_run run = whole;
			struct tour_track *track = &run.tracks[t];

			track->count--;
			memmove(&track->records[gone], &track->records[gone + 1],
			        (track->count - gone) * sizeof(track->records[0]));
			ck_assert_msg(verdict(&run) != NULL, "track %u without record %zu passes",
			              t, gone);
		}
	}
}
END_TEST

/* Any record twice is noticed: each is doubled in turn. */
START_TEST(test_tour_check_any_record_doubled_refused)
{
	struct tour_run whole;

	tell_case(&whole, _i);
	for (unsigned int t = 0; t < whole.track_count; t++) {
		for (size_t twice = 0; twice < whole.tracks[t].count; twice++) {
			struct tour_run run = whole;
			struct tour_track *track = &run.tracks[t];

			memmove(&track->records[twice + 1], &track->records[twice],
			        (track->count - twice) * sizeof(track->records[0]));
			track->count++;
			ck_assert_msg(verdict(&run) != NULL,
			              "track %u with record %zu twice passes", t, twice);
		}
	}
}
END_TEST

/* Two neighbours of one track in the other order are noticed: each pair is exchanged in turn. */
START_TEST(test_tour_check_neighbours_exchanged_refused)
{
	struct tour_run whole;

	tell_case(&whole, _i);
	for (unsigned int t = 0; t < whole.track_count; t++) {
		for (size_t i = 0; i + 1 < whole.tracks[t].count; i++) {
			struct tour_run run = whole;
			struct trace_record *pair = &run.tracks[t].records[i];
			struct trace_record first = pair[0];

			if (pair[0].event == TRACE_timer_expire &&
			    pair[1].event == TRACE_timer_expire) {
				continue; /* the tick may expire before or after the other timer */
			}
			pair[0] = pair[1];
			pair[1] = first;
			pair[1].tsc = pair[0].tsc; /* so that time alone does not give it away */
			ck_assert_msg(verdict(&run) != NULL, "track %u exchanged at %zu passes", t,
			              i);
		}
	}
}
END_TEST

/* A record that is older than the one before it is noticed: each in turn. */
START_TEST(test_tour_check_clock_that_runs_backwards_refused)
{
	struct tour_run whole;

	tell_case(&whole, _i);
	for (unsigned int t = 0; t < whole.track_count; t++) {
		ck_assert_ptr_eq(tour_remove_empty_interrupts(&whole.tracks[t], whole.wake_fn),
		                 NULL);
		for (size_t i = 1; i < whole.tracks[t].count; i++) {
			struct tour_run run = whole;
			size_t at;

			run.tracks[t].records[i].tsc = run.tracks[t].records[i - 1].tsc - 1;
			ck_assert_ptr_ne(tour_check(&run, &at), NULL);
			ck_assert_uint_eq(at, i);
		}
	}
}
END_TEST

/*
 * A field of a record that the story speaks of is wrong: task, cpu, count, reason; each is noticed.
 */
START_TEST(test_tour_check_wrong_field_refused)
{
	struct tour_run whole;

	tell_case(&whole, _i);
	for (unsigned int t = 0; t < whole.track_count; t++) {
		ck_assert_ptr_eq(tour_remove_empty_interrupts(&whole.tracks[t], whole.wake_fn),
		                 NULL);
	}
	for (unsigned int t = 0; t < whole.track_count; t++) {
		for (size_t i = 0; i < whole.tracks[t].count; i++) {
			struct tour_run run = whole;
			struct trace_record *record = &run.tracks[t].records[i];
			size_t at;

			record->pid += 10;
			ck_assert_ptr_ne(tour_check(&run, &at), NULL);
			ck_assert_uint_eq(at, i);
			*record = whole.tracks[t].records[i];
			record->cpu += 1;
			ck_assert_ptr_ne(tour_check(&run, &at), NULL);
			*record = whole.tracks[t].records[i];
			record->preempt_count ^= 0x10001;
			ck_assert_msg(tour_check(&run, &at) != NULL || record->event == 0 ||
			                      (record->preempt_count & 0xff) != 0,
			              "record %zu at a wrong count passes", i);
			*record = whole.tracks[t].records[i];
			if (record->event == TRACE_sched_switch) {
				record->b ^= 0x1000000;
				ck_assert_ptr_ne(tour_check(&run, &at), NULL);
			}
		}
	}
}
END_TEST

/*
 * A reschedule interrupt that came before its request is noticed, though each cpu alone looks
 * right.
 */
START_TEST(test_tour_check_answer_before_request_refused)
{
	struct tour_run run;

	story_tell(&run, PREEMPT_FULL, 2);
	for (size_t i = 0; i < run.tracks[0].count; i++) {
		run.tracks[0].records[i].tsc += 100000;
	}
	ck_assert_ptr_ne(verdict(&run), NULL);
}
END_TEST

/* B's waiting time runs from the waking interrupt on cpu 0 to B's first record, wherever B is. */
START_TEST(test_tour_b_waited_counts_from_interrupt_to_b)
{
	struct tour_run run;

	story_tell(&run, PREEMPT_FULL, 1);
	ck_assert_ptr_eq(verdict(&run), NULL);
	ck_assert_uint_eq(tour_b_waited(&run), 800);
	story_tell(&run, PREEMPT_FULL, 2);
	ck_assert_ptr_eq(verdict(&run), NULL);
	ck_assert_uint_eq(tour_b_waited(&run), 2250 - 1450);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tour_check");
	TCase *tests = tcase_create("stories");

	tcase_add_loop_test(tests, test_tour_check_promised_story_accepted, 0, CASES);
	tcase_add_loop_test(tests, test_tour_check_story_of_another_model_refused, 0, CASES);
	tcase_add_loop_test(tests, test_tour_check_any_record_missing_refused, 0, CASES);
	tcase_add_loop_test(tests, test_tour_check_any_record_doubled_refused, 0, CASES);
	tcase_add_loop_test(tests, test_tour_check_neighbours_exchanged_refused, 0, CASES);
	tcase_add_loop_test(tests, test_tour_check_clock_that_runs_backwards_refused, 0, CASES);
	tcase_add_loop_test(tests, test_tour_check_wrong_field_refused, 0, CASES);
	tcase_add_test(tests, test_tour_check_answer_before_request_refused);
	tcase_add_test(tests, test_tour_b_waited_counts_from_interrupt_to_b);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
