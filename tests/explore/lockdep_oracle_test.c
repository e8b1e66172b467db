// SPDX-License-Identifier: ISC
/*
 * lockdep against an oracle. A program takes one lock or two, each in one of four ways, in one of
 * three places. The oracle knows nothing of orders: it looks for cpus, each in the midst of a
 * program, or of one that interrupted another, that wait for each other in a ring.
 */
#include <stdio.h>

#include "tests/explore/lockdep_program.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

enum place { IRQS_ON, IRQS_OFF, IN_IRQ, PLACES };

enum way { WRITES, READS, READS_RECURSIVELY, TRIES, WAYS };

struct small {
	enum place place;
	unsigned int count;
	unsigned int lock[2];
	enum way way[2];
};

#define SMALLS_MAX 512

static struct small smalls[SMALLS_MAX];
static unsigned int small_count;

static void
add_smalls(unsigned int lock, enum way way, unsigned int locks)
{
	for (unsigned int n = 0; n < PLACES * (1 + locks * WAYS); n++) {
		unsigned int second = n / PLACES;
		struct small *s = &smalls[small_count++];

		*s = (struct small){ (enum place)(n % PLACES), 1, { lock }, { way } };
		if (second != 0) {
			s->count = 2;
			s->lock[1] = (second - 1) / WAYS;
			s->way[1] = (enum way)((second - 1) % WAYS);
		}
	}
}

static void
make_smalls(unsigned int locks)
{
	for (unsigned int n = 0; n < locks * WAYS; n++) {
		add_smalls(n / WAYS, (enum way)(n % WAYS), locks);
	}
}

static void
spell(const struct small *s, char **out)
{
	static const char *const ways[WAYS] = { "", "s", "r", "t" };
	static const char *const before[PLACES] = { "", "i", "h" };
	static const char *const after[PLACES] = { "", "I", "H" };

	*out += sprintf(*out, "%s", before[s->place]);
	for (unsigned int n = 0; n < s->count; n++) {
		*out += sprintf(*out, "%s%c", ways[s->way[n]], 'A' + (int)s->lock[n]);
	}
	for (unsigned int n = s->count; n-- != 0;) {
		*out += sprintf(*out, "%c", 'a' + (int)s->lock[n]);
	}
	*out += sprintf(*out, "%s ", after[s->place]);
}

/* Where a cpu stands: so many locks of a task's program are taken, then of an interrupt's. */
struct stand {
	const struct small *task;
	const struct small *irq;
	unsigned int task_taken;
	unsigned int irq_taken;
};

static unsigned int
held_by_program(const struct small *s, unsigned int taken, unsigned int lock)
{
	unsigned int most = 0;

	for (unsigned int n = 0; n < taken; n++) {
		unsigned int how = s->way[n] == READS || s->way[n] == READS_RECURSIVELY ? 1 : 2;

		if (s->lock[n] == lock && how > most) {
			most = how;
		}
	}
	return most;
}

/* 0 not, 1 as a reader, 2 as a writer. */
static unsigned int
holds(const struct stand *stand, unsigned int lock)
{
	unsigned int task = held_by_program(stand->task, stand->task_taken, lock);
	unsigned int irq = held_by_program(stand->irq, stand->irq_taken, lock);

	return task > irq ? task : irq;
}

/* A reader that is not recursive waits for readers too: a writer may be waiting. */
static bool
waits_for(const struct stand *stand, const struct stand *other)
{
	const struct small *s = stand->irq != NULL ? stand->irq : stand->task;
	unsigned int at = stand->irq != NULL ? stand->irq_taken : stand->task_taken;

	if (s == NULL || at == s->count || s->way[at] == TRIES) {
		return false;
	}
	return holds(other, s->lock[at]) > (s->way[at] == READS_RECURSIVELY ? 1 : 0);
}

static bool
can_stand_together(const struct stand *one, const struct stand *other)
{
	for (unsigned int lock = 0; lock < 3; lock++) {
		if (holds(one, lock) + holds(other, lock) > 2) {
			return false;
		}
	}
	return true;
}

/* It can come to here without having waited for itself. */
static bool
is_reachable(const struct stand *stand)
{
	struct stand before = *stand;

	if (stand->irq != NULL && stand->task != NULL && stand->task->place != IRQS_ON) {
		return false;
	}
	while (before.irq_taken + before.task_taken != 0) { /* bounded: the locks taken */
		if (before.irq_taken != 0) {
			before.irq_taken--;
		} else {
			before.irq = NULL;
			before.task_taken--;
		}
		if (waits_for(&before, &before)) {
			return false;
		}
	}
	return true;
}

#define PROGRAMS_MAX 3
#define STANDS_MAX   64 /* of a cpu: a bit each */

/* Where a cpu can stand that runs one of these, which another may have interrupted; or neither. */
static unsigned int
list_stands(const struct small *const *programs, unsigned int count, struct stand *out)
{
	unsigned int stands = 0;

	for (unsigned int n = 0; n < (count + 1) * (count + 1) * 9; n++) {
		unsigned int task = n / 9 % (count + 1);
		unsigned int irq = n / 9 / (count + 1);
		struct stand stand = {
			.task = task < count ? programs[task] : NULL,
			.irq = irq < count ? programs[irq] : NULL,
			.task_taken = n % 3,
			.irq_taken = n / 3 % 3,
		};

		if ((stand.task == NULL ? stand.task_taken == 0
		                        : stand.task->place != IN_IRQ &&
		                                  stand.task_taken <= stand.task->count) &&
		    (stand.irq == NULL
		             ? stand.irq_taken == 0
		             : stand.irq->place == IN_IRQ && stand.irq_taken <= stand.irq->count) &&
		    is_reachable(&stand)) {
			ck_assert_uint_lt(stands, STANDS_MAX);
			out[stands++] = stand;
		}
	}
	return stands;
}

