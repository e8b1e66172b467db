// SPDX-License-Identifier: ISC
/*
 * Each task is followed through its records: what it has begun, and so what it may do there.
 */
#include "tests/fuzz/sched/plan.h"

#include <stdio.h>
#include <string.h>

#include "guest/preempt_model.h"

#define KIND(id, text, bounds, names)                         \
	{ .type = FUZZ_TYPE(FUZZ_OPERATIONS, FUZZ_TASK_##id), \
	  .arg_count = FUZZ_COUNT(names),                     \
	  .below = bounds,                                    \
	  .name = text,                                       \
	  .args = names },
const struct fuzz_kind plan_kinds[PLAN_KINDS] = {
	FUZZ_TASK_OPERATIONS(KIND){
		.type = FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT),
		.arg_count = FUZZ_AT_LENGTH,
		.below = { 256, 8, FUZZ_ACTION_COUNT, PLAN_CPUS, FUZZ_EXTRA_MAX + 1 },
		.name = "AT",
		.args = { "delta", "delta*256", "action", "cpu", "extra" },
	},
};
#undef KIND

/* What forbids what, of one section. */
#define BARS_SLEEP 0x01u /* nothing below may sleep */
#define BARS_BH    0x02u /* interrupts are off: bottom halves can not be switched */
#define BARS_WAIT  0x04u /* somebody may wait for its end */

/* The order of locks: who holds one takes only what has a higher rank. 0: is no lock. */
enum rank {
	RANK_NONE,
	RANK_MUTEX,
	RANK_RWSEM = RANK_MUTEX + 2,
	RANK_SEMAPHORE,
	RANK_LOCAL,
	RANK_SPIN,
	RANK_RWLOCK = RANK_SPIN + 2,
	RANK_SEQ,
	RANK_RAW,
};

struct section {
	uint8_t kind;
	uint8_t rank;
	uint8_t bars;
	uint8_t guard; /* GUARD_COUNT: none */
	uint8_t form;  /* the first argument of a kthread */
};

struct follower {
	unsigned int depth;
	struct section sections[PLAN_DEPTH_MAX];
	uint16_t last; /* op */
	bool seen;
};

struct planner {
	struct plan *plan;
	struct follower tasks[FUZZ_TASKS_MAX];
	unsigned int tokens[PLAN_OBJECT_COUNT + FUZZ_TASKS_MAX];
	bool is_waited_for[PLAN_OBJECT_COUNT + FUZZ_TASKS_MAX];
	unsigned int scenes;
	unsigned int cpus;
};

static unsigned int
bars_of(const struct follower *task)
{
	unsigned int bars = 0;

	for (unsigned int n = 0; n < task->depth; n++) {
		bars |= task->sections[n].bars;
	}
	return bars;
}

static unsigned int
rank_of(const struct follower *task)
{
	unsigned int rank = RANK_NONE;

	for (unsigned int n = 0; n < task->depth; n++) {
		rank = task->sections[n].rank > rank ? task->sections[n].rank : rank;
	}
	return rank;
}

/* What has begun last; END, which begins nothing, if nothing has. */
static struct section *
last_of(struct follower *task)
{
	static struct section none = { .kind = FUZZ_TASK_END };

	return task->depth != 0 ? &task->sections[task->depth - 1] : &none;
}

static bool
is_in(const struct follower *task, unsigned int guard)
{
	for (unsigned int n = 0; n < task->depth; n++) {
		if (task->sections[n].guard == guard) {
			return true;
		}
	}
	return false;
}

/* ---- what the kinds are ---- */

/* The forms of spinning locks: plain, _irqsave, _irq, _bh. */
#define FORM_AT(n) ((n) + 1)

