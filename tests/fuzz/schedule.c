// SPDX-License-Identifier: ISC
#include "tests/fuzz/schedule.h"

#include <string.h>

#include "guest/sched.h"
#include "guest/task.h"
#include "tests/fuzz/orders.h"
#include "tests/fuzz/priorities.h"
#include "tests/fuzz/schedule_ear.h"
#include "tests/fuzz/target.h"
#include "tests/host/counter.h"
#include "tests/host/guest.h"
#include "tests/host/race.h"

void (*schedule_watch)(const struct host_transition *t);
const struct schedule_ear *schedule_ear;

static struct {
	const struct fuzz_input *input;
	unsigned int cpus;
	bool by_priorities;
	struct fuzz_cursor replies;
	struct fuzz_cursor schedule;
	uint32_t points; /* so far, but for those of `granted` that are passed */
	uint32_t asked;
	uint32_t granted; /* host_plain as it was set */
	unsigned int slice;
	unsigned int turn; /* whose it is */
	uint32_t moved;    /* points of this turn */
	uint32_t turns;
	uint32_t held; /* bit n: cpu n */
	uint32_t held_until[HOST_CPUS_MAX];
	/* The schedule's next record, if there is one. */
	bool has_next;
	uint32_t due; /* the point at which its action or its single steps begin */
	unsigned int action;
	unsigned int cpu;
	uint32_t extra;
	bool steps; /* behind its point, singly */
} run;

/* ---- features ---- */

static uint32_t
mix(uint32_t hash, uint32_t value)
{
	hash = (hash ^ value) * 0x9e3779b1u;
	return hash ^ hash >> 15;
}

/* Where the cpu stands: what it is about to do, its count, what is asked of it. */
static uint32_t
place_of(unsigned int n)
{
	struct host_cpu *self = host_this;
	struct host_cpu *cpu = host_cpu(n);
	uint32_t marks = (uint32_t)(cpu->irqs_on | cpu->in_guest << 1 | cpu->in_user << 2 |
	                            cpu->nmi_blocked << 3 | (cpu->store_count != 0) << 4);
	uint32_t hash;

	host_this = cpu;
	hash = mix(cpu->op.kind << 8 | marks, counter_peek());
	host_this = self;
	return mix(hash, (uint32_t)per_cpu(current_task, n)->flags.value << 8 | cpu->pending);
}

#define FEATURE_SWITCH 0x100u

static void
note_feature(uint32_t what, unsigned int cpu)
{
	fuzz_feature(mix(mix(what, place_of(cpu)), place_of(host_this->id)) % FUZZ_FEATURES);
}

/* ---- the schedule ---- */

bool schedule_slow;

/* Passes over what is no FUZZ_AT. The last one was at point `after`. */
static void
read_next(uint32_t after)
{
	struct fuzz_item item;

	do { /* bounded: by the input */
		run.has_next = fuzz_next(&run.schedule, &item);
	} while (run.has_next && item.kind != FUZZ_AT);
	if (run.has_next) {
		run.due = after + fuzz_arg(&item, 0, 256) + fuzz_arg(&item, 1, 256) * 256;
		run.action = fuzz_arg(&item, 2, FUZZ_ACTION_COUNT);
		run.cpu = fuzz_arg(&item, 3, run.cpus);
		run.extra = fuzz_arg(&item, 4, FUZZ_EXTRA_MAX + 1);
	}
}

static void
hold(unsigned int cpu, bool held)
{
	host_cpu(cpu)->held = held;
	run.held = (run.held & ~(1u << cpu)) | (uint32_t)held << cpu;
}

static void
act(void)
{
	if (schedule_ear != NULL) {
		schedule_ear->action(run.action, run.cpu);
	}
	note_feature(run.action, run.cpu);
	switch (run.action) {
	case FUZZ_ACTION_SWITCH:
		run.turn = run.cpu;
		run.moved = 0;
		break;
	case FUZZ_ACTION_TIMER:
		host_clock_to_timer(run.cpu);
		break;
	case FUZZ_ACTION_RESCHEDULE:
		host_raise(run.cpu, IRQ_RESCHEDULE);
		break;
	case FUZZ_ACTION_NMI:
		host_raise_nmi(run.cpu);
		break;
	case FUZZ_ACTION_MCE:
		host_guest_strike(run.cpu, EARLY_RECOVERABLE);
		break;
	case FUZZ_ACTION_HOLD:
		hold(run.cpu, true);
		run.held_until[run.cpu] = run.points + SCHEDULE_HOLD_MAX;
		break;
	default:
		hold(run.cpu, false);
		break;
	}
}

