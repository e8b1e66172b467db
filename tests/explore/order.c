// SPDX-License-Identifier: ISC
#include "tests/explore/order.h"

#include <string.h>

#include "guest/preempt_count.h"
#include "guest/task.h"
#include "tests/host/machine.h"
#include "tests/host/record.h"

enum place {
	UNKNOWN,
	QUEUED, /* runnable */
	RUNNING,
	ASLEEP,
	ENDED,
};

struct order {
	uint32_t running[HOST_CPUS_MAX];
	unsigned int irq_depth[HOST_CPUS_MAX];
	struct {
		enum place place;
		unsigned int wakings; /* without their wakeups yet */
	} tasks[ORDER_PIDS_MAX];
};

static bool
is_idle(uint32_t pid)
{
	return pid == 0;
}

/* ---- a switch ---- */

static const char *
check_context(const struct trace_record *record)
{
	if ((record->preempt_count & ~PREEMPT_NEED_RESCHED) != FORK_PREEMPT_COUNT) {
		return "a switch whose count is not 2";
	}
	if (!(record->flags & TRACE_FLAG_IRQS_OFF)) {
		return "a switch with interrupts on";
	}
	if ((record->flags & TRACE_FLAG_NR) || !(record->preempt_count & PREEMPT_NEED_RESCHED)) {
		return "a request survives the switch";
	}
	return NULL;
}

static const char *
check_reason(uint32_t prev, uint8_t state, enum sched_reason reason)
{
	if (is_idle(prev) != (reason == SCHED_REASON_IDLE)) {
		return "the idle task is left by its loop, and nothing else is";
	}
	switch (reason) {
	case SCHED_REASON_BLOCK:
		return state == TASK_RUNNING || state == TASK_DEAD ? "a task blocks that is running"
		                                                   : NULL;
	case SCHED_REASON_EXIT:
		return state != TASK_DEAD ? "a task exits that is not dead" : NULL;
	case SCHED_REASON_YIELD:
		return state != TASK_RUNNING ? "a task yields that would have blocked" : NULL;
	default:
		return state == TASK_DEAD ? "a dead task is preempted" : NULL;
	}
}

static const char *
switch_in(struct order *order, unsigned int cpu, uint32_t pid)
{
	enum place place = order->tasks[pid].place;

	order->running[cpu] = pid;
	if (is_idle(pid)) {
		return NULL;
	}
	order->tasks[pid].place = RUNNING;
	switch (place) {
	case QUEUED:
		return NULL;
	case RUNNING:
		return "a task is switched in that runs";
	case ASLEEP:
		return "a sleeper is switched in before its wakeup";
	case ENDED:
		return "a task is switched in after its end";
	default:
		return "a new task is switched in before its wakeup";
	}
}

static const char *
check_switch(struct order *order, const struct trace_record *record)
{
	enum sched_reason reason = trace_switch_reason(record->b);
	uint8_t state = trace_switch_prev_state(record->b);
	const char *broken = check_context(record);

	if (broken == NULL) {
		broken = check_reason(record->pid, state, reason);
	}
	if (broken != NULL) {
		return broken;
	}
	if (record->a == record->pid) {
		return "a task is switched in that runs";
	}
	order->tasks[record->pid].place = reason == SCHED_REASON_BLOCK  ? ASLEEP
	                                  : reason == SCHED_REASON_EXIT ? ENDED
	                                                                : QUEUED;
	return switch_in(order, record->cpu, record->a);
}

/* ---- the rest ---- */

static const char *
check_wakeup(struct order *order, uint16_t event, uint32_t pid)
{
	enum place place = order->tasks[pid].place;

	if (event == TRACE_sched_wakeup_new) {
		order->tasks[pid].place = QUEUED;
		return place != UNKNOWN ? "a task is new for the second time" : NULL;
	}
	if (place == UNKNOWN || place == ENDED || is_idle(pid)) {
		return "nobody is there to be woken";
	}
	if (event == TRACE_sched_waking) {
		order->tasks[pid].wakings++;
		return NULL;
	}
	if (order->tasks[pid].wakings == 0) {
		return "a wakeup without its waking";
	}
	order->tasks[pid].wakings--;
	order->tasks[pid].place = place == ASLEEP ? QUEUED : place;
	return NULL;
}

static const char *
check_interrupt(struct order *order, const struct trace_record *record)
{
	unsigned int *depth = &order->irq_depth[record->cpu];

	if (!(record->preempt_count & HARDIRQ_MASK) || !(record->flags & TRACE_FLAG_IRQS_OFF)) {
		return "an interrupt without its count or with interrupts on";
	}
	if (record->event == TRACE_irq_entry) {
		++*depth;
		return NULL;
	}
	if (*depth == 0) {
		return "an interrupt ends that has not begun";
	}
	--*depth;
	return NULL;
}

static const char *
check_record(struct order *order, const struct trace_record *record)
{
	if (record->cpu >= HOST_CPUS_MAX || record->pid >= ORDER_PIDS_MAX) {
		return "more cpus or tasks than are checked";
	}
	if (record->pid != order->running[record->cpu]) {
		return "a record of a task that does not run there";
	}
	switch (record->event) {
	case TRACE_sched_switch:
	case TRACE_sched_waking:
	case TRACE_sched_wakeup:
	case TRACE_sched_wakeup_new:
		if (record->a >= ORDER_PIDS_MAX) {
			return "more cpus or tasks than are checked";
		}
		return record->event == TRACE_sched_switch
		               ? check_switch(order, record)
		               : check_wakeup(order, record->event, record->a);
	case TRACE_irq_entry:
	case TRACE_irq_exit:
		return check_interrupt(order, record);
	default:
		return NULL;
	}
}

const char *
order_check(const struct trace_record *records, size_t count, size_t *at)
{
	struct order order;
	const char *broken = NULL;

	memset(&order, 0, sizeof(order));
	for (*at = 0; *at < count; ++*at) {
		broken = check_record(&order, &records[*at]);
		if (broken != NULL) {
			break;
		}
	}
	return broken;
}

void
order_expect(void)
{
	size_t count;
	size_t at;
	const struct trace_record *list = record_list(&count, NULL);
	const char *broken = order_check(list, count, &at);

	if (broken != NULL) {
		host_fail("%s: record %zu, of pid %u on cpu %u, at step %lu", broken, at,
		          list[at].pid, list[at].cpu, (unsigned long)list[at].tsc);
	}
}