static const struct rule {
	bool is_section;
	bool sleeps;
	bool has_number; /* the first argument is a lock's, which ranks and counts for itself */
	uint8_t form_at; /* FORM_AT(argument) of a spinning lock */
	uint8_t rank;
	uint8_t bars;
	uint8_t guard; /* + 1; 0: none */
} rules[FUZZ_TASK_OPERATION_COUNT] = {
#define SPINS BARS_SLEEP | BARS_WAIT
	[FUZZ_TASK_PREEMPT_OFF] = { true, .bars = SPINS, .guard = GUARD_PREEMPT + 1 },
	[FUZZ_TASK_IRQS_OFF] = { true, .bars = SPINS | BARS_BH, .guard = GUARD_IRQS + 1 },
	[FUZZ_TASK_BH_OFF] = { true, .bars = SPINS, .guard = GUARD_BH + 1 },
	[FUZZ_TASK_RAW_LOCK] = { true, false, true, FORM_AT(1), RANK_RAW, SPINS, GUARD_RAW + 1 },
	[FUZZ_TASK_SPIN_LOCK] = { true, false, true, FORM_AT(1), RANK_SPIN, SPINS, GUARD_SPIN + 1 },
	[FUZZ_TASK_READ_LOCK] = { true, false, false, FORM_AT(0), RANK_RWLOCK, SPINS, 0 },
	[FUZZ_TASK_WRITE_LOCK] = { true, false, false, FORM_AT(0), RANK_RWLOCK, SPINS,
	                           GUARD_RWLOCK + 1 },
	[FUZZ_TASK_SEQ_WRITE] = { true, false, false, FORM_AT(0), RANK_SEQ, SPINS, GUARD_SEQ + 1 },
	[FUZZ_TASK_LOCAL_LOCK] = { true, false, false, FORM_AT(0), RANK_LOCAL, SPINS,
	                           GUARD_LOCAL + 1 },
	[FUZZ_TASK_MUTEX] = { true, true, true, 0, RANK_MUTEX, BARS_WAIT, GUARD_MUTEX + 1 },
	[FUZZ_TASK_RWSEM_READ] = { true, true, false, 0, RANK_RWSEM, BARS_WAIT, 0 },
	[FUZZ_TASK_RWSEM_WRITE] = { true, true, false, 0, RANK_RWSEM, BARS_WAIT, GUARD_RWSEM + 1 },
	[FUZZ_TASK_SEMAPHORE] = { true, true, false, 0, RANK_SEMAPHORE, BARS_WAIT,
	                          GUARD_SEMAPHORE + 1 },
	[FUZZ_TASK_RCU_READ] = { true, .bars = SPINS },
	[FUZZ_TASK_SRCU_READ] = { true, .bars = BARS_WAIT },
	[FUZZ_TASK_NOTIFIER] = { true, .sleeps = true },
	[FUZZ_TASK_KTHREAD] = { true, .sleeps = true },
	[FUZZ_TASK_PARK] = { true, .sleeps = true },
	[FUZZ_TASK_LINE_OFF] = { true, true, .bars = BARS_WAIT },
	[FUZZ_TASK_STOP] = { true, .bars = BARS_WAIT },
	[FUZZ_TASK_YIELD] = { .sleeps = true },
	[FUZZ_TASK_MIGHT_SLEEP] = { .sleeps = true },
	[FUZZ_TASK_SRCU_UPDATE] = { .sleeps = true },
	[FUZZ_TASK_WAIT] = { .sleeps = true },
	[FUZZ_TASK_SLEEP] = { .sleeps = true },
	[FUZZ_TASK_NAP] = { .sleeps = true },
	[FUZZ_TASK_SPAWN] = { .sleeps = true },
	[FUZZ_TASK_AFFINITY] = { .sleeps = true },
	[FUZZ_TASK_FLUSH] = { .sleeps = true },
	[FUZZ_TASK_OWN_WORK] = { .sleeps = true },
	[FUZZ_TASK_CANCEL_WORK] = { .sleeps = true },
	[FUZZ_TASK_TAKE_SIGNALS] = { .sleeps = true },
	[FUZZ_TASK_WORKQUEUE] = { .sleeps = true },
	[FUZZ_TASK_USER] = { .sleeps = true },
	[FUZZ_TASK_VETO] = { .sleeps = true },
	[FUZZ_TASK_YIELD_TO] = { .sleeps = true },
	[FUZZ_TASK_ASK] = { .sleeps = true },
	[FUZZ_TASK_WAIT_FOR_ALL] = { .sleeps = true },
	[FUZZ_TASK_SCENE] = { .sleeps = true },
	[FUZZ_TASK_INQUIRE] = { .sleeps = true },
#undef SPINS
};

