// SPDX-License-Identifier: ISC
/*
 * The scenario `tour`: a task computes in the kernel, an interrupt wakes a more important one, and
 * the preemption model decides when that one runs. Each run is checked and drawn from its trace
 * records.
 *
 *   A  computes on cpu 0 and is hit by the timer interrupt that wakes B
 *   B  SCHED_FIFO; answers and exits; on A's cpu, or on cpu 1
 *   C  like A, on cpu 1 where B is woken, and hit by the reschedule interrupt
 */
#include "guest/cmdline.h"
#include "guest/completion.h"
#include "guest/format.h"
#include "guest/main.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timeline.h"
#include "guest/timer.h"
#include "guest/tour.h"
#include "guest/tour_vcpu.h"
#include "guest/trace.h"
#include "shared/scenario_abi.h"

#define CONDUCTOR_PRIORITY 60 /* above B: what it prepares is complete before anybody runs */
#define B_PRIORITY         50
#define INTERRUPT_AFTER_NS 50000
#define WORK_STEPS         200
#define SILENCE_NS         1000000

struct stage {
	struct timer interrupt;
	struct completion b_ready; /* B -> conductor: about to wait */
	struct completion b_woken; /* the interrupt -> B */
	struct completion answer;  /* B -> A or C */
	struct atomic interrupted;
	struct atomic c_runs;
	struct atomic b_ran;
};

static struct stage stage;
static struct tour_run run;

/* What the summary says: cycles that B waited, for each model and number of tracks. */
static uint64_t waited[PREEMPT_MODEL_COUNT][TOUR_TRACKS_MAX];
static size_t records_proved;

/* ---- the actors ---- */

static void
mark(enum tour_mark mark)
{
	trace(TRACE_marker, mark, 0);
}

static void
compute(void)
{
	for (unsigned int i = 0; i < WORK_STEPS; i++) {
		barrier();
	}
}

static void
wake_b(struct timer *timer)
{
	(void)timer;
	complete(&stage.b_woken);
	atomic_store_release(&stage.interrupted, 1);
}

static void
run_b(void *unused)
{
	(void)unused;
	complete(&stage.b_ready);
	wait_for_completion(&stage.b_woken);
	mark(TOUR_B_RUNS);
	compute();
	atomic_store_release(&stage.b_ran, 1);
	complete(&stage.answer);
}

/* Until the request for B has arrived at this cpu, or B has come and gone. */
static void
compute_until_asked(void)
{
	/* bounded: one of the two comes */
	while (!test_preempt_need_resched() && !atomic_load_acquire(&stage.b_ran)) {
		arch_cpu_relax();
	}
}

static void
be_overtaken(void)
{
	compute_until_asked();
	mark(TOUR_GOES_ON);
	compute();
	mark(TOUR_MIGHT_SLEEP);
	might_sleep();
	compute();
	mark(TOUR_WAITS);
	wait_for_completion(&stage.answer);
	compute();
	mark(TOUR_ENDS);
}

/* With irqs off: however slow the machine, the interrupt hits what comes after this. */
static void
start_interrupt(void)
{
	arch_irq_disable();
	timer_start(&stage.interrupt, arch_clock_ns() + INTERRUPT_AFTER_NS);
	arch_irq_enable();
}

static void
run_a_with_b(void *unused)
{
	(void)unused;
	mark(TOUR_STARTS);
	start_interrupt();
	be_overtaken();
}

static void
run_a_alone(void *unused)
{
	(void)unused;
	while (!atomic_load_acquire(&stage.c_runs)) { /* bounded: C is on its way */
		arch_cpu_relax();
	}
	mark(TOUR_STARTS);
	start_interrupt();
	while (!atomic_load_acquire(&stage.interrupted)) { /* bounded: the timer expires */
		arch_cpu_relax();
	}
	mark(TOUR_GOES_ON);
	compute();
	mark(TOUR_ENDS);
}

static void
run_c(void *unused)
{
	(void)unused;
	mark(TOUR_STARTS);
	atomic_store_release(&stage.c_runs, 1);
	be_overtaken();
}

/* ---- one run ---- */

static struct task *
start(const char *comm, void (*fn)(void *), unsigned int cpu)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.cpus_allowed = 1ull << cpu,
	});
}

static struct task *
start_b(unsigned int cpu)
{
	struct task *b = task_run(&(struct task_params){
		.comm = "B",
		.fn = run_b,
		.policy = SCHED_FIFO,
		.rt_priority = B_PRIORITY,
		.cpus_allowed = 1ull << cpu,
	});

	wait_for_completion(&stage.b_ready);
	return b;
}

/* Copies cpu's records from the start mark of pid to its end mark, out of those since `first`. */
static const char *
collect(struct tour_track *track, uint64_t first)
{
	struct trace_record record;

	for (uint64_t n = first; n < trace_head(track->cpu); n++) {
		bool marks;

		if (!trace_read(track->cpu, n, &record)) {
			return "the trace ring overflowed";
		}
		marks = record.event == TRACE_marker && record.pid == track->computing_pid;
		if (track->count == 0 && !(marks && record.a == TOUR_STARTS)) {
			continue;
		}
		if (track->count == TOUR_RECORDS_MAX) {
			return "the run has too many records";
		}
		track->records[track->count++] = record;
		if (marks && record.a == TOUR_ENDS) {
			return NULL;
		}
	}
	return "the computing task left no end mark";
}

