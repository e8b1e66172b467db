// SPDX-License-Identifier: ISC
/*
 * lockdep: planted mistakes, each reported by its first line, and beside each what looks like it
 * and is none.
 */
#include <stdio.h>
#include <string.h>

#include "guest/object.h"
#include "guest/spinlock.h"
#include "tests/explore/lockdep_program.h"
#include "tests/host/machine.h"
#include "tests/unit/suite.h"

/* ---- programs ---- */

/* Returns whether that is so, and prints it if not. */
static bool
says(const char *steps, const char *words)
{
	const char *said = program_said(steps, NULL);

	if (strcmp(said, words) == 0) {
		return true;
	}
	printf("%s:\n     said: %s\nexpected: %s\n", steps, said, words);
	fflush(stdout);
	return false;
}

#define TAKEN_BOTH_WAYS "possible deadlock: A is taken under B here, and B under A elsewhere"
#define TAKEN_IN_IRQ    "possible deadlock: A is taken in an interrupt here, "
#define TAKEN_IRQS_ON   "possible deadlock: A is taken with interrupts on here, "
#define UNDER_A         ", held with interrupts on, is taken under A, which interrupts take"

static const struct {
	const char *steps;
	const char *words; /* "": nothing */
} plants[] = {
	/* Order. */
	{ "ABba BAab", TAKEN_BOTH_WAYS },
	{ "ABba ABba BbAa", "" },
	{ "ABba BCcb CAac",
	  "possible deadlock: A is taken under C here, and C under B under A elsewhere" },
	{ "ABba BCcb ACca", "" },
	{ "ABab BAab", TAKEN_BOTH_WAYS },
	{ "AA", "possible deadlock: A is taken under itself" },
	{ "AnAaa", "" },
	{ "AnAaa nAAaa",
	  "possible deadlock: A is taken under A/1 here, and A/1 under A elsewhere" },
	/* A trylock waits for nobody, but what is waited for under it does. */
	{ "ABba BtAab", "" },
	{ "tABba BAab", TAKEN_BOTH_WAYS },
	{ "AtAaa", "" },
	{ "AtBCcba CAac", "possible deadlock: A is taken under C here, and C under A elsewhere" },
	/* Readers. */
	{ "rArAaa", "" },
	{ "sArAaa", "" },
	{ "sAsA", "possible deadlock: A is taken under itself" },
	{ "rAsA", "possible deadlock: A is taken under itself" },
	{ "ArA", "possible deadlock: A is taken under itself" },
	{ "rArBba rBrAab", "" },
	{ "rArBba rBAab", "" },
	{ "rABba rBAab", TAKEN_BOTH_WAYS },
	{ "rABba BrAab", "" },
	{ "rABba BAab", TAKEN_BOTH_WAYS },
	{ "ArBba BrAab", TAKEN_BOTH_WAYS },
	{ "sAsBba sBsAab", TAKEN_BOTH_WAYS },
	/* Interrupts. */
	{ "Aa hAaH", TAKEN_IN_IRQ "and with interrupts on elsewhere" },
	{ "hAaH Aa", TAKEN_IRQS_ON "and in an interrupt elsewhere" },
	{ "hAaH iAaI", "" },
	{ "hAaH iAIaI", TAKEN_IRQS_ON "and in an interrupt elsewhere" },
	{ "htAaH Aa", "" },
	{ "hrAaH rAa", "" },
	{ "hrAaH Aa", TAKEN_IRQS_ON "and in an interrupt, to read elsewhere" },
	{ "hAaH rAa", "possible deadlock: A is taken with interrupts on, to read here, "
	              "and in an interrupt elsewhere" },
	{ "hAaH iABbaI iBbI", "" },
	{ "hAaH iABbaI Bb", "possible deadlock: B" UNDER_A },
	{ "hAaH Bb iABbaI", "possible deadlock: B" UNDER_A },
	{ "Bb iABbaI hAaH", "possible deadlock: B" UNDER_A },
	{ "Cc hAaH iABbaI iBCcbI",
	  "possible deadlock: C, held with interrupts on, is taken under B under A, "
	  "which interrupts take" },
	{ "Bb iBAabI hAaH", "" },
	{ "Bb irABbaI hrAaH", "" },
	{ "rBb iArBbaI hAaH", "" },
	{ "rBb iABbaI hAaH", "possible deadlock: B" UNDER_A },
	{ "AhBbHa BiAaIb",
	  "possible deadlock: B is taken with interrupts on here, and in an interrupt elsewhere" },
	{ "AhBbHa iBbI", "" },
	{ "AhBbHa iBAabI", "possible deadlock: A, held with interrupts on, is taken under B, "
	                   "which interrupts take" },
	/* Softirqs. */
	{ "Aa fAaF", "possible deadlock: A is taken in a softirq here, "
	             "and with softirqs on elsewhere" },
	{ "dAaD fAaF", "" },
	{ "dADa fAaF", "possible deadlock: A is taken in a softirq here, "
	               "and with softirqs on elsewhere" },
	{ "dADdaD fAaF", "possible deadlock: A is taken in a softirq here, "
	                 "and with softirqs on elsewhere" },
	{ "fAaF dABbaD Bb", "possible deadlock: B, held with softirqs on, is taken under A, "
	                    "which softirqs take" },
	/* NMIs. */
	{ "Aa mAM", "possible deadlock: A is taken in an NMI here, and elsewhere" },
	{ "Aa mtAaM", "" },
	{ "rAa mrAaM", "" },
	{ "rAa mAM", "possible deadlock: A is taken in an NMI here, and elsewhere" },
	/* How waiters wait. */
	{ "XYAayx", "" },
	{ "AX", "wrong nesting: X (sleeping) is taken under A (raw)" },
	{ "AY", "wrong nesting: Y (spinning) is taken under A (raw)" },
	{ "YX", "wrong nesting: X (sleeping) is taken under Y (spinning)" },
	{ "AtXxa", "" },
	{ "AZza", "" },
	{ "ZYyz", "" },
	{ "ZX", "wrong nesting: X (sleeping) is taken under Z (spinning)" },
	{ "hX", "wrong nesting: X (sleeping) is taken in an interrupt" },
	{ "hYyH", "" },
	{ "gY", "wrong nesting: Y (spinning) is taken in an interrupt" },
	{ "gAaH", "" },
	{ "fX", "wrong nesting: X (sleeping) is taken in a softirq" },
	{ "iAhYyHaI", "" },
	/* Balance. */
	{ "a", "a lock is released, and not held" },
	{ "Aaa", "A is released, and not held" },
	{ "Aha", "A is released, and not held" },
	{ "hAH", "A is held at the end of an interrupt that took it" },
};