/* Nothing stays in flight for ever: who spins for it is to get it. */
static void
end_holds(void)
{
	for (unsigned int cpu = 0; cpu < run.cpus; cpu++) {
		if (run.points >= run.held_until[cpu]) {
			hold(cpu, false);
		}
	}
}

/* Points are as fine as a record, or an order that counts them, wants. */
static void
set_stepping(void)
{
	host_stepping = run.steps || orders_have_later();
}

/* Does what is due at this point. Was anything? */
static bool
act_if_due(void)
{
	if (!run.has_next || run.points < run.due) {
		return false;
	}
	run.steps = run.extra != 0;
	set_stepping();
	run.due += run.extra;
	if (run.extra == 0) {
		act();
		read_next(run.due);
	}
	run.extra = 0;
	return true;
}

/* ---- the plainest order ---- */

/* The cpu cannot go on before its buffer has room, or is empty. */
static bool
needs_buffer(const struct host_cpu *cpu)
{
	switch (cpu->op.kind) {
	case HOST_OP_STORE:
	case HOST_OP_LOCKED:
	case HOST_OP_LOOSE:
	case HOST_OP_FENCE:
	case HOST_OP_RETURN:
		return true;
	default:
		return false;
	}
}

/* The lowest comes first. */
#define RANK_DRAIN  0u
#define RANK_CPUS   1u
#define RANK_CPU    (HOST_ACTOR_COUNT + 2u) /* of each: NMI, interrupts, step, its held stores */
#define RANK_HELD   (RANK_CPUS + RANK_CPU * HOST_CPUS_MAX)
#define RANK_BEHIND 1000u

static unsigned int
rank_of(const struct host_transition *t)
{
	bool is_held = run.held >> t->cpu & 1;
	unsigned int distance = t->cpu - run.turn + (t->cpu < run.turn ? run.cpus : 0);
	unsigned int first = RANK_CPUS + RANK_CPU * distance;

	switch (t->actor) {
	case HOST_NMI:
		return first;
	case HOST_STEP:
		return first + HOST_ACTOR_COUNT;
	case HOST_DRAIN:
		if (!is_held) {
			return RANK_DRAIN;
		}
		return needs_buffer(host_cpu(t->cpu)) ? first + HOST_ACTOR_COUNT + 1
		                                      : RANK_HELD + first;
	case HOST_CLOCK:
		return RANK_BEHIND;
	default:
		return (is_held ? RANK_HELD : 0) + first + t->actor;
	}
}

static unsigned int
plainest(const struct host_transition *transitions, unsigned int count)
{
	unsigned int best = 0;
	unsigned int lowest = rank_of(&transitions[0]);

	for (unsigned int n = 1; n < count; n++) {
		unsigned int rank = rank_of(&transitions[n]);

		if (rank < lowest) {
			best = n;
			lowest = rank;
		}
	}
	return best;
}

/* This cpu moves: a point of the run. */
static void
note_mover(unsigned int cpu)
{
	if (cpu != host_this->id) {
		note_feature(FEATURE_SWITCH, cpu);
		run.turns++;
	}
	if (cpu != run.turn) {
		run.turn = cpu;
		run.moved = 0;
	}
	run.moved++;
	run.points++;
}

