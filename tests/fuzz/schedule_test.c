// SPDX-License-Identifier: ISC
/*
 * Runs of inputs: that the machine's way around its choices is none through them. Tasks on up to
 * four cpus, one of them with a vcpu, do what the replies say, under random schedules; each input
 * is run both ways. Compared are every operation's value and point, what the kernel traces, the
 * memory in the end.
 */
#include "tests/fuzz/schedule.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/vcpu_request.h"
#include "tests/explore/scenario.h"
#include "tests/explore/vcpus.h"
#include "tests/fuzz/priorities.h"
#include "tests/fuzz/target.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#define CPUS       4
#define OPERATIONS 24 /* of each task */
#define INPUTS     3000
#define INPUT_SIZE 1024

void
fuzz_feature(uint32_t n)
{
	(void)n;
}

/* ---- what is seen of a run ---- */

static struct story {
	uint64_t hash;
	uint64_t events;
	uint64_t points;
	uint64_t memory;
	struct host_result result;
} * story;

static void
tell(uint64_t what)
{
	story->hash = (story->hash ^ what ^ schedule_points() << 32) * 0x9e3779b97f4a7c15ull;
	story->hash ^= story->hash >> 31 ^ host_this->id;
	story->events++;
}

static void
see_trace(enum trace_event event, uint32_t a, uint64_t b)
{
	tell((uint64_t)event << 56 ^ (uint64_t)a << 32 ^ (uint32_t)b);
}

/* ---- the program ---- */

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct atomic x;
static HOST_STATE struct atomic y;
static HOST_STATE struct task *tasks[CPUS];

static uint64_t
add_to_x(void)
{
	return atomic_fetch_add(&x, 1);
}

static uint64_t
count_under_lock(void)
{
	uint64_t value;

	raw_spin_lock(&lock);
	value = atomic_load(&y) + 1;
	atomic_store(&y, value);
	raw_spin_unlock(&lock);
	return value;
}

static uint64_t
store_and_look(void)
{
	atomic_store(&x, 100);
	smp_mb();
	return atomic_load(&y);
}

static uint64_t
sleep_a_while(void)
{
	return (uint64_t)schedule_timeout_interruptible(100);
}

static uint64_t
wake_another(void)
{
	return wake_up_state(tasks[host_choose(cpu_count)], TASK_NORMAL);
}

static uint64_t
store_with_irqs_off(void)
{
	unsigned long flags = arch_irq_save();
	uint64_t value = atomic_load(&x);

	atomic_store(&y, value);
	arch_irq_restore(flags);
	return value;
}

static uint64_t
use_own_stack(void)
{
	struct atomic own = ATOMIC_INIT(1);

	atomic_store(&own, 2 + preempt_count());
	return atomic_load(&own);
}

static uint64_t
ask_the_vcpu(void)
{
	if (vcpus_only != NULL) {
		vcpu_make_request(vcpus_only, VCPU_REQ_UNBLOCK, 0);
	}
	return vcpus_only != NULL;
}

static uint64_t
order_later(void)
{
	unsigned int points_later = host_choose(8) * host_choose(8);
	enum fuzz_action action = host_choose(FUZZ_ACTION_COUNT);

	schedule_act_later(points_later, action, host_choose(CPUS));
	return points_later;
}

static uint64_t
order_at_x(void)
{
	unsigned int nth = 1 + host_choose(3);
	enum fuzz_action action = host_choose(FUZZ_ACTION_COUNT);

	schedule_act_at(&x, nth, action, host_choose(CPUS));
	return nth;
}

static uint64_t (*const operations[])(void) = {
	add_to_x,     count_under_lock,    store_and_look, sleep_a_while,
	wake_another, store_with_irqs_off, use_own_stack,  ask_the_vcpu,
	order_later,  order_at_x,
};

static void
operate(void *unused)
{
	(void)unused;
	host_gate();
	for (unsigned int n = 0; n < OPERATIONS; n++) {
		tell(operations[host_choose(sizeof(operations) / sizeof(operations[0]))]());
	}
}

