// SPDX-License-Identifier: ISC
/*
 * guest/trace.h without rings: the machine keeps the records. Writing one is no point and changes
 * nothing that the kernel can see, so a run is the same whether it is recorded or not. What the
 * rings do under interrupts is explored with guest/trace.c itself, in a suite of its own.
 */
#include "guest/trace.h"

#include "guest/boot_info.h"
#include "guest/percpu.h"
#include "guest/task.h"
#include "tests/host/counter.h"
#include "tests/host/record.h"
#include "tests/host/run.h"

void
trace_init(const struct boot_info *info)
{
	(void)info;
}

/* Flags are only ever changed by locked operations: no store buffer holds a newer value. */
static uint8_t
flags_of(const struct task *task)
{
	uint32_t flags = task->flags.value;

	return (host_this->irqs_on ? 0 : TRACE_FLAG_IRQS_OFF) |
	       (flags & TIF_NEED_RESCHED ? TRACE_FLAG_NR : 0) |
	       (flags & TIF_NEED_RESCHED_LAZY ? TRACE_FLAG_LAZY : 0);
}

bool trace_on = true; /* of a run that is not recorded nobody asks */

void
trace_write(enum trace_event event, uint32_t a, uint64_t b)
{
	const struct task *task;

	if (host_trace_seen != NULL && !host_quiet && !machine.booting) {
		host_trace_seen(event, a, b);
	}
	if (!record_wanted()) {
		return;
	}
	task = HOST_PER_CPU(current_task);
	record_add((struct trace_record){
		.preempt_count = counter_peek(),
		.event = (uint16_t)event,
		.flags = flags_of(task),
		.cpu = host_this->id,
		.pid = task->pid,
		.a = a,
		.b = b,
	});
}

uint64_t
trace_head(unsigned int cpu)
{
	size_t count;
	const struct trace_record *list = record_list(&count, NULL);
	uint64_t head = 0;

	for (size_t i = 0; i < count; i++) {
		head += list[i].cpu == cpu;
	}
	return head;
}

bool
trace_read(unsigned int cpu, uint64_t n, struct trace_record *record)
{
	size_t count;
	const struct trace_record *list = record_list(&count, NULL);

	for (size_t i = 0; i < count; i++) {
		if (list[i].cpu == cpu && n-- == 0) {
			*record = list[i];
			return true;
		}
	}
	return false;
}