static uint32_t
lower(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Until something is due, the mover goes on as it is. */
static void
grant(void)
{
	uint32_t count = SCHEDULE_POINTS_MAX - run.points;

	if (run.has_next) {
		count = lower(count, run.due - run.points);
	}
	if (orders_have_later()) {
		count = lower(count, orders_point() - run.points);
	}
	if (run.slice != 0) {
		count = lower(count, run.slice - run.moved);
	}
	for (unsigned int cpu = 0; run.held >> cpu != 0; cpu++) {
		if (run.held >> cpu & 1) {
			count = lower(count, run.held_until[cpu] - run.points);
		}
	}
	if (schedule_slow || run.by_priorities || orders_have_words() ||
	    host_transition_seen != NULL || race_run) {
		count = 0;
	}
	run.granted = count;
	host_plain = count;
}

/* Counts what was passed since. */
static void
take_back(void)
{
	uint32_t passed = run.granted - host_plain;

	run.points += passed;
	run.moved += passed;
	run.granted = 0;
	host_plain = 0;
}

/* The next record is due when it was. */
void
schedule_act(enum fuzz_action action, unsigned int cpu)
{
	unsigned int next_action = run.action;
	unsigned int next_cpu = run.cpu;

	take_back();
	run.action = action;
	run.cpu = cpu % run.cpus;
	act();
	run.action = next_action;
	run.cpu = next_cpu;
}

void
schedule_act_later(uint32_t points, enum fuzz_action action, unsigned int cpu)
{
	take_back();
	orders_add_later(run.points + points, (struct order){ action, cpu });
	set_stepping();
}

/* Does what was ordered for this point. Was anything? */
static bool
act_as_ordered(void)
{
	struct order order;

	if (!orders_take_due(run.points, &order)) {
		return false;
	}
	set_stepping();
	schedule_act(order.action, order.cpu);
	return true;
}

void
schedule_act_at(const void *word, unsigned int nth, enum fuzz_action action, unsigned int cpu)
{
	take_back();
	orders_add_at(host_this->id, word, nth, (struct order){ action, cpu });
}

/* Does what was to happen before this step, or before the stores that it must wait for. */
static bool
act_at_word(const struct host_transition *t)
{
	const struct host_cpu *cpu = host_cpu(t->cpu);
	bool is_step = t->actor == HOST_STEP;
	struct order order;

	if ((!is_step && (t->actor != HOST_DRAIN || !needs_buffer(cpu))) ||
	    !orders_take_at(t->cpu, cpu->op.addr, is_step, &order)) {
		return false;
	}
	schedule_act(order.action, order.cpu);
	return true;
}

static void
watch_all(void)
{
	for (unsigned int cpu = 0; cpu < run.cpus; cpu++) {
		host_cpu(cpu)->watched = schedule_watch != NULL;
	}
}

static unsigned int
pick(const struct host_transition *transitions, unsigned int count)
{
	unsigned int choice;

	take_back();
	if (run.asked++ == 0) {
		watch_all();
	}
	if (run.points == SCHEDULE_POINTS_MAX) {
		host_fail("the run does not come to an end");
	}
	if (act_if_due() || act_as_ordered()) {
		return HOST_AGAIN;
	}
	if (run.held != 0) {
		end_holds();
	}
	if (run.slice != 0 && run.moved >= run.slice) {
		run.turn = (run.turn + 1) % run.cpus;
		run.moved = 0;
	}
	choice = (run.by_priorities ? priorities_pick : plainest)(transitions, count);
	if (orders_have_words() && act_at_word(&transitions[choice])) {
		return HOST_AGAIN;
	}
	if (transitions[choice].actor != HOST_DRAIN && transitions[choice].actor != HOST_CLOCK) {
		note_mover(transitions[choice].cpu);
		grant();
	}
	if (schedule_watch != NULL) {
		schedule_watch(&transitions[choice]);
	}
	return choice;
}

void
schedule_press(uint32_t held, unsigned int slice)
{
	take_back();
	orders_forget_words();
	for (unsigned int cpu = 0; cpu < run.cpus; cpu++) {
		hold(cpu, held >> cpu & 1);
		run.held_until[cpu] = run.points + SCHEDULE_HOLD_MAX;
	}
	run.slice = slice != 0 ? slice : run.input->header.slice;
	run.moved = 0;
}

uint32_t
schedule_turns(void)
{
	return run.turns;
}

bool
schedule_reply(struct fuzz_item *item)
{
	return fuzz_next(&run.replies, item);
}

static unsigned int
pick_value(unsigned int n)
{
	struct fuzz_item item;
	unsigned int value = schedule_reply(&item) ? fuzz_arg(&item, 0, n) : 0;

	if (schedule_ear != NULL) {
		schedule_ear->value(value, n);
	}
	return value;
}

/* ---- runs ---- */

void
schedule_boot(unsigned int cpus_max, void (*boot)(void), void (*idle)(void))
{
	for (unsigned int cpus = 1; cpus <= cpus_max; cpus++) {
		host_boot(cpus, boot, idle != NULL ? idle : sched_idle_loop);
		host_keep_image(cpus - 1);
	}
}

void
schedule_run(const struct fuzz_input *input, void (*prepare)(void), struct host_result *result)
{
	memset(&run, 0, sizeof(run));
	orders_forget();
	run.input = input;
	run.cpus = input->header.cpus + 1u;
	run.slice = input->header.slice;
	run.replies = fuzz_cursor(input, FUZZ_REPLIES);
	run.schedule = fuzz_cursor(input, FUZZ_SCHEDULE);
	run.by_priorities = priorities_read(input);
	read_next(0);
	host_pick = pick;
	host_pass_seen = schedule_watch;
	host_pick_alone = true;
	host_pick_value = pick_value;
	host_fine = false;
	host_stepping = false;
	host_prepare = prepare;
	host_use_image(input->header.cpus);
	host_run(result);
	take_back();
	host_stepping = false;
}

uint64_t
schedule_points(void)
{
	return run.points + (run.granted - host_plain);
}

uint32_t
schedule_asked(void)
{
	return run.asked;
}