#define PLANT_COUNT (sizeof(plants) / sizeof(plants[0]))

/* J48: each planted mistake is said in these words, and nothing is said of its near misses. */
START_TEST(test_lockdep_plants_are_reported)
{
	unsigned int wrong = 0;

	program_boot(NULL);
	for (size_t n = 0; n < PLANT_COUNT; n++) {
		wrong += !says(plants[n].steps, plants[n].words);
	}
	printf("%zu programs\n", PLANT_COUNT);
	fflush(stdout);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* ---- what is not a program ---- */

static void
free_object_with_lock(void)
{
	struct raw_spinlock *lock = object_alloc(sizeof(*lock));

	raw_spin_lock_init(lock);
	raw_spin_lock(lock);
	object_free(lock, sizeof(*lock));
}

static void
free_object_beside_lock(void)
{
	struct raw_spinlock *lock = object_alloc(sizeof(*lock));
	struct raw_spinlock *other = object_alloc(sizeof(*other));

	raw_spin_lock_init(lock);
	raw_spin_lock(lock);
	object_free(other, sizeof(*other));
	raw_spin_unlock(lock);
	object_free(lock, sizeof(*lock));
}

static void
initialize_held(void)
{
	struct raw_spinlock lock = RAW_SPINLOCK_NAMED("lock", LD_WAIT_SPIN);

	raw_spin_lock(&lock);
	raw_spin_lock_init(&lock);
}

static void
initialize_released(void)
{
	struct raw_spinlock lock = RAW_SPINLOCK_INIT;

	raw_spin_lock(&lock);
	raw_spin_unlock(&lock);
	raw_spin_lock_init(&lock);
}

static void
take_zeroed_memory(void)
{
	struct raw_spinlock *lock = object_alloc(sizeof(*lock));

	raw_spin_lock(lock);
}

/* One place, one class; two places, two. */
static void
init_either(struct raw_spinlock *one, struct raw_spinlock *other)
{
	for (unsigned int n = 0; n < 2; n++) {
		raw_spin_lock_init(n == 0 ? one : other);
	}
}

static void
nest_in_class(void)
{
	struct raw_spinlock one;
	struct raw_spinlock other;

	init_either(&one, &other);
	raw_spin_lock(&one);
	raw_spin_lock(&other);
}

static void
nest_in_subclass(void)
{
	struct raw_spinlock one;
	struct raw_spinlock other;

	init_either(&one, &other);
	raw_spin_lock(&one);
	raw_spin_lock_nested(&other, 1);
	raw_spin_unlock(&other);
	raw_spin_unlock(&one);
}

static void
nest_in_other_class(void)
{
	struct raw_spinlock one = RAW_SPINLOCK_INIT;
	struct raw_spinlock other = RAW_SPINLOCK_INIT;

	raw_spin_lock(&one);
	raw_spin_lock(&other);
	raw_spin_unlock(&other);
	raw_spin_unlock(&one);
}

static void
assert_held(void)
{
	lock_map_acquire(&program_maps[0]);
	lockdep_assert(&program_maps[0], true, true);
	lockdep_assert(&program_maps[1], false, false);
	lock_map_release(&program_maps[0]);
	lockdep_assert(&program_maps[0], true, false);
}

static void
assert_held_write(void)
{
	lock_map_acquire_read(&program_maps[0]);
	lockdep_assert(&program_maps[0], true, false);
	lockdep_assert(&program_maps[0], true, true);
}

static void
assert_not_held(void)
{
	lock_map_acquire(&program_maps[0]);
	lockdep_assert(&program_maps[0], false, false);
}

static void
sleep_under_raw(void)
{
	lock_map_acquire(&program_maps[0]);
	lockdep_check_sleep();
}

static void
sleep_under_sleeping(void)
{
	lock_map_acquire(&program_waits[0]);
	lockdep_check_sleep();
	lock_map_release(&program_waits[0]);
}

static void
end_with_lock(void)
{
	lock_map_acquire(&program_waits[0]);
	lockdep_check_exit();
}

static const struct {
	void (*fn)(void);
	const char *words;
} deeds[] = {
	{ free_object_with_lock, "lock is held, and in memory that is freed" },
	{ free_object_beside_lock, "" },
	{ initialize_held, "lock is held, and initialized again" },
	{ initialize_released, "" },
	{ take_zeroed_memory, "a lock that was never initialized is taken" },
	{ nest_in_class,
	  "possible deadlock: n == 0 ? one : other is taken under another of its class" },
	{ nest_in_subclass, "" },
	{ nest_in_other_class, "" },
	{ assert_held, "A is not held, and should be" },
	{ assert_held_write, "A is not held by a writer, and should be" },
	{ assert_not_held, "A is held, and should not be" },
	{ sleep_under_raw, "A is held by a task that sleeps" },
	{ sleep_under_sleeping, "" },
	{ end_with_lock, "X is held by a task that ends" },
};

/* J48: what is wrong with a lock as a thing, or with its holder, is said; not of near misses. */
START_TEST(test_lockdep_deeds_are_reported)
{
	program_boot(NULL);
	for (size_t n = 0; n < sizeof(deeds) / sizeof(deeds[0]); n++) {
		ck_assert_str_eq(program_said(NULL, deeds[n].fn), deeds[n].words);
	}
}
END_TEST

/* ---- full tables ---- */

#define MANY 140

static HOST_STATE struct lockdep_map many[MANY];
static struct lock_class_key keys[MANY];

static void
init_many(void)
{
	for (unsigned int n = 0; n < MANY; n++) {
		lockdep_init_map(&many[n], "many", &keys[n], LD_WAIT_SPIN, LD_WAIT_SPIN);
	}
}

static void
take_many_classes(void)
{
	init_many();
	for (unsigned int n = 0; n < MANY; n++) {
		lock_map_sync(&many[n]);
	}
	lock_map_acquire(&program_maps[0]);
	lock_map_acquire(&program_maps[0]); /* nothing is said any more */
	HOST_EXPECT(!lockdep_is_on());
}

static void
take_many_edges(void)
{
	init_many();
	for (unsigned int n = 0; n < 40 * 40; n++) {
		if (n / 40 < n % 40) {
			lock_map_acquire(&many[n / 40]);
			lock_map_sync(&many[n % 40]);
			lock_map_release(&many[n / 40]);
		}
	}
	lock_map_sync(&program_maps[0]); /* where it can be said */
	HOST_EXPECT(!lockdep_is_on());
}

static void
hold_many(void)
{
	init_many();
	for (unsigned int n = 0; n <= LOCKDEP_DEPTH_MAX; n++) {
		lock_map_acquire(&many[n]);
	}
	HOST_EXPECT(!lockdep_is_on());
}

/* J48: a table that is full turns lockdep off, which says so, and is no false report. */
START_TEST(test_lockdep_full_tables_turn_it_off)
{
	static const struct {
		void (*fn)(void);
		const char *words;
	} fills[] = {
		{ take_many_classes, "lockdep off: 127 classes are too few\n" },
		{ take_many_edges, "lockdep off: 768 edges between classes are too few\n" },
		{ hold_many, "lockdep off: 16 locks held by a task are too few\n" },
	};

	program_boot(NULL);
	for (size_t n = 0; n < sizeof(fills) / sizeof(fills[0]); n++) {
		ck_assert_str_eq(program_said(NULL, fills[n].fn), "");
		ck_assert_msg(strstr(host_console(), fills[n].words) != NULL, "%s", host_console());
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lockdep");
	TCase *tests = tcase_create("lockdep");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_lockdep_plants_are_reported);
	tcase_add_test(tests, test_lockdep_deeds_are_reported);
	tcase_add_test(tests, test_lockdep_full_tables_turn_it_off);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
