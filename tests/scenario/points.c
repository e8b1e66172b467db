// SPDX-License-Identifier: ISC
/*
 * The table of points.h inside the machine: a more important task becomes runnable on the last cpu,
 * with a request, with a lazy one or with none, and a point is passed under each model. An attempt
 * in which an interrupt came in between proves nothing, and is made again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/bottom_half.h"
#include "guest/completion.h"
#include "guest/entry_virt.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/task.h"
#include "guest/trace.h"
#include "shared/scenario_abi.h"
#include "tests/point_bodies.h"
#include "tests/points.h"

#define CONTROL_PRIORITY 10
#define HIGH_PRIORITY    30
#define DISTURBED        1000u
#define PASSES           2    /* undisturbed ones of each cell */
#define ATTEMPTS         1000 /* at most */

struct raw_spinlock point_lock = RAW_SPINLOCK_INIT;
static struct task *control;
static struct task *high;
static struct atomic high_runs;
static uint32_t runs_before; /* an attempt */
static struct atomic is_over;
static unsigned int failures;
static unsigned int cells;

static void
run_high(void *unused)
{
	(void)unused;
	for (;;) { /* bounded: once for each wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&is_over)) {
			break;
		}
		schedule();
		atomic_fetch_add(&high_runs, 1);
		wake_up_process(control); /* that may have blocked */
	}
	__set_current_state(TASK_RUNNING);
}

/* ---- the points ---- */

/* An interrupt that has nothing to do but to return. */
static void
point_irq_return(void)
{
	unsigned int cpu = raw_smp_processor_id();
	uint64_t head = trace_head(cpu);

	arch_irq_disable();
	arch_ipi_send(cpu, IRQ_RESCHEDULE);
	arch_irq_enable();
	while (trace_head(cpu) == head) { /* bounded: it arrives */
		arch_irq_settle();
	}
}

static void
point_cond_resched(void)
{
	cond_resched();
}