/* Its first instructions trap. */
static unsigned int
trap_and_loop(struct vcpu *vcpu, unsigned int at)
{
	tell(at);
	if (at % 2 == 0 && at < 12) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_IN, .size = 1 });
	}
	return at < 12 ? at + 1 : at;
}

static void
run_guest(void *unused)
{
	struct vcpu *vcpu = vcpus_create(trap_and_loop);

	(void)unused;
	host_gate();
	tell((uint64_t)vcpu_run(vcpu));
}

static void
boot(void)
{
	for_each_cpu (cpu) {
		tasks[cpu] = scenario_task(cpu, operate, NULL);
	}
	if (cpu_count != 2) {
		scenario_task(cpu_count - 1, run_guest, NULL);
	}
}

/* ---- inputs ---- */

static size_t
add_record(uint8_t *out, uint8_t type, const uint8_t *args, size_t count)
{
	out[0] = type;
	out[1] = (uint8_t)count;
	memcpy(out + 2, args, count);
	return 2 + count;
}

static size_t
make_input(uint64_t seed, uint8_t *data)
{
	struct random random = random_seeded(seed);
	struct fuzz_header header = {
		.version = FUZZ_VERSION,
		.cpus = (uint8_t)random_below(&random, CPUS),
		.slice = (uint8_t)(random_below(&random, 2) * random_below(&random, 20)),
	};
	size_t replies = random_below(&random, 160);
	size_t records = random_below(&random, 16);
	size_t size = sizeof(header);

	memcpy(data, &header, sizeof(header));
	for (size_t n = 0; n < replies; n++) {
		uint8_t value = (uint8_t)random_below(&random, 64);

		size += add_record(data + size, FUZZ_TYPE(FUZZ_REPLIES, 0), &value, 1);
	}
	for (size_t n = 0; n < records; n++) {
		uint8_t at[FUZZ_AT_LENGTH] = {
			(uint8_t)random_below(&random, 80),
			(uint8_t)(random_below(&random, 8) == 0),
			(uint8_t)random_below(&random, FUZZ_ACTION_COUNT),
			(uint8_t)random_below(&random, CPUS),
			(uint8_t)(random_below(&random, 2) * random_below(&random, 12)),
		};

		size += add_record(data + size, FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT), at, sizeof(at));
	}
	return size;
}

/* ---- both ways ---- */

static uint64_t asked[2]; /* without and with a way around */
static uint64_t points;

static void
make_run(const struct fuzz_input *input, bool slow, struct story *out)
{
	memset(out, 0, sizeof(*out));
	story = out;
	schedule_slow = slow;
	schedule_run(input, NULL, &out->result);
	out->points = schedule_points();
	out->memory = host_memory_hash();
	asked[!slow] += schedule_asked();
}

static uint64_t seen;

static void
see_transition(const struct host_transition *t)
{
	seen += t->actor != HOST_DRAIN && t->actor != HOST_CLOCK;
}

/* Who watches sees every point, asked or passed, and the run is the same. */
static void
check_watched(const struct fuzz_input *input, const struct story *story_before)
{
	static struct story watched;

	seen = 0;
	schedule_watch = see_transition;
	make_run(input, false, &watched);
	schedule_watch = NULL;
	ck_assert(memcmp(&watched, story_before, sizeof(watched)) == 0);
	ck_assert_uint_eq(seen, watched.points);
}

/* Does the input say the same both ways? */
static bool
agrees(uint64_t seed)
{
	static struct story stories[2];
	static uint8_t data[INPUT_SIZE];
	struct fuzz_input input = fuzz_input(data, make_input(seed, data), CPUS);

	make_run(&input, true, &stories[0]);
	make_run(&input, false, &stories[1]);
	points += stories[0].points;
	ck_assert_msg(stories[0].events != 0, "seed %llu: nothing was seen",
	              (unsigned long long)seed);
	check_watched(&input, &stories[1]);
	return memcmp(&stories[0], &stories[1], sizeof(stories[0])) == 0;
}

