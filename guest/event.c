// SPDX-License-Identifier: ISC
/*
 * The interrupt only takes note: a switch of the model is a task's business. Several requests that
 * come before the interrupt are one; each interrupt that finds one makes a switch.
 */
#include "guest/event.h"

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/completion.h"
#include "guest/interrupt.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/preempt_names.h"
#include "guest/printk.h"
#include "guest/task.h"
#include "shared/doorbell_abi.h"

#define EVENT_PRIORITY 50

static struct completion model_asked; /* the interrupt -> the task */
static struct atomic input_ended;
static struct atomic lines;

static void
run_event(void *unused)
{
	char names[PREEMPT_NAMES_SIZE];

	(void)unused;
	for (;;) { /* forever: it lives as long as the kernel */
		wait_for_completion(&model_asked);
		preempt_names_format(names, sizeof(names), preempt_model_set_next());
		printk("preempt: %s\n", names);
		atomic_store(&lines, atomic_load(&lines) + 1);
	}
}

/* What the one before took has an interrupt of its own on the way: that is ours, too. */
static enum irqreturn
take_events(unsigned int irq, void *dev_id)
{
	uint32_t events = arch_event_take();

	(void)irq, (void)dev_id;
	if (events & DOORBELL_EVENT_MODEL) {
		complete(&model_asked);
	}
	if (events & DOORBELL_EVENT_INPUT_END) {
		atomic_store_release(&input_ended, 1);
	}
	return IRQ_HANDLED;
}

void
event_start(void)
{
	init_completion(&model_asked);
	task_put(task_run(&(struct task_params){
		.comm = "event",
		.fn = run_event,
		.policy = SCHED_FIFO,
		.rt_priority = EVENT_PRIORITY,
	}));
	if (request_irq(IRQ_EVENT, take_events, 0, "event", &model_asked) != 0) {
		panic("no memory for the handler of events");
	}
	preempt_disable();
	arch_event_subscribe();
	preempt_enable();
}

uint32_t
event_line_count(void)
{
	return atomic_load(&lines);
}

bool
event_input_ended(void)
{
	return atomic_load_acquire(&input_ended);
}
