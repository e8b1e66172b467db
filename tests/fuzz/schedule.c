// SPDX-License-Identifier: ISC
#include "tests/fuzz/schedule.h"

#include <stdio.h>
#include <string.h>

#include "guest/sched.h"
#include "guest/task.h"
#include "tests/explore/name.h"
#include "tests/explore/note.h"
#include "tests/explore/picture.h"
#include "tests/explore/tell.h"
#include "tests/fuzz/priorities.h"
#include "tests/fuzz/target.h"
#include "tests/host/counter.h"
#include "tests/host/guest.h"
#include "tests/host/race.h"
#include "tests/host/record.h"

#define LINE_SIZE 101

void (*schedule_watch)(const struct host_transition *t);

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
	/* What a run's tasks have ordered. */
	bool has_order;
	uint32_t order_due;
	enum fuzz_action order;
	unsigned int order_cpu;
	unsigned int snare_count; /* of cpus that have one */
	struct {
		const void *word; /* NULL: there is none */
		unsigned int left;
		enum fuzz_action action;
		unsigned int cpu;
	} snares[HOST_CPUS_MAX];
} run;

/* Of a run that is told. */
static void (*print_line)(const char *line); /* NULL: no steps */
static bool is_drawn;
static unsigned int moment;

static const char *const action_words[FUZZ_ACTION_COUNT] = {
#define WORDS(name, words) [FUZZ_ACTION_##name] = words,
	FUZZ_ACTIONS(WORDS)
#undef WORDS
};

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
tell_action(void)
{
	char words[LINE_SIZE];
	char line[LINE_SIZE];

	snprintf(words, sizeof(words), "schedule: %s", action_words[run.action]);
	if (is_drawn) {
		note_add(run.cpu, moment, "%s", words);
	}
	if (print_line != NULL) {
		tell_event(run.cpu, words, line, sizeof(line));
		print_line(line);
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
	if (is_drawn || print_line != NULL) {
		tell_action();
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

/* Does what is due at this point. Was anything? */
static bool
act_if_due(void)
{
	if (!run.has_next || run.points < run.due) {
		return false;
	}
	host_stepping = run.extra != 0;
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
	if (run.has_order) {
		count = lower(count, run.order_due - run.points);
	}
	if (run.slice != 0) {
		count = lower(count, run.slice - run.moved);
	}
	for (unsigned int cpu = 0; run.held >> cpu != 0; cpu++) {
		if (run.held >> cpu & 1) {
			count = lower(count, run.held_until[cpu] - run.points);
		}
	}
	if (schedule_slow || run.by_priorities || run.snare_count != 0 ||
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
	host_stepping = true;
	run.has_order = true;
	run.order_due = run.points + points;
	run.order = action;
	run.order_cpu = cpu;
}

/* Does what was ordered for this point. Was anything? */
static bool
act_as_ordered(void)
{
	if (!run.has_order || run.points < run.order_due) {
		return false;
	}
	host_stepping = false;
	run.has_order = false;
	schedule_act(run.order, run.order_cpu);
	return true;
}

void
schedule_act_at(const void *word, unsigned int nth, enum fuzz_action action, unsigned int cpu)
{
	unsigned int here = host_this->id;

	take_back();
	run.snare_count += run.snares[here].word == NULL;
	run.snares[here].word = word;
	run.snares[here].left = nth;
	run.snares[here].action = action;
	run.snares[here].cpu = cpu;
}

static void
forget_snares(void)
{
	memset(run.snares, 0, sizeof(run.snares));
	run.snare_count = 0;
}

/*
 * Its cpu is about to do this, or what must come before that: its own stores. Does what was to
 * happen before both. Was anything?
 */
static bool
act_at_word(const struct host_transition *t)
{
	unsigned int cpu = t->cpu;
	bool is_step = t->actor == HOST_STEP;

	if (run.snares[cpu].word == NULL || host_cpu(cpu)->op.addr != run.snares[cpu].word ||
	    (!is_step && (t->actor != HOST_DRAIN || !needs_buffer(host_cpu(cpu))))) {
		return false;
	}
	if (run.snares[cpu].left > 1) {
		run.snares[cpu].left -= is_step;
		return false;
	}
	run.snares[cpu].word = NULL;
	run.snare_count--;
	schedule_act(run.snares[cpu].action, run.snares[cpu].cpu);
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
	if (run.snare_count != 0 && act_at_word(&transitions[choice])) {
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
	forget_snares();
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
	char line[LINE_SIZE];

	if (is_drawn) {
		note_value(value, n);
	}
	if (print_line != NULL) {
		tell_choice(value, n, line, sizeof(line));
		print_line(line);
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

/* ---- telling ---- */

static void
see_step(const struct host_transition *t, unsigned int at)
{
	char line[LINE_SIZE];

	tell_transition(t, at, line, sizeof(line));
	print_line(line);
}

static void
see_note(const struct host_transition *t, unsigned int at)
{
	moment = at;
	note_see(t, at);
}

/* Booted anew, for the names and the records of just this image. */
static void
run_told(const struct fuzz_input *input, void (*prepare)(void),
         void (*seen)(const struct host_transition *t, unsigned int at), struct host_result *result)
{
	name_forget();
	host_boot_image(input->header.cpus);
	moment = 0;
	record_runs = true;
	host_transition_seen = seen;
	schedule_run(input, prepare, result);
	host_transition_seen = NULL;
	record_runs = false;
}

void
schedule_tell(const struct fuzz_input *input, void (*prepare)(void), const char *title,
              const char *finding, void (*print)(const char *line))
{
	struct host_result result = { .status = 0 };
	bool failed;

	picture_begin();
	is_drawn = true;
	run_told(input, prepare, see_note, &result);
	is_drawn = false;
	failed = result.end == HOST_END_FAILED;
	picture_end(&(struct picture){ .title = title,
	                               .outcome = finding != NULL ? finding
	                                          : failed        ? result.reason
	                                                          : "nothing is wrong",
	                               .cpus = input->header.cpus + 1u,
	                               .failed = failed,
	                               .cpu = failed ? result.cpu : -1 },
	            print);
}

void
schedule_tell_steps(const struct fuzz_input *input, void (*prepare)(void),
                    void (*print)(const char *line))
{
	struct host_result result = { .status = 0 };

	print_line = print;
	run_told(input, prepare, see_step, &result);
	print_line = NULL;
}