static void
begin(void)
{
	vcpus_flavour = VM_EARLY_IRQS_ON;
	schedule_boot(CPUS, boot, NULL);
	host_trace_seen = see_trace;
}

/* What is passed without a choice is passed as it would have been chosen. */
START_TEST(test_schedule_passing_is_choosing)
{
	begin();
	for (uint64_t seed = 0; seed < INPUTS; seed++) {
		ck_assert_msg(agrees(seed), "seed %llu: passing is another run",
		              (unsigned long long)seed);
	}
	printf("%u inputs agree: %llu points, asked %llu times, and %llu\n", INPUTS,
	       (unsigned long long)points, (unsigned long long)asked[0],
	       (unsigned long long)asked[1] / 2);   /* twice each */
	ck_assert(asked[1] / 2 < asked[0] * 2 / 3); /* orders at words are asked for */
}
END_TEST

static void
must_differ(const char *what, unsigned int broken)
{
	uint64_t seed = 0;

	begin();
	host_broken = broken;
	while (seed < INPUTS && agrees(seed)) {
		seed++;
	}
	printf("%s: input %llu is another run\n", what, (unsigned long long)seed);
	ck_assert(seed < INPUTS);
}

/* Mutant: points that are passed in spite of a pending interrupt make another run. */
START_TEST(test_schedule_passing_an_interrupt_is_found)
{
	must_differ("passing a pending interrupt", HOST_BROKEN_PLAIN);
}
END_TEST

/* Mutant: so do locked operations that are passed while their cpu's stores are held. */
START_TEST(test_schedule_passing_held_stores_is_found)
{
	must_differ("passing held stores", HOST_BROKEN_ROOM);
}
END_TEST

/* The same input twice, with others between, is the same run. */
START_TEST(test_schedule_runs_depend_on_their_input_only)
{
	static struct story first[64];
	static struct story again;
	static uint8_t data[INPUT_SIZE];

	begin();
	for (uint64_t n = 0; n < 2 * 64; n++) {
		struct fuzz_input input = fuzz_input(data, make_input(n % 64, data), CPUS);

		make_run(&input, false, n < 64 ? &first[n] : &again);
		ck_assert_msg(n < 64 || memcmp(&again, &first[n % 64], sizeof(again)) == 0,
		              "seed %llu: another run", (unsigned long long)n % 64);
	}
}
END_TEST

/* Who can move, as a list: the highest first. */
struct order {
	uint8_t movers[HOST_PIDS_MAX];
	unsigned int count;
	bool can[256];
};

static unsigned int
highest(const struct order *order)
{
	unsigned int n = 0;

	while (!order->can[order->movers[n]]) { /* bounded: somebody can */
		n++;
	}
	return n;
}

static void
drop_highest(struct order *order)
{
	unsigned int n = highest(order);
	uint8_t mover = order->movers[n];

	memmove(&order->movers[n], &order->movers[n + 1], order->count - n - 1);
	order->movers[order->count - 1] = mover;
}

/* Some of two cpus' actors, not always the same: at least one. */
static unsigned int
make_transitions(struct random *random, struct host_transition *transitions, struct order *order)
{
	static const struct {
		uint8_t actor, who;
	} actors[] = {
		{ HOST_STEP, FUZZ_WHO_STEPS },
		{ HOST_NMI, FUZZ_WHO_NMI },
		{ HOST_DRAIN, FUZZ_WHO_STORES },
		{ HOST_CLOCK, FUZZ_WHO_CLOCK },
		{ HOST_IRQ + IRQ_TIMER, FUZZ_WHO_INTERRUPT + IRQ_TIMER },
		{ HOST_IRQ + IRQ_SOFT1, FUZZ_WHO_INTERRUPT + IRQ_SOFT1 },
	};
	unsigned int count = 0;

	memset(order->can, 0, sizeof(order->can));
	for (unsigned int n = 0; n < 2 * sizeof(actors) / sizeof(actors[0]); n++) {
		uint8_t cpu = n % 2;

		if (count != 0 && random_below(random, 2) == 0) {
			continue;
		}
		transitions[count++] = (struct host_transition){
			.actor = actors[n / 2].actor,
			.cpu = cpu,
			.pid = (uint8_t)(actors[n / 2].actor * HOST_CPUS_MAX + cpu),
		};
		order->can[FUZZ_MOVER(actors[n / 2].who, cpu)] = true;
	}
	return count;
}

