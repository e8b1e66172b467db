// SPDX-License-Identifier: ISC
/*
 * Values that a scenario leaves open (host_choose): every engine chooses them, and the reduction
 * sees with them what brute force sees when each is fixed beforehand.
 */
#include <stdio.h>
#include <string.h>

#include "guest/atomic.h"
#include "tests/explore/scenario.h"
#include "tests/host/fiber.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#define LIMIT     3000000
#define UNBOUNDED 10000
#define SEED      20
#define OUTCOMES  4096

static HOST_STATE struct atomic x;
static HOST_STATE struct atomic y;
static HOST_STATE unsigned int r[2];

/* ---- outcomes ---- */

static unsigned int (*outcome)(void);
static uint64_t outcomes[2][OUTCOMES / 64];
static unsigned int method;

static void
collect(void)
{
	unsigned int n = outcome();

	ck_assert_uint_lt(n, OUTCOMES);
	outcomes[method][n / 64] |= 1ull << n % 64;
}

static void
collect_as(unsigned int which)
{
	method = which;
	memset(outcomes[which], 0, sizeof(outcomes[which]));
}

static unsigned int
outcome_count(void)
{
	unsigned int count = 0;

	for (unsigned int n = 0; n < OUTCOMES / 64; n++) {
		count += (unsigned int)__builtin_popcountll(outcomes[method][n]);
	}
	return count;
}

/* ---- values, or what stands for them ---- */

#define CHOICES 2 /* of each cpu */

/* By cpu and number: how many values there are, and which it is when they are fixed. */
static unsigned int ranges[2][CHOICES];
static unsigned int fixed[2][CHOICES];
static bool is_fixed;
static HOST_STATE unsigned int made[2];

static unsigned int
choose(unsigned int cpu)
{
	unsigned int n = made[cpu]++;

	return is_fixed ? fixed[cpu][n] : host_choose(ranges[cpu][n]);
}

/* Counts `fixed` on. false: it has been everything. */
static bool
next_fixed(void)
{
	for (unsigned int n = 0; n < 2 * CHOICES; n++) {
		unsigned int *value = &fixed[n / CHOICES][n % CHOICES];

		if (++*value < ranges[n / CHOICES][n % CHOICES]) {
			return true;
		}
		*value = 0;
	}
	return false;
}

static void
set_ranges(unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	ranges[0][0] = a;
	ranges[0][1] = b;
	ranges[1][0] = c;
	ranges[1][1] = d;
}

/* ---- scenarios ---- */

static void (*steps)(unsigned int cpu);

static void
body(void *arg)
{
	host_gate();
	steps((unsigned int)(uintptr_t)arg);
	host_stop();
}

static void
boot_one(void)
{
	scenario_task(0, body, (void *)0);
}

static void
boot_two(void)
{
	scenario_task(0, body, (void *)0);
	scenario_task(1, body, (void *)1);
}

static void
choose_twice(unsigned int cpu)
{
	r[0] = choose(cpu);
	r[1] = choose(cpu);
}

static unsigned int
pair_outcome(void)
{
	return r[0] * 4 + r[1];
}

static const struct explore_scenario pair = { "3 by 2", 1, boot_one, collect, NULL, 0, NULL };

static void
begin_pair(void)
{
	steps = choose_twice;
	outcome = pair_outcome;
	set_ranges(3, 2, 1, 1);
	collect_as(0);
}

/* Two choices, of 3 and of 2, are 6 runs with 6 outcomes; without deviations, too. */
START_TEST(test_choose_two_values_six_runs)
{
	static struct explore_report report;

	begin_pair();
	explore_all(&pair, LIMIT, &report);
	ck_assert(report.complete);
	ck_assert_uint_eq(report.runs, 6);
	ck_assert_uint_eq(report.pruned, 0);
	ck_assert_uint_eq(outcome_count(), 6);
	collect_as(1);
	explore_bounded(&pair, 0, LIMIT, &report);
	ck_assert(report.complete);
	ck_assert_uint_eq(report.runs, 6);
	ck_assert_uint_eq(outcome_count(), 6);
	ck_assert_mem_eq(outcomes[0], outcomes[1], sizeof(outcomes[0]));
}
END_TEST

