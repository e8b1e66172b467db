// SPDX-License-Identifier: ISC
/*
 * The simulated machine itself: litmus tests of x86-TSO with all their outcomes, interrupts,
 * halting, and that the reduced exploration sees what brute force sees.
 */
#include <stdio.h>
#include <string.h>

#include "guest/atomic.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#define BRUTE_LIMIT 3000000
#define UNBOUNDED   10000

/* Programs whose brute force is longer than this are not compared. */
#define PROGRAM_LIMIT 50000

static HOST_STATE struct atomic x;
static HOST_STATE struct atomic y;
static HOST_STATE uint32_t r[4];

/* Over all runs: the values of r, and the final one of x, a digit each. */
static uint64_t outcomes[2][5000 / 64 + 1];
static unsigned int method;

static void
collect(void)
{
	unsigned int n = r[0] + r[1] * 4 + r[2] * 16 + r[3] * 64 + (x.value & 3) * 256;

	outcomes[method][n / 64] |= 1ull << n % 64;
}

static bool
seen(unsigned int r0, unsigned int r1, unsigned int r2, unsigned int r3)
{
	for (unsigned int last = 0; last < 4; last++) {
		unsigned int n = r0 + r1 * 4 + r2 * 16 + r3 * 64 + last * 256;

		if (outcomes[0][n / 64] >> n % 64 & 1) {
			return true;
		}
	}
	return false;
}

static void (*bodies[3])(void);

static void
body(void *arg)
{
	host_gate();
	bodies[(uintptr_t)arg]();
	host_stop();
}

static void
boot(void)
{
	for (uintptr_t cpu = 0; cpu < 3 && bodies[cpu] != NULL; cpu++) {
		scenario_task((unsigned int)cpu, body, (void *)cpu);
	}
}

/* Both ways to explore see the same outcomes. */
static void
litmus_broken(const char *name, void (*a)(void), void (*b)(void), void (*c)(void),
              unsigned int broken)
{
	static struct explore_report all;
	static struct explore_report brute;
	struct explore_scenario scenario = {
		.name = name,
		.cpus = c != NULL   ? 3
		        : b != NULL ? 2
		                    : 1,
		.boot = boot,
		.check = collect,
		.broken = broken,
	};

	memset(outcomes, 0, sizeof(outcomes));
	bodies[0] = a;
	bodies[1] = b;
	bodies[2] = c;
	method = 0;
	explore_all(&scenario, BRUTE_LIMIT, &all);
	ck_assert_msg(all.complete, "%s: %s %s", name, all.reason, all.replay);
	method = 1;
	explore_bounded(&scenario, UNBOUNDED, BRUTE_LIMIT, &brute);
	ck_assert_msg(brute.complete, "%s: %s %s", name, brute.reason, brute.replay);
	printf("%-20s %6llu runs (%llu pruned) for %8llu of brute force\n", name,
	       (unsigned long long)all.runs, (unsigned long long)all.pruned,
	       (unsigned long long)brute.runs);
	fflush(stdout);
	for (size_t n = 0; n < sizeof(outcomes[0]) / sizeof(outcomes[0][0]); n++) {
		ck_assert_msg(outcomes[0][n] == outcomes[1][n],
		              "%s: outcomes %zu-: %llx by reduction, %llx by brute force", name,
		              n * 64, (unsigned long long)outcomes[0][n],
		              (unsigned long long)outcomes[1][n]);
	}
}

static void
litmus(const char *name, void (*a)(void), void (*b)(void), void (*c)(void))
{
	litmus_broken(name, a, b, c, 0);
}

static void
sb_x(void)
{
	atomic_store(&x, 1);
	r[0] = atomic_load(&y);
}

static void
sb_y(void)
{
	atomic_store(&y, 1);
	r[1] = atomic_load(&x);
}

/* Store buffering: each of two cpus may miss the other's store; the one relaxation of x86. */
START_TEST(test_machine_sb_both_miss)
{
	litmus("SB", sb_x, sb_y, NULL);
	ck_assert(seen(0, 0, 0, 0));
	ck_assert(seen(0, 1, 0, 0));
	ck_assert(seen(1, 0, 0, 0));
	ck_assert(seen(1, 1, 0, 0));
}
END_TEST