/* ---- sections ---- */

static struct section
section_of(const struct plan_op *op)
{
	const struct rule *rule = &rules[op->kind];
	unsigned int n = rule->has_number ? op->args[0] : 0;
	unsigned int form = rule->form_at != 0 ? op->args[rule->form_at - 1] : 0;

	return (struct section){
		.kind = op->kind,
		.rank = (uint8_t)(rule->rank != RANK_NONE ? rule->rank + n : RANK_NONE),
		.bars = (uint8_t)(rule->bars | (form == 1 || form == 2 ? BARS_BH : 0)),
		.guard = (uint8_t)(rule->guard != 0 ? rule->guard - 1 + n : GUARD_COUNT),
		.form = (uint8_t)(rule->form_at != 0 ? form : op->args[0]),
	};
}

/* Where interrupts are off, the forms that would switch them on become others, or are none. */
static bool
form_fits(struct plan_op *op, unsigned int bars)
{
	unsigned int at = rules[op->kind].form_at;

	if (!(bars & BARS_BH)) {
		return true;
	}
	if (op->kind == FUZZ_TASK_RCU_READ && op->args[0] == 2) {
		op->args[0] = 0;
	}
	if (at != 0 && op->args[at - 1] == 2) {
		op->args[at - 1] = 1;
	}
	return op->kind != FUZZ_TASK_BH_OFF && (at == 0 || op->args[at - 1] != 3);
}

static bool
has_begun(const struct follower *task, unsigned int kind)
{
	for (unsigned int n = 0; n < task->depth; n++) {
		if (task->sections[n].kind == kind) {
			return true;
		}
	}
	return false;
}

/* Of what a task has one only; and parked is a thread that was woken once. */
static bool
fits_in(const struct plan_op *op, struct follower *task)
{
	const struct section *last = last_of(task);

	switch (op->kind) {
	case FUZZ_TASK_NOTIFIER:
	case FUZZ_TASK_KTHREAD:
		return !has_begun(task, op->kind);
	case FUZZ_TASK_PARK:
		return last->kind == FUZZ_TASK_KTHREAD && last->form != 3;
	case FUZZ_TASK_STOP:
		return op->args[0] != op->task;
	default:
		return true;
	}
}

static bool
begins(struct planner *planner, struct plan_op *op, struct follower *task, unsigned int bars)
{
	struct section section;

	if (task->depth == PLAN_DEPTH_MAX || !fits_in(op, task) || !form_fits(op, bars)) {
		return false;
	}
	section = section_of(op);
	if (section.rank != RANK_NONE && section.rank <= rank_of(task)) {
		return false;
	}
	op->counts = section.guard != GUARD_COUNT && !is_in(task, section.guard);
	if (op->counts) {
		planner->plan->guarded[section.guard]++;
	}
	task->sections[task->depth++] = section;
	return true;
}

/* ---- the rest ---- */

static bool
ends(struct follower *task)
{
	if (task->depth == 0) {
		return false;
	}
	task->depth--;
	return true;
}

/* A reader by now; the guard was counted at the begin of the writer's section. */
static bool
downgrades(struct follower *task)
{
	struct section *last = last_of(task);

	if (last->kind != FUZZ_TASK_RWSEM_WRITE) {
		return false;
	}
	last->kind = FUZZ_TASK_RWSEM_READ;
	last->guard = GUARD_COUNT;
	return true;
}

