// SPDX-License-Identifier: ISC
/*
 * Every form of every spinning lock, against an oracle: what its holder has off, and at which
 * unlock a request is answered. A cell is one run: the form alone or with a raw lock inside,
 * released in both orders; interrupts on or off before; a request that was there before, that came
 * while held, or none; each model.
 */
#include <stdio.h>
#include <string.h>

#include "guest/bottom_half.h"
#include "guest/local_lock.h"
#include "guest/preempt_model.h"
#include "guest/rwlock.h"
#include "guest/sched.h"
#include "guest/seqlock.h"
#include "guest/spinlock.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 1000

static HOST_STATE struct raw_spinlock raw;
static HOST_STATE struct raw_spinlock inner;
static HOST_STATE struct spinlock spin;
static HOST_STATE struct rwlock rw;
static HOST_STATE struct seqlock seq;
/* Of cpu 0, whose per-CPU area is where the linker put it. */
static HOST_STATE struct local_lock local;
static HOST_STATE unsigned long flags;

/* ---- the forms ---- */

/* What the holder has off besides preemption. BH_ALONE: bottom halves, and no lock. */
enum holding { PREEMPT, IRQ, IRQSAVE, BH, BH_ALONE };

/* X(name, holding, what takes it and tells whether it could, what releases it) */
#define LOCK_FORMS(X, lock, unlock, try, l)                                                  \
	X(#lock, PREEMPT, (lock(l), true), unlock(l))                                        \
	X(#lock "_irq", IRQ, (lock##_irq(l), true), unlock##_irq(l))                         \
	X(#lock "_irqsave", IRQSAVE, (flags = lock##_irqsave(l), true),                      \
	  unlock##_irqrestore(l, flags))                                                     \
	X(#lock "_bh", BH, (lock##_bh(l), true), unlock##_bh(l))                             \
	X(#try, PREEMPT, try(l), unlock(l))                                                  \
	X(#try "_irq", IRQ, try##_irq(l), unlock##_irq(l))                                   \
	X(#try "_irqsave", IRQSAVE, try##_irqsave(l, &flags), unlock##_irqrestore(l, flags)) \
	X(#try "_bh", BH, try##_bh(l), unlock##_bh(l))

/* Those without a try. */
#define HOLD_FORMS(X, lock, unlock, l)                                  \
	X(#lock, PREEMPT, (lock(l), true), unlock(l))                   \
	X(#lock "_irq", IRQ, (lock##_irq(l), true), unlock##_irq(l))    \
	X(#lock "_irqsave", IRQSAVE, (flags = lock##_irqsave(l), true), \
	  unlock##_irqrestore(l, flags))

#define FORMS(X)                                                                            \
	LOCK_FORMS(X, raw_spin_lock, raw_spin_unlock, raw_spin_trylock, &raw)               \
	LOCK_FORMS(X, spin_lock, spin_unlock, spin_trylock, &spin)                          \
	LOCK_FORMS(X, read_lock, read_unlock, read_trylock, &rw)                            \
	LOCK_FORMS(X, write_lock, write_unlock, write_trylock, &rw)                         \
	HOLD_FORMS(X, write_seqlock, write_sequnlock, &seq)                                 \
	X("write_seqlock_bh", BH, (write_seqlock_bh(&seq), true), write_sequnlock_bh(&seq)) \
	HOLD_FORMS(X, read_seqlock_excl, read_sequnlock_excl, &seq)                         \
	X("read_seqlock_excl_bh", BH, (read_seqlock_excl_bh(&seq), true),                   \
	  read_sequnlock_excl_bh(&seq))                                                     \
	HOLD_FORMS(X, local_lock, local_unlock, &local)                                     \
	X("local_bh_disable", BH_ALONE, (local_bh_disable(), true), local_bh_enable())

enum step { TAKE, DROP };

/* One function for all: the number of the form is the line of the table. */
static bool
form_step(unsigned int form, enum step step)
{
	unsigned int n = 0;

#define FORM_STEP(name, holding, take, drop) \
	if (n++ == form) {                   \
		if (step == TAKE) {          \
			return take;         \
		}                            \
		drop;                        \
		return true;                 \
	}
	FORMS(FORM_STEP)
#undef FORM_STEP
	host_fail("there is no form %u", form);
}

static const struct form {
	const char *name;
	enum holding holding;
} forms[] = {
#define FORM_ROW(name, holding, take, drop) { name, holding },
	FORMS(FORM_ROW)
#undef FORM_ROW
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

/* ---- a cell ---- */

enum order { ALONE, INNER_FIRST, OUTER_FIRST, ORDER_COUNT };
enum request { NO_REQUEST, BEFORE, WHILE_HELD, REQUEST_COUNT };

/* Of the run that is made. */
static struct {
	unsigned int form;
	enum order order;
	bool irqs_on;
	enum request request;
	enum preempt_model model;
	bool occupied; /* by somebody else: only tries, which fail */
} cell;

static enum holding
cell_holding(void)
{
	return forms[cell.form].holding;
}

/* ---- the oracle, in Linux's words ---- */

/* "irqs" while held. */
static bool
irqs_inside(void)
{
	return cell.irqs_on && cell_holding() != IRQ && cell_holding() != IRQSAVE;
}

/* And after: _irq does not know how they were. */
static bool
irqs_after(void)
{
	return cell.irqs_on || cell_holding() == IRQ;
}

static uint32_t
count_inside(void)
{
	return cell_holding() == BH         ? SOFTIRQ_LOCK_OFFSET
	       : cell_holding() == BH_ALONE ? SOFTIRQ_DISABLE_OFFSET
	                                    : PREEMPT_DISABLE_OFFSET;
}

/* Bottom halves are not enabled with interrupts off. */
static bool
must_stop(void)
{
	return !irqs_inside() && (cell_holding() == BH || cell_holding() == BH_ALONE);
}

/* The release that switches: the last, if somebody asked, the model preempts and nothing forbids.
 */
static bool
must_switch(void)
{
	bool asked = cell.request == BEFORE || (cell.request == WHILE_HELD && !cell.occupied);

	return asked && preempt_model_preempts(cell.model) && irqs_after();
}

/* ---- a run ---- */

static HOST_STATE bool was_passed;

static void
ask(void)
{
	preempt_disable();
	HOST_EXPECT(wake_up_process(urgent));
	preempt_enable_no_resched();
	HOST_EXPECT(need_resched());
}

static void
expect(const char *where, bool irqs_on, uint32_t count, bool ran)
{
	if (arch_irqs_disabled() == irqs_on) {
		host_fail("%s: irqs %s are %s", forms[cell.form].name, where,
		          irqs_on ? "off" : "on");
	}
	if (preempt_count() != count) {
		host_fail("%s: count %s is %x", forms[cell.form].name, where, preempt_count());
	}
	if (urgent_ran() != ran) {
		host_fail("%s: %s switch at %s", forms[cell.form].name, ran ? "no" : "a", where);
	}
}

/* Both are held, or the one. */
static void
release(void)
{
	if (cell.order == INNER_FIRST) {
		raw_spin_unlock(&inner);
		expect("inside", irqs_inside(), count_inside(), false);
	}
	form_step(cell.form, DROP);
	if (cell.order == OUTER_FIRST) {
		expect("unlock", irqs_after(), PREEMPT_DISABLE_OFFSET, false);
		raw_spin_unlock(&inner);
	}
	expect("unlock", irqs_after(), 0, must_switch());
}

static void
hold(void)
{
	expect("inside", irqs_inside(), count_inside(), false);
	HOST_EXPECT(in_task());
	HOST_EXPECT(!in_serving_softirq());
	if (cell.request == WHILE_HELD) {
		ask();
	}
	if (cell.order != ALONE) {
		raw_spin_lock(&inner);
	}
	release();
}

/* By another cpu, as far as the words tell. */
static void
occupy(void)
{
	atomic_store(&raw.next, 1);
	atomic_store(&spin.raw.next, 1);
	atomic_store(&rw.state, RWLOCK_WRITER);
}

static void
run_cell(void *arg)
{
	(void)arg;
	scenario_gate();
	arch_irq_disable();
	if (cell.request == BEFORE) {
		ask();
	}
	if (cell.occupied) {
		occupy();
	}
	if (cell.irqs_on) {
		arch_irq_enable();
	}
	if (form_step(cell.form, TAKE)) {
		HOST_EXPECT(!cell.occupied);
		hold();
	} else {
		HOST_EXPECT(cell.occupied);
		expect("unlock", irqs_after(), 0, must_switch());
	}
	was_passed = true;
	host_stop();
}

static void
boot_cell(void)
{
	preempt_model_set(cell.model);
	urgent_boot();
	scenario_fifo_task(0, 10, run_cell, NULL);
}

static void
check_cell(void)
{
	HOST_EXPECT(was_passed);
}

static struct explore_scenario
cell_scenario(void)
{
	return (struct explore_scenario){
		.name = forms[cell.form].name, .cpus = 1, .boot = boot_cell, .check = check_cell
	};
}

static unsigned int cell_count;

static void
cell_must_hold(void)
{
	static struct explore_report report;
	struct explore_scenario scenario = cell_scenario();

	cell_count++;
	explore_all(&scenario, LIMIT, &report);
	if (must_stop()) {
		ck_assert_msg(report.failed, "%s with irqs off: not noticed", scenario.name);
		ck_assert_ptr_nonnull(strstr(report.reason, "failed: !arch_irqs_disabled()"));
	} else {
		ck_assert_msg(report.complete, "%s\nreplay: %s", report.reason, report.replay);
	}
}

/* What became of it, when it is as it must be: Y switched, X stopped. */
static char
cell_word(void)
{
	return must_stop() ? 'X' : must_switch() ? 'Y' : '-';
}

/* One order and model: interrupts on, then off; no request, one before, one while held. */
static void
block_must_hold(char *words)
{
	for (unsigned int n = 0; n < 2 * REQUEST_COUNT; n++) {
		cell.irqs_on = n < REQUEST_COUNT;
		cell.request = (enum request)(n % REQUEST_COUNT);
		cell_must_hold();
		words[n] = cell_word();
	}
}

static void
row_must_hold(void)
{
	char words[2 * REQUEST_COUNT + 1] = { 0 };

	printf("  %-28s", forms[cell.form].name);
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		cell.model = (enum preempt_model)model;
		for (unsigned int order = 0; order < ORDER_COUNT; order++) {
			cell.order = (enum order)order;
			if (scenario_has_model(cell.model) && !(cell.occupied && order != ALONE)) {
				block_must_hold(words);
				printf(" %s", words);
			}
		}
	}
	printf("\n");
	fflush(stdout);
}

static void
print_head(const char *what)
{
	printf("%s; irqs on, off: not asked, asked before, asked while held\n", what);
}

/*
 * P5, P8, P9, P13, P44: under every form the holder has off what the form says and counts for it;
 * the request is answered at the last release, where interrupts are on, and nowhere before.
 */
START_TEST(test_forms_hold_and_switch_as_the_oracle_says)
{
	print_head("none, voluntary, full, lazy: alone, inner lock released first, outer first");
	for (cell.form = 0; cell.form < FORM_COUNT; cell.form++) {
		row_must_hold();
	}
	printf("%u cells\n", cell_count);
}
END_TEST

/* P5, P8, P9: a try that fails leaves interrupts and count as they were, and is a point. */
START_TEST(test_forms_failed_try_leaves_nothing)
{
	print_head("a try that fails, under none, voluntary, full, lazy");
	cell.occupied = true;
	for (cell.form = 0; cell.form < FORM_COUNT; cell.form++) {
		if (strstr(forms[cell.form].name, "trylock") != NULL) {
			row_must_hold();
		}
	}
	printf("%u cells\n", cell_count);
}
END_TEST

static const struct mutant {
	const char *bug;
	enum holding holding;
	const char *words;
} mutants[] = {
	{ "enable-ignores-request", PREEMPT, "no switch at unlock" },
	{ "unlock-before-irqs", IRQ, "no switch at unlock" },
	{ "unlock-before-irqs", IRQSAVE, "no switch at unlock" },
	{ "irqsave-leaves-irqs-on", IRQSAVE, "irqs inside" },
	{ "bh-enable-unasked", BH, "no switch at unlock" },
	{ "bh-enable-unasked", BH_ALONE, "no switch at unlock" },
	{ "bh-as-softirq", BH_ALONE, "count inside" },
};

#define MUTANT_COUNT (int)(sizeof(mutants) / sizeof(mutants[0]))

/* P5, P7, P9, P44, seeded bugs: no form of the kind that has the mistake is right. */
START_TEST(test_forms_seeded_bugs_are_caught)
{
	const struct mutant *mutant = &mutants[_i];

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	cell.request = WHILE_HELD;
	cell.irqs_on = true;
	cell.model = PREEMPT_FULL;
	for (cell.form = 0; cell.form < FORM_COUNT; cell.form++) {
		struct explore_scenario scenario = cell_scenario();

		if (cell_holding() == mutant->holding) {
			scenario_must_catch_late(&scenario, mutant->bug, mutant->words, LIMIT);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("forms of locks");
	TCase *tests = tcase_create("forms of locks");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_forms_hold_and_switch_as_the_oracle_says);
	tcase_add_test(tests, test_forms_failed_try_leaves_nothing);
	tcase_add_loop_test(tests, test_forms_seeded_bugs_are_caught, 0, MUTANT_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