static void
sb_fence_x(void)
{
	atomic_store(&x, 1);
	smp_mb();
	r[0] = atomic_load(&y);
}

static void
sb_fence_y(void)
{
	atomic_store(&y, 1);
	smp_mb();
	r[1] = atomic_load(&x);
}

static void
sb_xchg_y(void)
{
	atomic_store_mb(&y, 1);
	r[1] = atomic_load(&x);
}

/* A fence or a locked operation on both sides forbids that both miss. */
START_TEST(test_machine_sb_fences_forbid_missing)
{
	litmus("SB fences", sb_fence_x, sb_fence_y, NULL);
	ck_assert(!seen(0, 0, 0, 0));
	litmus("SB fence, xchg", sb_fence_x, sb_xchg_y, NULL);
	ck_assert(!seen(0, 0, 0, 0));
	ck_assert(seen(1, 1, 0, 0));
}
END_TEST

/* A fence on one side does not. */
START_TEST(test_machine_sb_one_fence_is_not_enough)
{
	litmus("SB one fence", sb_fence_x, sb_y, NULL);
	ck_assert(seen(0, 0, 0, 0));
}
END_TEST

/* Mutant: on a machine whose fences are none, both may miss in spite of them. */
START_TEST(test_machine_sb_broken_fence_is_none)
{
	litmus_broken("SB broken fences", sb_fence_x, sb_fence_y, NULL, HOST_BROKEN_FENCE);
	ck_assert(seen(0, 0, 0, 0));
}
END_TEST

static void
mp_write(void)
{
	atomic_store(&x, 1);
	atomic_store(&y, 1);
}

static void
mp_read(void)
{
	r[0] = atomic_load(&y);
	r[1] = atomic_load(&x);
}

/* Message passing: stores arrive in order, loads are made in order. */
START_TEST(test_machine_mp_in_order)
{
	litmus("MP", mp_write, mp_read, NULL);
	ck_assert(!seen(1, 0, 0, 0));
	ck_assert(seen(0, 1, 0, 0));
	ck_assert(seen(1, 1, 0, 0));
	ck_assert(seen(0, 0, 0, 0));
}
END_TEST

static void
lb_x(void)
{
	r[0] = atomic_load(&y);
	atomic_store(&x, 1);
}

static void
lb_y(void)
{
	r[1] = atomic_load(&x);
	atomic_store(&y, 1);
}

/* Load buffering: no store overtakes an older load. */
START_TEST(test_machine_lb_forbidden)
{
	litmus("LB", lb_x, lb_y, NULL);
	ck_assert(!seen(1, 1, 0, 0));
	ck_assert(seen(0, 1, 0, 0));
}
END_TEST

static void
forward_x(void)
{
	atomic_store(&x, 1);
	r[0] = atomic_load(&x);
	r[1] = atomic_load(&y);
}

static void
forward_y(void)
{
	atomic_store(&y, 1);
	r[2] = atomic_load(&y);
	r[3] = atomic_load(&x);
}

/* Store forwarding: a cpu sees its own store before the others do (Intel's example 8-5). */
START_TEST(test_machine_forwarding_own_store_first)
{
	litmus("forwarding", forward_x, forward_y, NULL);
	ck_assert(seen(1, 0, 1, 0));
	ck_assert(!seen(0, 0, 1, 0));
	ck_assert(!seen(0, 1, 1, 0));
}
END_TEST

/* Without forwarding a cpu would not see its own store: the litmus test above would notice. */
START_TEST(test_machine_broken_forwarding_is_noticed)
{
	litmus_broken("no forwarding", forward_x, forward_y, NULL, HOST_BROKEN_FORWARDING);
	ck_assert(seen(0, 0, 1, 0));
}
END_TEST

static void
n6_x(void)
{
	atomic_store(&x, 1);
	r[0] = atomic_load(&x);
	r[1] = atomic_load(&y);
}

static void
n6_y(void)
{
	atomic_store(&y, 2);
	atomic_store(&x, 2);
}

/* n6 (Owens, Sarkar, Sewell 2009): own store read, y missed, and yet x ends as 1. */
START_TEST(test_machine_n6_allowed)
{
	unsigned int n = 1 + 0 * 4 + 1 * 256;

	litmus("n6", n6_x, n6_y, NULL);
	ck_assert(outcomes[0][n / 64] >> n % 64 & 1);
}
END_TEST

