// SPDX-License-Identifier: ISC
/*
 * The checked counter of debug images. Follows DEBUG_PREEMPT of Linux 6.18 (kernel/sched/core.c,
 * lib/smp_processor_id.c), but where Linux warns and goes on, this kernel stops.
 *
 * A change is made in one step and looked at afterwards: what it found is what it changed.
 */
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/task.h"

/* Linux's margin: the checks and the report themselves need some of the field. */
#define PREEMPT_MARGIN 10u
#define PREEMPT_MAX    (PREEMPT_MASK - PREEMPT_MARGIN - 1)

static const struct field {
	const char *name;
	uint32_t mask;
	uint32_t max; /* in place */
} fields[] = {
	{ "preempt", PREEMPT_MASK, PREEMPT_MAX },
	{ "softirq", SOFTIRQ_MASK, SOFTIRQ_MASK },
	{ "hardirq", HARDIRQ_MASK, HARDIRQ_MASK },
	{ "nmi", NMI_MASK, NMI_MASK },
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* What an addition carries into the next field, or a subtraction borrows from it. */
#define BORDERS (SOFTIRQ_OFFSET | HARDIRQ_OFFSET | NMI_OFFSET | (NMI_MASK + NMI_OFFSET))

/* One look at all fields: sum is the two others', or one of them the difference. */
static inline bool
crosses_border(uint32_t a, uint32_t b, uint32_t sum)
{
	return (a ^ b ^ sum) & BORDERS;
}

/* Unsigned, and on the count without its folded bit: the sign of either word means nothing. */
static __attribute__((noinline)) const struct field *
overflown(uint32_t count, uint32_t value)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		if ((count & fields[i].mask) + (value & fields[i].mask) > fields[i].max) {
			return &fields[i];
		}
	}
	return NULL;
}

static __attribute__((noinline)) const struct field *
underflown(uint32_t count, uint32_t value)
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		if ((value & fields[i].mask) > (count & fields[i].mask)) {
			return &fields[i];
		}
	}
	return NULL;
}

static __attribute__((cold, noinline)) void
complain_of_overflow(uint32_t count, uint32_t value)
{
	const struct field *field = overflown(count, value);

	if (field != NULL && !bug(OVERFLOW_UNSEEN)) {
		__preempt_count_sub(value);
		panic("preempt_count %08x overflows: %s + %x", count, field->name, value);
	}
}

static __attribute__((cold, noinline)) void
complain_of_underflow(uint32_t count, uint32_t value)
{
	const struct field *field = underflown(count, value);

	if (field != NULL && !bug(UNDERFLOW_UNSEEN)) {
		__preempt_count_add(value);
		panic("preempt_count %08x underflows: %s - %x", count, field->name, value);
	}
}

/*
 * The outermost disable: who made it is who is asked when it is never undone. An interrupt's own
 * counts are none, so that a handler's disable is told too.
 */
void
preempt_count_add_checked(uint32_t value)
{
	uint32_t count = __preempt_count_add_return(value) & ~PREEMPT_NEED_RESCHED;
	struct task *task;

	if (__builtin_expect(crosses_border(count - value, value, count) ||
	                             (count & PREEMPT_MASK) > PREEMPT_MAX,
	                     0)) {
		complain_of_overflow(count - value, value);
	}
	if ((count & PREEMPT_DISABLES_MASK) == value) {
		task = current;
		if (task != NULL) {
			task->preempt_disable_ip = (uintptr_t)__builtin_return_address(0);
		}
	}
}

bool
preempt_count_sub_checked(uint32_t value)
{
	uint32_t word = __preempt_count_add_return(-value);
	uint32_t count = (word + value) & ~PREEMPT_NEED_RESCHED;

	if (__builtin_expect(crosses_border(count - value, value, count), 0)) {
		complain_of_underflow(count, value);
	}
	if (bug(LAZY_AT_ENABLE) && count == value) {
		return word == 0 || atomic_load(&current->flags) & TIF_NEED_RESCHED_LAZY;
	}
	return word == 0;
}

/* Early boot has no task, and one cpu. */
static bool
is_pinned(void)
{
	const struct task *task = current;

	return preempt_count() != 0 || arch_irqs_disabled() || task == NULL ||
	       (task->cpus_allowed & (task->cpus_allowed - 1)) == 0;
}

void
percpu_check_pinned(const char *what)
{
	if (CONFIG_PREEMPT_COUNT && !is_pinned()) {
		panic("using %s in preemptible code: task %s, pid %u", what, current->comm,
		      current->pid);
	}
}