/* Runs the actors to their ends; run.tracks then hold what they left in the rings. */
static const char *
perform(enum preempt_model model, unsigned int track_count)
{
	uint64_t first[TOUR_TRACKS_MAX];
	struct task *tasks[TOUR_TRACKS_MAX];
	struct task *b;
	const char *broken = NULL;

	init_completion(&stage.b_ready);
	init_completion(&stage.b_woken);
	init_completion(&stage.answer);
	atomic_store(&stage.interrupted, 0);
	atomic_store(&stage.c_runs, 0);
	atomic_store(&stage.b_ran, 0);
	timer_init(&stage.interrupt, wake_b);
	run = (struct tour_run){ .model = model, .track_count = track_count };
	run.wake_fn = (uintptr_t)wake_b;
	preempt_model_set(model);
	for (unsigned int cpu = 0; cpu < track_count; cpu++) {
		first[cpu] = trace_head(cpu);
	}
	b = start_b(track_count - 1);
	run.b_pid = b->pid;
	if (track_count == 2) {
		tasks[1] = start("C", run_c, 1);
	}
	tasks[0] = start("A", track_count == 2 ? run_a_alone : run_a_with_b, 0);
	for (unsigned int cpu = 0; cpu < track_count; cpu++) {
		run.tracks[cpu].cpu = cpu;
		run.tracks[cpu].computing_pid = tasks[cpu]->pid;
		task_join(tasks[cpu]);
	}
	task_join(b);
	for (unsigned int cpu = 0; broken == NULL && cpu < track_count; cpu++) {
		broken = collect(&run.tracks[cpu], first[cpu]);
	}
	return broken;
}

/* ---- the check, and the check of the check ---- */

#define NOTHING_GONE SIZE_MAX

static struct tour_run cleaned;

/* cleaned.tracks[t] becomes run.tracks[t] without record `gone`. */
static void
copy_track(unsigned int t, size_t gone)
{
	const struct tour_track *from = &run.tracks[t];
	struct tour_track *to = &cleaned.tracks[t];

	to->cpu = from->cpu;
	to->computing_pid = from->computing_pid;
	to->count = 0;
	for (size_t i = 0; i < from->count; i++) {
		if (i != gone) {
			to->records[to->count++] = from->records[i];
		}
	}
}

/* Cleans and checks the run without record `gone` of track `maimed`. */
static const char *
check_without(unsigned int maimed, size_t gone, size_t *at)
{
	*at = 0;
	cleaned.model = run.model;
	cleaned.b_pid = run.b_pid;
	cleaned.wake_fn = run.wake_fn;
	cleaned.track_count = run.track_count;
	for (unsigned int t = 0; t < run.track_count; t++) {
		const char *broken;

		copy_track(t, t == maimed ? gone : NOTHING_GONE);
		broken = tour_remove_empty_interrupts(&cleaned.tracks[t], run.wake_fn);
		if (broken != NULL) {
			return broken;
		}
	}
	return tour_check(&cleaned, at);
}

/* With any single record gone, the check must fail. */
static const char *
check_the_check(void)
{
	size_t at;

	for (unsigned int t = 0; t < run.track_count; t++) {
		for (size_t gone = 0; gone < run.tracks[t].count; gone++) {
			if (check_without(t, gone, &at) == NULL) {
				return "the check does not notice that a record is missing";
			}
			records_proved++;
		}
	}
	return NULL;
}

/* ---- what is shown ---- */

static void
print_line(const char *line)
{
	printk("%s\n", line);
}

static void
draw(void)
{
	struct timeline_task tasks[] = {
		{ run.tracks[0].computing_pid, '=', "A" },
		{ run.b_pid, '$', "B" },
		{ run.tracks[1].computing_pid, '-', "C" },
	};
	struct timeline timeline = {
		.tasks = tasks,
		.task_count = 1 + run.track_count,
		.track_count = run.track_count,
	};
	char label[32];

	format_string(label, sizeof(label), "preempt=%s", preempt_model_names[run.model]);
	timeline.label = label;
	for (unsigned int t = 0; t < run.track_count; t++) {
		timeline.tracks[t] = (struct timeline_track){
			.cpu = cleaned.tracks[t].cpu,
			.records = cleaned.tracks[t].records,
			.count = cleaned.tracks[t].count,
		};
	}
	timeline_draw(&timeline, print_line);
	printk("\n");
}

static void
print_records(void)
{
	static const char *const names[TRACE_EVENT_COUNT] = {
#define EVENT_NAME(name, a, b) [TRACE_##name] = #name,
		TRACE_EVENTS(EVENT_NAME)
#undef EVENT_NAME
	};

	for (unsigned int t = 0; t < cleaned.track_count; t++) {
		for (size_t i = 0; i < cleaned.tracks[t].count; i++) {
			const struct trace_record *record = &cleaned.tracks[t].records[i];

			printk("  cpu %u  #%-3zu pid %-3u count %08x  %-24s a=%u b=%lx\n",
			       record->cpu, i, record->pid, record->preempt_count,
			       record->event < TRACE_EVENT_COUNT ? names[record->event] : "?",
			       record->a, record->b);
		}
	}
}