static void
wrc_write(void)
{
	atomic_store(&x, 1);
}

static void
wrc_pass_on(void)
{
	r[0] = atomic_load(&x);
	atomic_store(&y, 1);
}

static void
wrc_read(void)
{
	r[1] = atomic_load(&y);
	r[2] = atomic_load(&x);
}

/*
 * Three cpus (WRC): a store reaches all others at once, so what a second cpu saw a third one sees.
 */
START_TEST(test_machine_stores_are_causal)
{
	litmus("WRC", wrc_write, wrc_pass_on, wrc_read);
	ck_assert(!seen(1, 1, 0, 0));
	ck_assert(seen(1, 1, 1, 0));
	ck_assert(seen(0, 1, 0, 0));
	ck_assert(seen(1, 0, 0, 0));
}
END_TEST

/* ---- the own stack ---- */

static HOST_STATE struct atomic_ptr place; /* of a variable on the stack of who wrote it */

static void
stack_write(void)
{
	struct atomic mine = ATOMIC_INIT(0);

	atomic_store_release(&place, &mine);
	atomic_store(&x, 1);
	atomic_store(&mine, 1);
	host_stop();
}

static void
stack_write_release(void)
{
	struct atomic mine = ATOMIC_INIT(0);

	atomic_store_release(&place, &mine);
	atomic_store(&x, 1);
	atomic_store_release(&mine, 1);
	host_stop();
}

static void
stack_write_behind_fence(void)
{
	struct atomic mine = ATOMIC_INIT(0);

	atomic_store_release(&place, &mine);
	atomic_store(&x, 1);
	smp_wmb();
	atomic_store(&mine, 1);
	host_stop();
}

static void
stack_read(void)
{
	struct atomic *there = atomic_load_acquire(&place);

	if (there != NULL) {
		r[0] = atomic_load_acquire(there);
		r[1] = atomic_load(&x);
	}
}

/* A store to the own stack passes those in the buffer if a compiler may move it before them. */
START_TEST(test_machine_own_stack_keeps_order_where_asked)
{
	litmus("own stack", stack_write, stack_read, NULL);
	ck_assert(seen(1, 0, 0, 0));
	ck_assert(seen(1, 1, 0, 0));
	litmus("own stack, release", stack_write_release, stack_read, NULL);
	ck_assert(!seen(1, 0, 0, 0));
	ck_assert(seen(0, 1, 0, 0));
	ck_assert(seen(1, 1, 0, 0));
	litmus("own stack, fence", stack_write_behind_fence, stack_read, NULL);
	ck_assert(!seen(1, 0, 0, 0));
	ck_assert(seen(1, 1, 0, 0));
}
END_TEST

static void
stack_reused(void)
{
	struct atomic mine = ATOMIC_INIT(0);

	atomic_store(&mine, 1);
	mine.value = 2; /* as the compiler uses the place for something else */
	atomic_store(&x, 1);
	(void)atomic_load(&y);
	r[0] = mine.value;
}

/* A store to the own stack never comes after what the compiler stores there later. */
START_TEST(test_machine_own_stack_is_stored_at_once)
{
	litmus("own stack, reused", stack_reused, sb_y, NULL);
	ck_assert(seen(2, 1, 0, 0));
	ck_assert(!seen(1, 0, 0, 0));
	ck_assert(!seen(1, 1, 0, 0));
}
END_TEST

static void
add_twice(void)
{
	atomic_fetch_add(&x, 1);
	r[0] = atomic_fetch_add(&x, 1);
}

static void
add_once(void)
{
	r[1] = atomic_fetch_add(&x, 1);
}

/* Locked additions never lose one. */
START_TEST(test_machine_locked_adds_all_count)
{
	litmus("locked adds", add_twice, add_once, NULL);
	for (unsigned int a = 0; a < 4; a++) {
		ck_assert(!seen(a, a, 0, 0));
	}
	ck_assert(seen(1, 2, 0, 0));
	ck_assert(seen(2, 1, 0, 0));
	ck_assert(seen(2, 0, 0, 0));
}
END_TEST