/* Sampling, uniform or by priorities, hits every value; the same seed hits the same ones. */
START_TEST(test_choose_sampling_hits_all_values)
{
	static struct explore_report report;

	begin_pair();
	explore_random(&pair, SEED, 200, &report);
	ck_assert_msg(outcome_count() == 6, "random, seed %d: %u of 6", SEED, outcome_count());
	collect_as(0);
	explore_pct(&pair, SEED, 3, 4, 200, &report);
	ck_assert_msg(outcome_count() == 6, "PCT, seed %d: %u of 6", SEED, outcome_count());
	collect_as(0);
	explore_random(&pair, SEED, 4, &report);
	collect_as(1);
	explore_random(&pair, SEED, 4, &report);
	ck_assert_mem_eq(outcomes[0], outcomes[1], sizeof(outcomes[0]));
	ck_assert_uint_lt(outcome_count(), 6);
}
END_TEST

/* ---- against brute force with fixed values ---- */

/*
 * All runs with choices, against the sum over all fixed values: the same outcomes, and the
 * reduction's runs are as many as its runs with fixed values, so no order is run twice or missed.
 */
static void
compare(const char *name, void (*boot)(void))
{
	struct explore_scenario scenario = { name, 2, boot, collect, NULL, 0, NULL };
	static struct explore_report all;
	static struct explore_report report;
	uint64_t fixed_runs = 0;
	uint64_t brute_runs = 0;

	collect_as(0);
	is_fixed = false;
	explore_all(&scenario, LIMIT, &all);
	ck_assert_msg(all.complete, "%s: %s %s", name, all.reason, all.replay);
	collect_as(1);
	is_fixed = true;
	memset(fixed, 0, sizeof(fixed));
	do {
		explore_bounded(&scenario, UNBOUNDED, LIMIT, &report);
		ck_assert_msg(report.complete, "%s: %s %s", name, report.reason, report.replay);
		brute_runs += report.runs;
		explore_all(&scenario, LIMIT, &report);
		fixed_runs += report.runs;
	} while (next_fixed());
	is_fixed = false;
	printf("%-20s %6llu runs (%llu pruned) for %8llu of brute force, %u outcomes\n", name,
	       (unsigned long long)all.runs, (unsigned long long)all.pruned,
	       (unsigned long long)brute_runs, outcome_count());
	fflush(stdout);
	ck_assert_msg(memcmp(outcomes[0], outcomes[1], sizeof(outcomes[0])) == 0,
	              "%s: choices and fixed values disagree on the outcomes", name);
	ck_assert_msg(all.runs == fixed_runs, "%s: %llu runs with choices, %llu with fixed values",
	              name, (unsigned long long)all.runs, (unsigned long long)fixed_runs);
}

/* Each value decides which word is used next, so other orders are dependent under each. */
static void
use_chosen_word(unsigned int cpu)
{
	struct atomic *word = choose(cpu) == 0 ? &x : &y;

	atomic_fetch_add(word, 1 + cpu);
	r[cpu] = atomic_load(choose(cpu) == 0 ? &x : &y);
}

static unsigned int
words_outcome(void)
{
	return r[0] * 256 + r[1] * 64 + atomic_load(&x) * 8 + atomic_load(&y);
}

/* Choices on two cpus, with orders that depend on them: as brute force with all fixed values. */
START_TEST(test_choose_interleaved_agrees_with_brute_force)
{
	steps = use_chosen_word;
	outcome = words_outcome;
	set_ranges(2, 2, 2, 2);
	compare("chosen words", boot_two);
}
END_TEST

static HOST_STATE unsigned int nmi_value;

static void
choose_in_nmi(void)
{
	nmi_value = 1 + choose(0);
}

static void
choose_and_look(unsigned int cpu)
{
	if (cpu == 1) {
		atomic_store(&x, 1);
		host_nmi_send(0);
		return;
	}
	r[0] = choose(0);
	r[1] = atomic_load(r[0] == 0 ? &x : &y) + 2 * nmi_value;
	atomic_fetch_add(&y, nmi_value);
}

static unsigned int
nmi_outcome(void)
{
	return r[0] * 256 + r[1] * 16 + nmi_value * 4 + atomic_load(&y);
}

/* The same with an NMI that chooses too, before or after the task does. */
START_TEST(test_choose_in_nmi_agrees_with_brute_force)
{
	host_nmi_handler = choose_in_nmi;
	steps = choose_and_look;
	outcome = nmi_outcome;
	set_ranges(2, 2, 1, 1);
	compare("NMI", boot_two);
	ck_assert_uint_gt(outcome_count(), 6);
}
END_TEST

#define PROGRAMS 24