/* The moments of the drops are whatever is drawn: read from the bytes. */
static void
follow_priorities(struct random *random, const uint8_t *records, struct order *order)
{
	const uint8_t *drops = records + 2 + records[1];

	for (unsigned int choice = 1; choice <= 2 * FUZZ_FAIR; choice++) {
		struct host_transition transitions[16];
		unsigned int count = make_transitions(random, transitions, order);
		unsigned int got = priorities_pick(transitions, count);
		unsigned int who;

		if (choice % FUZZ_FAIR == 0) {
			drop_highest(order);
		}
		for (unsigned int n = 0; n < 3; n++) {
			if (choice == drops[4 * n + 2] + 256u * drops[4 * n + 3]) {
				drop_highest(order);
			}
		}
		who = order->movers[highest(order)];
		ck_assert_uint_eq(transitions[got].cpu, FUZZ_MOVER_CPU(who));
		ck_assert_uint_eq(transitions[got].actor == HOST_STEP,
		                  FUZZ_MOVER_WHO(who) == FUZZ_WHO_STEPS);
		ck_assert_uint_eq(transitions[got].actor == HOST_CLOCK,
		                  FUZZ_MOVER_WHO(who) == FUZZ_WHO_CLOCK);
		ck_assert_uint_eq(transitions[got].actor == HOST_IRQ + IRQ_SOFT1,
		                  FUZZ_MOVER_WHO(who) == FUZZ_WHO_INTERRUPT + IRQ_SOFT1);
	}
}

START_TEST(test_schedule_priorities_are_the_inputs)
{
	/*
	 * The order that an input's records say, as a list of who comes first: of random movers the
	 * highest moves, and drops below all where the records say so, and at each FUZZ_FAIR-th
	 * choice. Another schedule's records change nothing; an input without has no such order.
	 */
	for (uint64_t seed = 0; seed < 64; seed++) {
		struct random random = random_seeded(seed);
		uint8_t data[sizeof(struct fuzz_header) + PRIORITIES_SIZE + 7] = { FUZZ_VERSION };
		uint8_t *records = data + sizeof(struct fuzz_header);
		size_t size = priorities_draw(&random, 2, 3, FUZZ_FAIR, records);
		struct order order = { .count = records[1] };
		struct fuzz_input input;

		ck_assert_uint_le(size, PRIORITIES_SIZE);
		memcpy(order.movers, records + 2, records[1]);
		memcpy(records + size,
		       (const uint8_t[]){ FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_PRIORITIES), 1, 9 }, 3);
		input = fuzz_input(data, sizeof(struct fuzz_header) + size + 3, CPUS);
		ck_assert(priorities_read(&input));
		follow_priorities(&random, records, &order);
		input = fuzz_input(data, sizeof(struct fuzz_header), CPUS);
		ck_assert(!priorities_read(&input));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tcase = tcase_create("schedule");

	tcase_set_timeout(tcase, SUITE_TIMEOUT_S);
	tcase_add_test(tcase, test_schedule_passing_is_choosing);
	tcase_add_test(tcase, test_schedule_passing_an_interrupt_is_found);
	tcase_add_test(tcase, test_schedule_passing_held_stores_is_found);
	tcase_add_test(tcase, test_schedule_priorities_are_the_inputs);
	tcase_add_test(tcase, test_schedule_runs_depend_on_their_input_only);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