/* Mutant: on a machine where they are not one step, they do. */
START_TEST(test_machine_broken_adds_lose_one)
{
	litmus_broken("torn adds", add_twice, add_once, NULL, HOST_BROKEN_RMW);
	ck_assert(seen(1, 1, 0, 0) || seen(1, 0, 0, 0));
	ck_assert(seen(0, 0, 0, 0) || seen(1, 1, 0, 0));
}
END_TEST

static void
spin_for_y(void)
{
	while (!atomic_load_acquire(&y)) {
		arch_cpu_relax();
	}
	r[0] = atomic_load(&x);
}

/* A spinner ends its spin, and sees what was stored before. */
START_TEST(test_machine_spin_ends)
{
	litmus("spin", mp_write, spin_for_y, NULL);
	ck_assert(seen(1, 0, 0, 0));
	ck_assert(!seen(0, 0, 0, 0));
}
END_TEST

/* ---- interrupts ---- */

static HOST_STATE unsigned int phase;

static void
note_nmi(void)
{
	r[2] |= 1u << phase;
}

static void
nmi_target(void)
{
	arch_irq_disable();
	phase = 0;
	r[0] = atomic_load(&x);
	phase = 1;
	r[1] = atomic_load(&x);
}

static void
nmi_sender(void)
{
	host_nmi_send(0);
	atomic_store(&x, 1);
}

/* An NMI comes at any moment, interrupts off or on; brute force and reduction agree when. */
START_TEST(test_machine_nmi_comes_anywhere)
{
	host_nmi_handler = note_nmi;
	litmus("NMI", nmi_target, nmi_sender, NULL);
	ck_assert(seen(0, 0, 1, 0));
	ck_assert(seen(0, 0, 2, 0));
	ck_assert(seen(0, 1, 2, 0));
	ck_assert(!seen(0, 0, 0, 0)); /* never lost */
}
END_TEST

static void
spin_in_nmi(void)
{
	while (!atomic_load(&x)) {
		arch_cpu_relax();
	}
}

static void
spin_for_y_and_read(void)
{
	while (!atomic_load(&y)) {
		(void)atomic_load(&x);
		arch_cpu_relax();
	}
	r[0] = 1;
}

static void
send_and_write(void)
{
	host_nmi_send(0);
	atomic_store(&y, 1);
	atomic_store(&x, 1);
}

/* A spinner ends its spin though a handler spins between its look and its wait. */
START_TEST(test_machine_spin_ends_behind_a_handler_that_spins)
{
	host_nmi_handler = spin_in_nmi;
	litmus("spin, and an NMI that spins", spin_for_y_and_read, send_and_write, NULL);
	ck_assert(seen(1, 0, 0, 0));
	ck_assert(!seen(0, 0, 0, 0));
}
END_TEST

static void
spin_for_both(void)
{
	while (!atomic_load(&y)) {         /* bounded: it is written */
		while (!atomic_load(&x)) { /* bounded: likewise */
			arch_cpu_relax();
		}
		arch_cpu_relax();
	}
	r[0] = 1;
}

static void
write_y_and_x(void)
{
	atomic_store(&y, 1);
	atomic_store(&x, 1);
}

/* A spinner ends its spin though it has spun for something else between its look and its wait. */
START_TEST(test_machine_spin_ends_behind_one_within)
{
	litmus("a spin within a spin", spin_for_both, write_y_and_x, NULL);
	ck_assert(seen(1, 0, 0, 0));
	ck_assert(!seen(0, 0, 0, 0));
}
END_TEST

static void
spin_for_x(void *unused)
{
	(void)unused;
	while (!atomic_load(&x)) { /* bounded: it is written */
		arch_cpu_relax();
	}
}

/* Who is let in between the look and the wait spins, too, and is gone then. */
static void
look_and_give_way(void *unused)
{
	(void)unused;
	host_gate();
	while (!atomic_load(&y)) { /* bounded: it is written */
		yield();
		arch_cpu_relax();
	}
	r[0] = 1;
	host_stop();
}

static void
write_both(void *unused)
{
	(void)unused;
	host_gate();
	atomic_store(&y, 1);
	atomic_store(&x, 1);
	host_stop();
}

static void
boot_company(void)
{
	scenario_task(0, look_and_give_way, NULL);
	scenario_task(0, spin_for_x, NULL);
	scenario_task(1, write_both, NULL);
}