static HOST_STATE uint8_t program[2][CHOICES];
static uint64_t program_seed;

/* The value decides which word is used. */
static void
do_step(unsigned int cpu, unsigned int code)
{
	struct atomic *word = choose(cpu) == 0 ? &x : &y;

	switch (code) {
	case 0:
		atomic_store(word, 1 + cpu);
		break;
	case 1:
		r[cpu] = r[cpu] * 4 + (atomic_load(word) & 3);
		break;
	case 2:
		r[cpu] = r[cpu] * 4 + (atomic_fetch_add(word, 1) & 3);
		break;
	default:
		smp_mb();
		break;
	}
}

static void
run_program(unsigned int cpu)
{
	for (unsigned int n = 0; n < CHOICES; n++) {
		do_step(cpu, program[cpu][n]);
	}
}

static unsigned int
program_outcome(void)
{
	return r[0] * 256 + r[1] * 16 + (atomic_load(&x) & 3) * 4 + (atomic_load(&y) & 3);
}

static void
boot_program(void)
{
	struct random random = random_seeded(program_seed);

	for (unsigned int n = 0; n < 2 * CHOICES; n++) {
		program[n / CHOICES][n % CHOICES] = (uint8_t)random_below(&random, 4);
	}
	boot_two();
}

/* And in random programs, each of whose steps chooses its word. */
START_TEST(test_choose_agrees_in_random_programs)
{
	steps = run_program;
	outcome = program_outcome;
	set_ranges(2, 2, 2, 2);
	for (program_seed = SEED; program_seed < SEED + PROGRAMS; program_seed++) {
		char name[40];

		snprintf(name, sizeof(name), "program %llu", (unsigned long long)program_seed);
		compare(name, boot_program);
	}
}
END_TEST

/* ---- failures ---- */

/* Fails with the last value only, and only if the store is still missing. */
static void
fail_at_last(unsigned int cpu)
{
	if (cpu == 0) {
		atomic_store(&x, 1);
	} else if (choose(1) == 4) {
		r[1] = choose(1);
		HOST_EXPECT(atomic_load(&x) == 0);
	}
}

static const struct explore_scenario failing = { "fails at 4", 2, boot_two, NULL, NULL, 0, NULL };

static bool has_told;

static void
look_for_choice(const char *line)
{
	if (strstr(line, "cpu 1: chooses 4 of 0..4") != NULL) {
		has_told = true; /* by one cpu: this, too, is looked at for races */
	}
}

/* The failure is found, its string replays and says the value, and the shortest keeps it. */
static void
expect_failure(const char *how, struct explore_report *report)
{
	static struct explore_report again;

	ck_assert_msg(report->failed, "%s: not found", how);
	explore_replay(&failing, report->replay, NULL, &again);
	ck_assert_msg(again.failed, "%s: %s does not replay", how, report->replay);
	ck_assert_str_eq(again.reason, report->reason);
	ck_assert_str_eq(again.replay, report->replay);
	explore_minimize(&failing, report);
	printf("%-20s replay: %s\n", how, report->replay);
	ck_assert_ptr_nonnull(strstr(report->replay, " 4@"));
	has_told = false;
	explore_replay(&failing, report->replay, look_for_choice, &again);
	ck_assert_msg(again.failed, "%s: %s does not replay", how, report->replay);
	ck_assert(has_told);
}

/* Every engine finds the failing value, and its string replays, whole and made shorter. */
START_TEST(test_choose_failing_value_replays)
{
	static struct explore_report report;

	steps = fail_at_last;
	set_ranges(1, 1, 5, 3);
	explore_all(&failing, LIMIT, &report);
	expect_failure("all", &report);
	explore_bounded(&failing, 2, LIMIT, &report);
	expect_failure("bounded", &report);
	explore_random(&failing, SEED, 1000, &report);
	expect_failure("random", &report);
	explore_pct(&failing, SEED, 3, 8, 1000, &report);
	expect_failure("PCT", &report);
}
END_TEST

static void
choose_for_ever(unsigned int cpu)
{
	(void)cpu;
	while (host_choose(2) == 0) {
	}
}

/* A run that chooses without end fails, and does not hang. */
START_TEST(test_choose_without_end_fails)
{
	static struct explore_report report;

	steps = choose_for_ever;
	explore_all(&pair, LIMIT, &report);
	ck_assert(report.failed);
	ck_assert_str_eq(report.reason, "the run chooses without end");
}
END_TEST