/* Inside a raw lock that was taken plainly, and counts alone. */
static bool
gives_way(struct planner *planner, struct plan_op *op, struct follower *task)
{
	const struct section *last = last_of(task);
	unsigned int bars = 0;

	if (last->kind != FUZZ_TASK_RAW_LOCK || last->form != 0) {
		return false;
	}
	for (unsigned int n = 0; n + 1 < task->depth; n++) {
		bars |= task->sections[n].bars;
	}
	if (bars & BARS_SLEEP) {
		return false;
	}
	planner->plan->guarded[last->guard]++;
	op->args[0] = last->guard;
	return true;
}

/*
 * Anybody may take the token that was posted for another, who then waits for the next one, and
 * posts what he is to post behind that. So all tokens that are waited for were posted before the
 * first wait in the order of the records: each wait then needs nothing that comes behind it.
 */
static void
waits(struct planner *planner, struct plan_op *op, unsigned int token, unsigned int bars)
{
	op->surely = bars == 0 && planner->tokens[token] != 0;
	planner->tokens[token] -= op->surely;
	planner->is_waited_for[token] |= op->surely;
}

/* Nobody but its worker takes what is posted to it. */
static void
posts(struct planner *planner, unsigned int token)
{
	if (token >= PLAN_OBJECT_COUNT || !planner->is_waited_for[token]) {
		planner->tokens[token]++;
	}
}

static bool
spawns(struct planner *planner, const struct plan_op *op)
{
	struct follower *whom = &planner->tasks[op->args[0]];

	if (whom->seen) {
		return false;
	}
	whom->seen = true;
	planner->plan->tasks[op->args[0]].spawned = true;
	return true;
}

static bool
does(struct planner *planner, struct plan_op *op, struct follower *task)
{
	unsigned int bars = bars_of(task);

	op->irqs_off = bars & BARS_BH;
	op->sleepable = !(bars & BARS_SLEEP);
	if (rules[op->kind].sleeps && !op->sleepable) {
		return false;
	}
	if (rules[op->kind].is_section) {
		return begins(planner, op, task, bars);
	}
	switch (op->kind) {
	case FUZZ_TASK_END:
		return ends(task);
	case FUZZ_TASK_RWSEM_DOWNGRADE:
		return downgrades(task);
	case FUZZ_TASK_SEQ_READ:
		return rank_of(task) < RANK_SEQ;
	case FUZZ_TASK_ASK:
	case FUZZ_TASK_INQUIRE:
		return bars == 0;
	case FUZZ_TASK_SCENE:
		return bars == 0 && planner->scenes++ < PLAN_SCENES_MAX;
	case FUZZ_TASK_WAIT_FOR_ALL:
		op->surely = bars == 0 && planner->plan->has[FUZZ_TASK_COMPLETE_ALL];
		return true;
	case FUZZ_TASK_SRCU_UPDATE:
	case FUZZ_TASK_FLUSH:
	case FUZZ_TASK_TAKE_SIGNALS:
		return bars == 0;
	case FUZZ_TASK_YIELD_TO:
		return op->args[0] != op->task;
	case FUZZ_TASK_COND_RESCHED_LOCK:
		return gives_way(planner, op, task);
	case FUZZ_TASK_POST:
		posts(planner, op->args[0]);
		return true;
	case FUZZ_TASK_WAKE:
		posts(planner, PLAN_OBJECT_COUNT + op->args[0]);
		return true;
	case FUZZ_TASK_WAIT:
		waits(planner, op, op->args[0], bars);
		return true;
	case FUZZ_TASK_SLEEP:
		waits(planner, op, PLAN_OBJECT_COUNT + op->task, bars);
		return true;
	case FUZZ_TASK_SPAWN:
		return spawns(planner, op);
	case FUZZ_TASK_NICE:
		return !op->irqs_off;
	case FUZZ_TASK_MODEL:
		planner->plan->stops_preempting |=
			!preempt_model_preempts((enum preempt_model)op->args[0]);
		return true;
	case FUZZ_TASK_CLASS: {
		const struct plan_task *own = &planner->plan->tasks[op->task];

		return !own->spawned && &planner->plan->ops[own->first] == op;
	}
	default:
		return true;
	}
}