/* Until the other has run; a tick may have let it run already. */
static void
point_block(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	if (atomic_load(&high_runs) == runs_before) {
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* The top of a vcpu's run loop. */
static void
point_guest_entry(void)
{
	xfer_to_guest_mode_handle_work();
}

/* How each is passed, and by how many interrupts; or why it cannot be yet. */
static const struct {
	const char *name;
	const char *switches;
	void (*pass)(void);
	unsigned int interrupts;
	const char *missing;
} points[POINT_COUNT] = {
#define POINT_ROW(id, name, switches) [POINT_##id] = { name, switches, WAY_##id },
#define WAY(fn)                       fn, 0, NULL
#define MISSING(why)                  NULL, 0, why
#define WAY_SYSCALL_RETURN            MISSING("passed in the scenario user")
#define WAY_IRQ_RETURN_USER           MISSING("passed in the scenario user")
#define WAY_EXCEPTION_RETURN_USER     MISSING("passed in the scenario user")
#define WAY_GUEST_ENTRY               WAY(point_guest_entry)
#define WAY_IRQ_RETURN                point_irq_return, 1, NULL
#define WAY_EXCEPTION_RETURN          WAY(arch_trap)
#define WAY_PREEMPT_ENABLE            WAY(point_preempt_enable)
#define WAY_PREEMPT_ENABLE_NOTRACE    WAY(point_preempt_enable_notrace)
#define WAY_SPIN_UNLOCK               WAY(point_spin_unlock)
#define WAY_SPIN_UNLOCK_IRQRESTORE    WAY(point_spin_unlock_irqrestore)
#define WAY_LOCAL_BH_ENABLE           WAY(point_local_bh_enable)
#define WAY_COND_RESCHED              WAY(point_cond_resched)
#define WAY_MIGHT_SLEEP               WAY(might_sleep)
#define WAY_COND_RESCHED_LOCK         WAY(point_cond_resched_lock)
#define WAY_SCHEDULE                  WAY(schedule)
#define WAY_SCHEDULE_PREEMPT_DISABLED WAY(point_schedule_preempt_disabled)
#define WAY_YIELD                     WAY(yield)
#define WAY_BLOCK                     WAY(point_block)
#define WAY_IDLE_LOOP                 MISSING("no task passes it: host architecture")
#define WAY_SLEEPING_LOCK             MISSING("there is no model rt")
	POINTS(POINT_ROW)
};

/* ---- a cell ---- */

/* It is runnable, and the request is as the column says. irqs off. */
static void
make_ready(enum point_request request)
{
	preempt_disable();
	wake_up_process(high);
	if (request != REQUEST_FULL) {
		clear_tsk_need_resched(current);
		clear_preempt_need_resched();
	}
	if (request == REQUEST_LAZY) {
		atomic_fetch_or(&current->flags, TIF_NEED_RESCHED_LAZY);
	}
	preempt_enable_no_resched();
}

/*
 * Of record n on, until this cpu is left for another task: the interrupts that a point sends, or
 * DISTURBED if there was another one, which may be the one that switched.
 */
static unsigned int
count_interrupts(uint64_t n, uint64_t end)
{
	unsigned int cpu = raw_smp_processor_id();
	struct trace_record record;
	unsigned int count = 0;

	for (; n < end && trace_read(cpu, n, &record); n++) {
		if (record.event == TRACE_sched_switch && record.pid == control->pid) {
			break;
		}
		if (record.event == TRACE_irq_entry) {
			count += record.a == IRQ_RESCHEDULE ? 1 : DISTURBED;
		}
	}
	return count;
}

/* Returns whether it was undisturbed, and *switched. */
static bool
attempt(enum point_id id, enum point_request request, bool *switched)
{
	unsigned int cpu = raw_smp_processor_id();
	unsigned int interrupts;
	uint64_t first;

	runs_before = atomic_load(&high_runs);
	arch_irq_disable();
	make_ready(request);
	first = trace_head(cpu);
	arch_irq_enable();
	points[id].pass();
	*switched = atomic_load(&high_runs) != runs_before;
	interrupts = count_interrupts(first, trace_head(cpu));
	schedule(); /* it sleeps again, if it had not come to it */
	return interrupts == points[id].interrupts;
}

/* Returns how often the cell was tried, 0: in vain, or not as the table says. */
static unsigned int
try_cell(enum point_id id, enum preempt_model model, enum point_request request)
{
	bool must = point_switches(points[id].switches, model, request);
	unsigned int passes = 0;
	bool switched;

	for (unsigned int n = 0; n < ATTEMPTS && passes < PASSES; n++) {
		if (!attempt(id, request, &switched)) {
			continue;
		}
		passes++;
		if (switched != must) {
			printk("\nFAIL %s, %s, %s: %s switch at this point\n", points[id].name,
			       preempt_model_names[model], point_request_names[request],
			       must ? "no" : "a");
			return 0;
		}
	}
	return passes;
}

static void
try_row(enum point_id id)
{
	printk("%-34s", points[id].name);
	for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
		enum preempt_model model = (enum preempt_model)m;

		preempt_model_set(model);
		for (unsigned int r = 0; r < REQUEST_COUNT; r++) {
			enum point_request request = (enum point_request)r;
			unsigned int passes = try_cell(id, model, request);
			bool switches = point_switches(points[id].switches, model, request);

			printk("%s%c%-3u", r == 0 ? "  " : "", switches ? 'Y' : '-', passes);
			cells++;
			failures += passes == 0;
		}
	}
	printk("\n");
}

static void
print_head(void)
{
	printk("%-34s", "point");
	for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
		printk("  %-12s", preempt_model_names[m]);
	}
	printk("\n%-34s", "(Y: switches, and how often tried)");
	for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
		printk("  no  lazy full");
	}
	printk("\n");
}

static void
try_all(void *unused)
{
	(void)unused;
	control = current;
	schedule(); /* until it sleeps */
	print_head();
	for (unsigned int id = 0; id < POINT_COUNT; id++) {
		if (points[id].missing == NULL) {
			try_row((enum point_id)id);
		}
	}
	for (unsigned int id = 0; id < POINT_COUNT; id++) {
		if (points[id].missing != NULL) {
			printk("XFAIL %-28s  %s: %s\n", points[id].name, points[id].switches,
			       points[id].missing);
		}
	}
	atomic_store(&is_over, 1);
	wake_up_process(high);
	printk("%s %u cells of the table of points\n%u failures\n", failures == 0 ? "PASS" : "FAIL",
	       cells, failures);
}

static struct task *
start(const char *comm, void (*fn)(void *), uint8_t priority)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.policy = SCHED_FIFO,
		.rt_priority = priority,
		.cpus_allowed = 1ull << (cpu_count - 1),
	});
}

int
main(void)
{
	struct task *controls;

	if (!trace_on) {
		printk("trace=off: without records no attempt can be trusted\n");
		return EXIT_STATUS_USAGE;
	}
	control = current; /* until there is another one to wake */
	high = start("high", run_high, HIGH_PRIORITY);
	controls = start("control", try_all, CONTROL_PRIORITY);
	task_join(controls);
	task_join(high);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