/* Relaxed, then sent on by a value: what it read has not changed. */
static void
relax_and_choose(unsigned int cpu)
{
	for (unsigned int n = 0; n < CHOICES; n++) {
		r[0] += 1 + atomic_load(&x);
		arch_cpu_relax();
		if (choose(cpu) == 1) {
			break;
		}
	}
	r[1] = 1 + atomic_load(&x);
}

static unsigned int
relax_outcome(void)
{
	return r[0] * 4 + r[1];
}

/* A value ends a spin: the cpu goes on, though no word that it read has changed. */
START_TEST(test_choose_ends_a_spin)
{
	static struct explore_report report;

	begin_pair();
	steps = relax_and_choose;
	outcome = relax_outcome;
	set_ranges(2, 2, 1, 1);
	explore_all(&pair, LIMIT, &report);
	ck_assert_msg(report.complete, "%s", report.reason);
	ck_assert_uint_eq(report.runs, 3);
	ck_assert(outcomes[0][0] >> (1 * 4 + 1) & 1);
	ck_assert(outcomes[0][0] >> (2 * 4 + 1) & 1);
	ck_assert_uint_eq(outcome_count(), 2);
}
END_TEST

/* ---- kept moments ---- */

#define LONG_ROUNDS 24 /* far more transitions than lie between two kept moments */
#define DEVIATIONS  1

static HOST_STATE struct atomic own[2];

/* Long, with values early and late, stores that wait, and few races: most of all near the end. */
static void
meet_late(unsigned int cpu)
{
	r[cpu] = choose(cpu);
	for (unsigned int n = 0; n < LONG_ROUNDS; n++) {
		atomic_fetch_add(&own[cpu], 1);
	}
	atomic_store(cpu == 0 ? &x : &y, 1 + choose(cpu));
	r[cpu] = r[cpu] * 4 + (unsigned int)atomic_load(cpu == 0 ? &y : &x);
	atomic_fetch_add(&x, 1);
}

static unsigned int
late_outcome(void)
{
	return r[0] * 16 + r[1];
}

static const struct explore_scenario late = {
	.name = "meet late",
	.cpus = 2,
	.boot = boot_two,
	.check = collect,
};

static void
explore_late(unsigned int how, bool whole, struct explore_report *report)
{
	explore_whole = whole;
	collect_as(whole);
	if (how == 0) {
		explore_all(&late, LIMIT, report);
	} else {
		explore_bounded(&late, DEVIATIONS, LIMIT, report);
	}
	explore_whole = false;
	ck_assert_msg(report->complete, "%s", report->reason);
}

/*
 * Depth first, runs that go on from a kept moment are those that are made from the start: as many,
 * as long, and with the same outcomes.
 */
START_TEST(test_choose_kept_moments_change_nothing)
{
	static struct explore_report kept, whole;

	steps = meet_late;
	outcome = late_outcome;
	set_ranges(2, 2, 2, 2);
	explore_late((unsigned int)_i, true, &whole);
	explore_late((unsigned int)_i, false, &kept);
	printf("%llu runs, %llu from kept moments\n", (unsigned long long)kept.runs,
	       (unsigned long long)kept.resumed);
	ck_assert_uint_eq(kept.runs, whole.runs);
	ck_assert_uint_eq(kept.pruned, whole.pruned);
	ck_assert_uint_eq(kept.transitions, whole.transitions);
	ck_assert_uint_eq(kept.longest, whole.longest);
	ck_assert_mem_eq(outcomes[0], outcomes[1], sizeof(outcomes[0]));
	ck_assert_uint_gt(outcome_count(), 4);
	ck_assert_uint_eq(whole.resumed, 0);
	if (fiber_is_only_bytes()) {
		ck_assert_uint_gt(kept.resumed, kept.runs / 2);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("choose");
	TCase *tests = tcase_create("values");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_choose_two_values_six_runs);
	tcase_add_test(tests, test_choose_sampling_hits_all_values);
	tcase_add_test(tests, test_choose_interleaved_agrees_with_brute_force);
	tcase_add_test(tests, test_choose_in_nmi_agrees_with_brute_force);
	tcase_add_test(tests, test_choose_agrees_in_random_programs);
	tcase_add_test(tests, test_choose_failing_value_replays);
	tcase_add_test(tests, test_choose_without_end_fails);
	tcase_add_test(tests, test_choose_ends_a_spin);
	tcase_add_loop_test(tests, test_choose_kept_moments_change_nothing, 0, 2);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