/* A spinner ends its spin though another task of its cpu spins between its look and its wait. */
START_TEST(test_machine_spin_ends_behind_a_task_that_spins)
{
	static struct explore_report report;
	struct explore_scenario scenario = {
		.name = "spin, and a task that spins",
		.cpus = 2,
		.boot = boot_company,
		.check = collect,
	};

	memset(outcomes, 0, sizeof(outcomes));
	method = 0;
	explore_all(&scenario, BRUTE_LIMIT, &report);
	ck_assert_msg(report.complete, "%s: %s", report.reason, report.replay);
	printf("%-20s %6llu runs\n", scenario.name, (unsigned long long)report.runs);
	ck_assert(seen(1, 0, 0, 0));
	ck_assert(!seen(0, 0, 0, 0));
}
END_TEST

/* ---- what interrupts are seen to do ---- */

static HOST_STATE unsigned int taken[2]; /* interrupts, by each cpu, of itself */

static void
note_interrupt(unsigned int cpu)
{
	taken[cpu]++;
}

static void
take_anywhere(void *arg)
{
	(void)arg;
	host_gate();
	r[0] = taken[0];
	r[1] = atomic_load(&x);
	arch_irq_disable();
	r[2] = taken[0];
	atomic_fetch_add(&y, 1);
	r[3] = taken[0];
	arch_irq_enable();
	atomic_store(&x, 2 + taken[0]);
	host_stop();
}

static void
send_one(void *arg)
{
	(void)arg;
	host_gate();
	arch_irq_disable();
	arch_ipi_send(0, IRQ_RESCHEDULE);
	atomic_store(&x, 1);
	host_stop();
}

static void
boot_irq(void)
{
	scenario_task(0, take_anywhere, NULL);
	scenario_task(1, send_one, NULL);
}

/* Returns whether brute force came to its end; then both have seen the same. */
static bool
compare(const struct explore_scenario *scenario, uint64_t limit)
{
	static struct explore_report report;

	memset(outcomes, 0, sizeof(outcomes));
	method = 0;
	explore_all(scenario, limit, &report);
	ck_assert_msg(report.complete, "%s: %s %s", scenario->name, report.reason, report.replay);
	printf("%-20s %6llu runs (%llu pruned) for ", scenario->name,
	       (unsigned long long)report.runs, (unsigned long long)report.pruned);
	method = 1;
	explore_bounded(scenario, UNBOUNDED, limit, &report);
	ck_assert_msg(!report.failed, "%s: %s %s", scenario->name, report.reason, report.replay);
	printf("%8llu of brute force%s\n", (unsigned long long)report.runs,
	       report.complete ? "" : ", and no end");
	fflush(stdout);
	for (unsigned int n = 0; n < sizeof(outcomes[0]) * 8 && report.complete; n++) {
		ck_assert_msg(((outcomes[0][n / 64] ^ outcomes[1][n / 64]) >> n % 64 & 1) == 0,
		              "%s: reduction and brute force disagree on r = %u %u %u %u, x = %u",
		              scenario->name, n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3, n >> 8);
	}
	return report.complete;
}

/* An interrupt is taken at any operation with interrupts on, and at none with interrupts off. */
START_TEST(test_machine_interrupt_comes_while_enabled)
{
	host_interrupt_seen = note_interrupt;
	compare(&(struct explore_scenario){ "interrupt", 2, boot_irq, collect, NULL, 0, NULL },
	        PROGRAM_LIMIT);
	ck_assert(seen(1, 0, 1, 1)); /* before the first operation */
	ck_assert(seen(1, 1, 1, 1));
	ck_assert(seen(0, 0, 1, 1)); /* between two */
	ck_assert(seen(0, 1, 1, 1));
	ck_assert(seen(0, 1, 0, 0)); /* sent, but not before they are on again */
	ck_assert(seen(0, 0, 0, 0));
	for (unsigned int n = 0; n < 4; n++) {
		ck_assert(!seen(n & 1, n >> 1, 0, 1)); /* never while they are off */
	}
}
END_TEST

/* ---- random programs ---- */

#define PROGRAMS 40
#define STEPS    2 /* of each cpu */