/* Also what travels by a callback. */
static bool
updates_rcu(const struct plan_op *op)
{
	switch (op->kind) {
	case FUZZ_TASK_RCU_UPDATE:
		return true;
	case FUZZ_TASK_POST:
	case FUZZ_TASK_WAKE:
		return op->args[1] == PLAN_WAY_RCU;
	case FUZZ_TASK_ASK:
		return op->args[0] == PLAN_WAY_RCU;
	case FUZZ_TASK_INQUIRE:
		return op->args[1] == PLAN_WAY_RCU;
	default:
		return false;
	}
}

/* Scenes may, or update. */
static bool
reads_rcu(const struct plan_op *op)
{
	return op->kind == FUZZ_TASK_RCU_READ || op->kind == FUZZ_TASK_SCENE;
}

static void
add(struct planner *planner, const struct fuzz_item *item)
{
	struct plan *plan = planner->plan;
	const struct fuzz_kind *kind = &plan_kinds[item->kind];
	unsigned int number = plan->op_count++;
	struct plan_op *op = &plan->ops[number];
	struct follower *task;

	*op = (struct plan_op){
		.kind = item->kind,
		.task = (uint8_t)fuzz_arg(item, 0, FUZZ_TASKS_MAX),
		.next = PLAN_NONE,
		.offset = (uint16_t)item->offset,
	};
	for (unsigned int n = 1; n < kind->arg_count; n++) {
		op->args[n - 1] = (uint8_t)fuzz_arg(item, n, kind->below[n]);
	}
	task = &planner->tasks[op->task];
	if (plan->tasks[op->task].first == PLAN_NONE) {
		plan->tasks[op->task].first = (uint16_t)number;
	} else {
		plan->ops[task->last].next = (uint16_t)number;
	}
	task->last = (uint16_t)number;
	task->seen = true;
	op->skipped = !does(planner, op, task);
	plan->has[op->kind] |= !op->skipped;
	plan->updates_rcu |= !op->skipped && updates_rcu(op);
	plan->uses_rcu |= !op->skipped && (updates_rcu(op) || reads_rcu(op));
}

void
plan_make(struct plan *plan, const struct fuzz_input *input, unsigned int cpus)
{
	struct planner planner = { .plan = plan, .cpus = cpus };
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	plan->op_count = 0;
	plan->uses_rcu = false;
	plan->updates_rcu = false;
	plan->stops_preempting = false;
	memset(plan->guarded, 0, sizeof(plan->guarded));
	memset(plan->has, 0, sizeof(plan->has));
	for (unsigned int n = 0; n < FUZZ_TASKS_MAX; n++) {
		plan->tasks[n] = (struct plan_task){ .first = PLAN_NONE };
	}
	while (plan->op_count < PLAN_OPS_MAX && fuzz_next(&cursor, &item)) {
		if (item.kind < FUZZ_TASK_OPERATION_COUNT) {
			add(&planner, &item);
		}
	}
}

const char *
plan_op_words(const struct plan_op *op, char *buffer, size_t size)
{
	const struct fuzz_kind *kind = &plan_kinds[op->kind];
	size_t used = (size_t)snprintf(buffer, size, "task %u: %s", op->task, kind->name);

	for (unsigned int n = 1; n < kind->arg_count && used < size; n++) {
		used += (size_t)snprintf(buffer + used, size - used, ", %s %u", kind->args[n],
		                         op->args[n - 1]);
	}
	return buffer;
}
