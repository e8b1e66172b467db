// SPDX-License-Identifier: ISC
/*
 * Each task is followed through its records: what it has begun, and so what it may do there.
 */
#include "tests/fuzz/plan.h"

#include <stdio.h>
#include <string.h>

#define KIND(id, text, bounds, names)                         \
	{ .type = FUZZ_TYPE(FUZZ_OPERATIONS, FUZZ_TASK_##id), \
	  .arg_count = FUZZ_COUNT(names),                     \
	  .below = bounds,                                    \
	  .name = text,                                       \
	  .args = names },
const struct fuzz_kind plan_kinds[FUZZ_TASK_OPERATION_COUNT] = { FUZZ_TASK_OPERATIONS(KIND) };
#undef KIND

/* What forbids what, of one section. */
#define BARS_SLEEP 0x01u /* nothing below may sleep */
#define BARS_BH    0x02u /* interrupts are off: bottom halves can not be switched */
#define BARS_WAIT  0x04u /* somebody may wait for its end */
#define BARS_SRCU  0x08u

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

/* ---- sections ---- */

/* The forms of spinning locks: plain, _irqsave, _irq, _bh. */
static unsigned int
bars_of_form(unsigned int form)
{
	return BARS_SLEEP | BARS_WAIT | (form == 1 || form == 2 ? BARS_BH : 0);
}

static bool
form_fits(struct plan_op *op, unsigned int *form, unsigned int bars)
{
	(void)op;
	if (!(bars & BARS_BH)) {
		return true;
	}
	if (*form == 2) {
		*form = 1; /* _irq would switch them on at its end */
	}
	return *form != 3;
}

/* The section that op begins; false: it begins none. */
static bool
section_of(const struct plan_op *op, struct section *s)
{
	unsigned int a = op->args[0];

	*s = (struct section){ .kind = op->kind, .guard = GUARD_COUNT };
	switch (op->kind) {
	case FUZZ_TASK_PREEMPT_OFF:
		s->bars = BARS_SLEEP | BARS_WAIT;
		s->guard = GUARD_PREEMPT;
		return true;
	case FUZZ_TASK_IRQS_OFF:
		s->bars = BARS_SLEEP | BARS_WAIT | BARS_BH;
		s->guard = GUARD_IRQS;
		return true;
	case FUZZ_TASK_BH_OFF:
		s->bars = BARS_SLEEP | BARS_WAIT;
		s->guard = GUARD_BH;
		return true;
	case FUZZ_TASK_RAW_LOCK:
		*s = (struct section){ op->kind, (uint8_t)(RANK_RAW + a),
			               (uint8_t)bars_of_form(op->args[1]),
			               (uint8_t)(GUARD_RAW + a) };
		return true;
	case FUZZ_TASK_SPIN_LOCK:
		*s = (struct section){ op->kind, (uint8_t)(RANK_SPIN + a),
			               (uint8_t)bars_of_form(op->args[1]),
			               (uint8_t)(GUARD_SPIN + a) };
		return true;
	case FUZZ_TASK_READ_LOCK:
		s->rank = RANK_RWLOCK;
		s->bars = (uint8_t)bars_of_form(a);
		return true;
	case FUZZ_TASK_WRITE_LOCK:
		*s = (struct section){ op->kind, RANK_RWLOCK, (uint8_t)bars_of_form(a),
			               GUARD_RWLOCK };
		return true;
	case FUZZ_TASK_SEQ_WRITE:
		*s = (struct section){ op->kind, RANK_SEQ, (uint8_t)bars_of_form(a), GUARD_SEQ };
		return true;
	case FUZZ_TASK_LOCAL_LOCK:
		*s = (struct section){ op->kind, RANK_LOCAL, (uint8_t)bars_of_form(a),
			               GUARD_LOCAL };
		return true;
	case FUZZ_TASK_MUTEX:
		*s = (struct section){ op->kind, (uint8_t)(RANK_MUTEX + a), BARS_WAIT,
			               (uint8_t)(GUARD_MUTEX + a) };
		return true;
	case FUZZ_TASK_RWSEM_READ:
		*s = (struct section){ op->kind, RANK_RWSEM, BARS_WAIT, GUARD_COUNT };
		return true;
	case FUZZ_TASK_RWSEM_WRITE:
		*s = (struct section){ op->kind, RANK_RWSEM, BARS_WAIT, GUARD_RWSEM };
		return true;
	case FUZZ_TASK_SEMAPHORE:
		*s = (struct section){ op->kind, RANK_SEMAPHORE, BARS_WAIT, GUARD_SEMAPHORE };
		return true;
	case FUZZ_TASK_RCU_READ:
		s->bars = BARS_SLEEP | BARS_WAIT;
		return true;
	case FUZZ_TASK_SRCU_READ:
		s->bars = BARS_WAIT;
		return true;
	default:
		return false;
	}
}

static bool
sleeps(unsigned int kind)
{
	switch (kind) {
	case FUZZ_TASK_YIELD:
	case FUZZ_TASK_MIGHT_SLEEP:
	case FUZZ_TASK_MUTEX:
	case FUZZ_TASK_RWSEM_READ:
	case FUZZ_TASK_RWSEM_WRITE:
	case FUZZ_TASK_SEMAPHORE:
	case FUZZ_TASK_RCU_UPDATE:
	case FUZZ_TASK_SRCU_UPDATE:
	case FUZZ_TASK_WAIT:
	case FUZZ_TASK_SLEEP:
	case FUZZ_TASK_NAP:
	case FUZZ_TASK_SPAWN:
	case FUZZ_TASK_AFFINITY:
		return true;
	default:
		return false;
	}
}

/* The argument that is a form of a spinning lock, or NULL. */
static uint8_t *
form_of(struct plan_op *op)
{
	switch (op->kind) {
	case FUZZ_TASK_RAW_LOCK:
	case FUZZ_TASK_SPIN_LOCK:
		return &op->args[1];
	case FUZZ_TASK_READ_LOCK:
	case FUZZ_TASK_WRITE_LOCK:
	case FUZZ_TASK_SEQ_WRITE:
	case FUZZ_TASK_LOCAL_LOCK:
		return &op->args[0];
	default:
		return NULL;
	}
}

static bool
begins(struct planner *planner, struct plan_op *op, struct follower *task, unsigned int bars)
{
	uint8_t *form = form_of(op);
	struct section section;

	if (form != NULL) {
		unsigned int fit = *form;

		if (!form_fits(op, &fit, bars)) {
			return false;
		}
		*form = (uint8_t)fit;
	}
	if (op->kind == FUZZ_TASK_BH_OFF && (bars & BARS_BH)) {
		return false;
	}
	if (op->kind == FUZZ_TASK_RCU_READ && op->args[0] == 2 && (bars & BARS_BH)) {
		op->args[0] = 0;
	}
	section_of(op, &section);
	if (task->depth == PLAN_DEPTH_MAX ||
	    (section.rank != RANK_NONE && section.rank <= rank_of(task))) {
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
	struct section *last = &task->sections[task->depth - 1];

	if (task->depth == 0 || last->kind != FUZZ_TASK_RWSEM_WRITE) {
		return false;
	}
	last->kind = FUZZ_TASK_RWSEM_READ;
	last->guard = GUARD_COUNT;
	return true;
}

static void
waits(struct planner *planner, struct plan_op *op, unsigned int token, unsigned int bars)
{
	op->surely = bars == 0 && planner->tokens[token] != 0;
	planner->tokens[token] -= op->surely;
}

static void
posts(struct planner *planner, unsigned int token)
{
	planner->tokens[token]++;
	planner->plan->message_count++;
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
	struct section unused;

	op->irqs_off = bars & BARS_BH;
	op->sleepable = !(bars & BARS_SLEEP);
	if (sleeps(op->kind) && !op->sleepable) {
		return false;
	}
	if (section_of(op, &unused)) {
		return begins(planner, op, task, bars);
	}
	switch (op->kind) {
	case FUZZ_TASK_END:
		return ends(task);
	case FUZZ_TASK_RWSEM_DOWNGRADE:
		return downgrades(task);
	case FUZZ_TASK_SEQ_READ:
		return rank_of(task) < RANK_SEQ;
	case FUZZ_TASK_SRCU_UPDATE:
		return bars == 0;
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
	case FUZZ_TASK_CLASS: {
		const struct plan_task *own = &planner->plan->tasks[op->task];

		return !own->spawned && &planner->plan->ops[own->first] == op;
	}
	default:
		return true;
	}
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
}

void
plan_make(struct plan *plan, const struct fuzz_input *input, unsigned int cpus)
{
	struct planner planner = { .plan = plan, .cpus = cpus };
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	plan->op_count = 0;
	plan->message_count = 0;
	memset(plan->guarded, 0, sizeof(plan->guarded));
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