static HOST_STATE uint8_t program[2][STEPS];

static void
do_step(unsigned int cpu, unsigned int code)
{
	struct atomic *a = code & 1 ? &x : &y;

	switch (code >> 1) {
	case 0:
		atomic_store(a, cpu + 1 + taken[cpu]);
		break;
	case 1:
		r[cpu] = (r[cpu] * 2 + atomic_load(a)) & 3;
		break;
	case 2:
		r[cpu] = (r[cpu] + atomic_fetch_add(a, 1)) & 3;
		break;
	case 3:
		smp_mb();
		break;
	case 4:
		arch_irq_disable();
		arch_ipi_send(!cpu, IRQ_RESCHEDULE);
		arch_irq_enable();
		break;
	case 5:
		arch_irq_disable();
		r[2 + cpu] = (r[2 + cpu] * 2 + taken[cpu]) & 3;
		arch_irq_enable();
		break;
	case 6:
		arch_irq_disable();
		r[cpu] = (r[cpu] * 2 + atomic_load(a)) & 3;
		arch_irq_enable();
		break;
	default:
		host_nmi_send(!cpu);
		break;
	}
}

/* What a handler sees becomes part of the outcome. */
static void
look_in_nmi(void)
{
	unsigned int cpu = host_this->id;

	r[2 + cpu] = (r[2 + cpu] + atomic_load(&x) + 1) & 3;
}

static void
run_program(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;

	host_gate();
	for (unsigned int n = 0; n < STEPS; n++) {
		do_step(cpu, program[cpu][n]);
	}
	host_stop();
}

static uint64_t program_seed;

static void
boot_program(void)
{
	struct random random = random_seeded(program_seed);

	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		for (unsigned int n = 0; n < STEPS; n++) {
			program[cpu][n] = (uint8_t)random_below(&random, 16);
		}
		scenario_task(cpu, run_program, (void *)(uintptr_t)cpu);
	}
}

/*
 * The reduction sees every outcome that brute force sees, in random programs of all kinds of steps.
 */
START_TEST(test_machine_reduction_agrees_on_random_programs)
{
	unsigned int compared = 0;

	host_nmi_handler = look_in_nmi;
	host_interrupt_seen = note_interrupt;
	for (program_seed = 0; program_seed < PROGRAMS; program_seed++) {
		char name[40];

		snprintf(name, sizeof(name), "program %llu", (unsigned long long)program_seed);
		compared += compare(
			&(struct explore_scenario){ name, 2, boot_program, collect, NULL, 0, NULL },
			PROGRAM_LIMIT);
	}
	ck_assert_uint_ge(compared, PROGRAMS * 3 / 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("machine");
	TCase *tests = tcase_create("memory");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_machine_sb_both_miss);
	tcase_add_test(tests, test_machine_sb_fences_forbid_missing);
	tcase_add_test(tests, test_machine_sb_one_fence_is_not_enough);
	tcase_add_test(tests, test_machine_sb_broken_fence_is_none);
	tcase_add_test(tests, test_machine_mp_in_order);
	tcase_add_test(tests, test_machine_lb_forbidden);
	tcase_add_test(tests, test_machine_forwarding_own_store_first);
	tcase_add_test(tests, test_machine_broken_forwarding_is_noticed);
	tcase_add_test(tests, test_machine_n6_allowed);
	tcase_add_test(tests, test_machine_stores_are_causal);
	tcase_add_test(tests, test_machine_own_stack_keeps_order_where_asked);
	tcase_add_test(tests, test_machine_own_stack_is_stored_at_once);
	tcase_add_test(tests, test_machine_locked_adds_all_count);
	tcase_add_test(tests, test_machine_broken_adds_lose_one);
	tcase_add_test(tests, test_machine_spin_ends);
	tcase_add_test(tests, test_machine_nmi_comes_anywhere);
	tcase_add_test(tests, test_machine_spin_ends_behind_a_handler_that_spins);
	tcase_add_test(tests, test_machine_spin_ends_behind_one_within);
	tcase_add_test(tests, test_machine_spin_ends_behind_a_task_that_spins);
	tcase_add_test(tests, test_machine_interrupt_comes_while_enabled);
	tcase_add_test(tests, test_machine_reduction_agrees_on_random_programs);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