/*
 * A ring of one cpu, two or three: each lock is in it once. gates: whatever else they hold lets
 * them all come there, which lockdep does not look at.
 */
static bool
can_deadlock(const struct small *const *programs, unsigned int count, bool gates)
{
	struct stand stands[STANDS_MAX];
	uint64_t waits[STANDS_MAX] = { 0 };
	uint64_t together[STANDS_MAX] = { 0 };
	unsigned int n = list_stands(programs, count, stands);

	for (unsigned int a = 0; a < n; a++) {
		for (unsigned int b = 0; b < n; b++) {
			waits[a] |= (uint64_t)waits_for(&stands[a], &stands[b]) << b;
			together[a] |=
				(uint64_t)(!gates || can_stand_together(&stands[a], &stands[b]))
				<< b;
		}
		if (waits[a] >> a & 1) {
			return true;
		}
	}
	for (unsigned int a = 0; a < n; a++) {
		for (unsigned int b = 0; b < n; b++) {
			if (!((waits[a] & together[a]) >> b & 1)) {
				continue;
			}
			if (waits[b] >> a & 1) {
				return true;
			}
			for (unsigned int c = 0; c < n; c++) {
				if ((waits[b] & together[a] & together[b]) >> c & 1 &&
				    (waits[c] >> a & 1)) {
					return true;
				}
			}
		}
	}
	return false;
}

static char disagreement[400];
static unsigned int deadlock_count;
static unsigned int gated_count; /* that lockdep says, and a gate prevents */

/* Returns whether lockdep says of these, one after the other, what the oracle says. */
static bool
agrees(const struct small *const *programs, unsigned int count)
{
	bool expected = can_deadlock(programs, count, true);
	char steps[96];
	char *out = steps;
	const char *said;

	for (unsigned int n = 0; n < count; n++) {
		spell(programs[n], &out);
	}
	said = program_said(steps, NULL);
	deadlock_count += expected;
	if ((said[0] != '\0') == expected) {
		return true;
	}
	if (!expected && can_deadlock(programs, count, false)) {
		gated_count++;
		return true;
	}
	snprintf(disagreement, sizeof(disagreement), "%s: %s", steps, expected ? "unsaid" : said);
	return false;
}

/* Returns whether lockdep agrees with the oracle on each pair, up to the first. */
static bool
all_pairs_agree(void)
{
	for (unsigned int n = 0; n < small_count * small_count; n++) {
		const struct small *const pair[2] = { &smalls[n / small_count],
			                              &smalls[n % small_count] };

		if (!agrees(pair, 2)) {
			return false;
		}
	}
	return true;
}

#define TRIPLES 100000

static bool
all_triples_agree(void)
{
	struct random random = random_seeded(1);

	for (unsigned int n = 0; n < TRIPLES; n++) {
		const struct small *triple[PROGRAMS_MAX];

		for (unsigned int i = 0; i < PROGRAMS_MAX; i++) {
			triple[i] = &smalls[random_below(&random, small_count)];
		}
		if (!agrees(triple, PROGRAMS_MAX)) {
			return false;
		}
	}
	return true;
}

/* J48: of every two small programs lockdep says something if, and only if, they can deadlock. */
START_TEST(test_lockdep_pairs_agree_with_the_oracle)
{
	make_smalls(2);
	program_boot(NULL);
	ck_assert_msg(all_pairs_agree(), "%s", disagreement);
	ck_assert_uint_gt(deadlock_count, 0);
	ck_assert_uint_eq(gated_count, 0);
	printf("%u pairs of %u programs, %u can deadlock\n", small_count * small_count, small_count,
	       deadlock_count);
	fflush(stdout);
}
END_TEST

/*
 * J48: of three programs on three locks, drawn from a seed, it says all that can deadlock, and
 * nothing more than what a lock that they also hold prevents.
 */
START_TEST(test_lockdep_triples_agree_with_the_oracle)
{
	make_smalls(3);
	program_boot(NULL);
	ck_assert_msg(all_triples_agree(), "%s", disagreement);
	ck_assert_uint_gt(deadlock_count, 0);
	printf("%u triples of %u programs, %u can deadlock, %u but for a gate\n", TRIPLES,
	       small_count, deadlock_count, gated_count);
	fflush(stdout);
}
END_TEST

/* J48, mutants: the oracle disagrees with a lockdep that has a seeded bug. */
START_TEST(test_lockdep_mutants_disagree_with_the_oracle)
{
	make_smalls(3);
	program_boot("lockdep-shallow");
	ck_assert(!all_triples_agree());
	printf("lockdep-shallow: %s\n", disagreement);
	program_boot("lockdep-readers-block");
	ck_assert(!all_triples_agree());
	printf("lockdep-readers-block: %s\n", disagreement);
	program_boot("lockdep-irq-use-unseen");
	ck_assert(!all_triples_agree());
	printf("lockdep-irq-use-unseen: %s\n", disagreement);
	fflush(stdout);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lockdep and an oracle");
	TCase *tests = tcase_create("lockdep and an oracle");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_lockdep_pairs_agree_with_the_oracle);
	tcase_add_test(tests, test_lockdep_triples_agree_with_the_oracle);
	tcase_add_test(tests, test_lockdep_mutants_disagree_with_the_oracle);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