/* Performs, checks and draws one run; false after it has printed why it failed. */
static bool
show(enum preempt_model model, unsigned int track_count)
{
	const char *broken = perform(model, track_count);
	size_t at = 0;

	if (broken == NULL) {
		broken = check_without(0, NOTHING_GONE, &at);
	}
	if (broken != NULL) {
		printk("tour: preempt=%s, %s: record %zu: %s\n", preempt_model_names[model],
		       track_count == 1 ? "one cpu" : "two cpus", at, broken);
		print_records();
		return false;
	}
	draw();
	waited[model][track_count - 1] = tour_b_waited(&cleaned);
	broken = check_the_check();
	if (broken != NULL) {
		printk("tour: %s\n", broken);
		return false;
	}
	return true;
}

static bool
is_shown(enum preempt_model model)
{
	return !boot_args.preempt_given || boot_args.preempt == model;
}

static bool
show_models(unsigned int track_count)
{
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		if (is_shown(model) && !show(model, track_count)) {
			return false;
		}
	}
	return true;
}

static void
print_us(uint64_t cycles)
{
	uint64_t ns = arch_cycles_to_ns(cycles);

	printk("%12lu.%lu us", ns / 1000, ns % 1000 / 100);
}

static void
print_summary(bool two_cpus)
{
	static const char *const places[PREEMPT_MODEL_COUNT] = {
		[PREEMPT_NONE] = "when the computing task blocks",
		[PREEMPT_VOLUNTARY] = "at its next might_sleep()",
		[PREEMPT_FULL] = "when the interrupt returns",
		[PREEMPT_LAZY] = "there too, as B is SCHED_FIFO",
	};

	printk("From the interrupt to B's first instruction:\n\n");
	printk("  %-10s %-32s %15s%s\n", "preempt=", "B overtakes", "on one cpu",
	       two_cpus ? "  from the other" : "");
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		if (is_shown(model)) {
			printk("  %-10s %-32s", preempt_model_names[model], places[model]);
			print_us(waited[model][0]);
			if (two_cpus) {
				print_us(waited[model][1]);
			}
			printk("\n");
		}
	}
	if (is_shown(PREEMPT_LAZY)) {
		printk("\nUnder lazy a SCHED_NORMAL task that overtakes another waits "
		       "for the tick.\n");
	}
	printk("\nEvery order above was checked against its records, and each check noticed the\n"
	       "loss of any one of them: %zu records, taken away one by one.\n",
	       records_proved);
}

struct audience {
	struct task *task; /* waits for the conductor's end */
	int status;
};

/* A tick may have kept who waits for us from going to sleep, and would let it in among the actors.
 */
static void
wait_for_silence(const struct task *audience)
{
	uint64_t pause_ns = SILENCE_NS;

	while (atomic_load(&audience->on_rq)) { /* bounded: some pause is long enough for it */
		timer_sleep(pause_ns);
		pause_ns *= 2;
	}
}

static void
conduct(void *arg)
{
	struct audience *audience = arg;
	bool two_cpus = cpu_count >= 2;

	wait_for_silence(audience->task);

	printk("A task computes in the kernel; an interrupt wakes a more important one. When does\n"
	       "that one run? The preemption model decides.\n\n"
	       "  |====| A, SCHED_NORMAL   |$$$$| B, SCHED_FIFO   |####| an interrupt\n\n");
	printk("One cpu: the timer interrupt hits A and wakes B.\n\n");
	if (!show_models(1)) {
		return;
	}
	if (two_cpus) {
		printk("B on the other cpu: the timer interrupt on cpu 0 wakes B on cpu 1, where\n"
		       "C |----| computes, and sends a reschedule interrupt there.\n\n");
		if (!show_models(2)) {
			return;
		}
	}
	if (!tour_show_vcpus()) {
		return;
	}
	print_summary(two_cpus);
	audience->status = EXIT_STATUS_OK;
}

int
tour_main(void)
{
	struct audience audience = { current, EXIT_STATUS_FAILED };

	if (!boot_args.trace) {
		printk("boot argument trace=off: the tour has nothing to show without records\n");
		return EXIT_STATUS_USAGE;
	}
	printk("Overtake: %u cpu%s, %u Hz, first task %lu TSC cycles (%lu us) after entry\n\n",
	       cpu_count, cpu_count == 1 ? "" : "s", boot_args.hz, boot_cycles_to_first_task(),
	       arch_cycles_to_ns(boot_cycles_to_first_task()) / 1000);
	task_join(task_run(&(struct task_params){
		.comm = "conductor",
		.fn = conduct,
		.arg = &audience,
		.policy = SCHED_FIFO,
		.rt_priority = CONDUCTOR_PRIORITY,
		.cpus_allowed = 1,
	}));
	return audience.status;
}
