// SPDX-License-Identifier: ISC
/*
 * Everything at once, on every cpu: programs of ring 3, tasks of both classes that wait for, wake,
 * signal and exclude each other, timers, softirqs, tasklets, works, calls between cpus, interrupts
 * and their threads, NMIs and readers, while the preemption model changes all the time.
 *
 * -- SEED SWITCHES: goes on until the cpus have switched so often, and each part has worked on each
 * of them. A part that stands still fails. At the end everything adds up, and nothing is left.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/main.h"
#include "guest/mm.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/seed.h"
#include "tests/scenario/user/shared.h"

#define SWITCHES  3000     /* unless the command line says how many */
#define POLL_NS   10000000 /* between two looks at the parts */
#define POLLS_MAX 1500     /* that a part may stand still for */

static const char *const part_words[PART_COUNT] = {
#define PART_WORDS(name, words) [PART_##name] = (words),
	PARTS(PART_WORDS)
#undef PART_WORDS
};

static struct atomic done[PART_COUNT][CPUS_MAX];
static struct atomic stops; /* the tasks end, all but those that answer */
struct atomic answers_stop;
static uint32_t failures;

void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

struct own owns[CPUS_MAX];

struct own *
here(void)
{
	return &owns[raw_smp_processor_id()];
}

struct own *
any(uint32_t draw)
{
	return &owns[draw / 64 % cpu_count];
}

void
count(enum part part)
{
	atomic_fetch_add(&done[part][raw_smp_processor_id()], 1);
}

void
rest(uint32_t draw)
{
	for (uint32_t n = 0; n <= draw / 4096 % 16; n++) {
		yield();
		count(PART_yield);
	}
}

/* ---- all of them ---- */

struct job {
	const char *name;
	void (*step)(struct own *own, uint32_t draw);
	uint8_t rt_priority; /* 0: of the fair class; else it only answers, and ends last */
};

static const struct job jobs[] = {
	{ "rover", step_rover, 0 },         { "wakeup", step_wakeup, 0 },
	{ "mutex", step_mutex, 0 },         { "mutex", step_mutex, 0 },
	{ "spinlock", step_spinlock, 0 },   { "model", step_model, 0 },
	{ "softirq", step_softirq, 0 },     { "timer", step_timer, 0 },
	{ "call", step_call, 0 },           { "nmi", step_nmi, 0 },
	{ "reader", step_reader, 0 },       { "rwsem", step_rwsem, 0 },
	{ "semaphore", step_semaphore, 0 }, { "signal", step_signal, 0 },
	{ "work", step_work, 0 },           { "line", step_line, 0 },
	{ "sleeper", step_sleeper, 5 },     { "answer", step_answer, 10 },
	{ "alarm", step_alarm, 20 },
};

#define JOB_COUNT (sizeof(jobs) / sizeof(jobs[0]))

static struct task *tasks[CPUS_MAX][JOB_COUNT];
static struct task *users[CPUS_MAX][2];

/* arg: the cpu, and behind it the job. */
static void
work(void *arg)
{
	uintptr_t place = (uintptr_t)arg;
	const struct job *job = &jobs[place / CPUS_MAX];
	struct own *own = &owns[place % CPUS_MAX];
	struct atomic *end = job->rt_priority != 0 ? &answers_stop : &stops;
	uint32_t random = storm_seed() * 2654435761u + (uint32_t)place;

	while (!atomic_load(end)) { /* bounded: main sets it */
		random = random * 1664525u + 1013904223u;
		job->step(own, random >> 8);
		cond_resched();
	}
}

static void
start_jobs(unsigned int cpu)
{
	for (uintptr_t n = 0; n < JOB_COUNT; n++) {
		tasks[cpu][n] = task_run(&(struct task_params){
			.comm = jobs[n].name,
			.fn = work,
			.arg = (void *)(n * CPUS_MAX + cpu),
			.policy = jobs[n].rt_priority != 0 ? SCHED_FIFO : SCHED_NORMAL,
			.rt_priority = jobs[n].rt_priority,
			.cpus_allowed = 1ull << cpu });
	}
}

extern const char user_turns[], user_turns_end[];

static void
start_users(unsigned int cpu)
{
	struct own *own = &owns[cpu];
	int error = user_load("turns", user_turns, (size_t)(user_turns_end - user_turns),
	                      &own->program);

	ASSERT(error == 0);
	own->shared = mm_map_page(own->program.mm, SHARED_ADDRESS, ARCH_PROT_WRITE);
	for (uint64_t n = 0; n < 2; n++) {
		users[cpu][n] = user_run(
			&own->program,
			&(struct task_params){ .comm = "user", .cpus_allowed = 1ull << cpu },
			16 * storm_seed() + 2 * cpu + n);
		ASSERT(users[cpu][n] != NULL);
		atomic_store(&own->users[n], users[cpu][n]);
	}
}

static void
start_all(void)
{
	softirqs_prepare();
	calls_prepare();
	readers_prepare();
	works_prepare();
	lines_prepare();
	for_each_cpu (cpu) {
		init_completion(&owns[cpu].question);
		init_completion(&owns[cpu].answer);
		init_completion(&owns[cpu].alarm);
	}
	for_each_cpu (cpu) {
		start_jobs(cpu);
		start_users(cpu);
	}
}

/* ---- progress ---- */

static uint32_t
done_on(enum part part, unsigned int cpu)
{
	const volatile struct shared *shared = owns[cpu].shared;

	return part == PART_user ? (uint32_t)(shared->counts[0] + shared->counts[1])
	                         : atomic_load(&done[part][cpu]);
}

static uint64_t switches; /* of all cpus since the start */
static uint32_t switches_seen[CPUS_MAX];

static void
count_switches(void)
{
	for_each_cpu (cpu) {
		uint32_t now = atomic_load(&per_cpu(runqueue, cpu).nr_switches);

		switches += now - switches_seen[cpu];
		switches_seen[cpu] = now;
	}
}

/* What was done at a look before, and how many looks ago that changed. */
static uint32_t done_then[PART_COUNT][CPUS_MAX];
static uint32_t polls_since[PART_COUNT][CPUS_MAX];

/* Has each part worked on each cpu? *stalled: one has not for too long, which is told. */
static bool
look(bool *stalled)
{
	bool all = true;

	for (enum part part = 0; part < PART_COUNT; part++) {
		for_each_cpu (cpu) {
			uint32_t now = done_on(part, cpu);
			uint32_t *polls = &polls_since[part][cpu];

			*polls = now != done_then[part][cpu] ? 0 : *polls + 1;
			done_then[part][cpu] = now;
			all = all && now != 0;
			if (*polls >= POLLS_MAX) {
				printk("FAIL no %s on cpu %u any more\n", part_words[part], cpu);
				*stalled = true;
			}
		}
	}
	return all;
}

/* Returns whether all went on until then. */
static bool
wait_for_switches(uint32_t goal)
{
	bool stalled = false;
	bool all = false;

	while (!stalled && (!all || switches < goal)) { /* bounded: by what look() tells */
		schedule_timeout_uninterruptible(POLL_NS);
		count_switches();
		all = look(&stalled);
	}
	return !stalled;
}

/* ---- the end ---- */

static bool
wait_until(bool (*is_so)(void), const char *name)
{
	bool so = is_so();

	for (uint32_t polls = 0; !so && polls < POLLS_MAX; polls++) {
		schedule_timeout_uninterruptible(POLL_NS);
		so = is_so();
	}
	if (!so) {
		report(false, name);
	}
	return so;
}

static bool
is_dead(const struct task *task)
{
	return atomic_load(&task->state) == TASK_DEAD;
}

static bool
workers_ended(void)
{
	bool ended = true;

	for_each_cpu (cpu) {
		for (unsigned int n = 0; n < JOB_COUNT; n++) {
			ended = ended && (jobs[n].rt_priority != 0 || is_dead(tasks[cpu][n]));
		}
		ended = ended && is_dead(users[cpu][0]) && is_dead(users[cpu][1]);
	}
	return ended;
}

static bool
answerers_ended(void)
{
	bool ended = true;

	for_each_cpu (cpu) {
		for (unsigned int n = 0; n < JOB_COUNT; n++) {
			ended = ended && is_dead(tasks[cpu][n]);
		}
	}
	return ended;
}

static bool
all_quiet(void)
{
	bool quiet = lines_quiet();

	for_each_cpu (cpu) {
		quiet = quiet && softirqs_quiet(cpu) && calls_quiet(cpu) && works_quiet(cpu) &&
		        signals_quiet(cpu) &&
		        atomic_load(&owns[cpu].alarms) == atomic_load(&owns[cpu].alarms_taken);
	}
	return quiet;
}

/* Returns whether all ended: else nothing more can be said. */
static bool
stop_all(void)
{
	atomic_store(&stops, 1);
	for_each_cpu (cpu) {
		((volatile struct shared *)owns[cpu].shared)->stop = 1;
	}
	if (!wait_until(workers_ended, "every task ends") ||
	    !wait_until(all_quiet, "everything that was asked for is done")) {
		return false;
	}
	atomic_store(&answers_stop, 1);
	for_each_cpu (cpu) {
		complete(&owns[cpu].question);
		complete(&owns[cpu].alarm);
	}
	return wait_until(answerers_ended, "every FIFO task ends");
}

static void
print_table(void)
{
	printk("%-28s", "");
	for_each_cpu (cpu) {
		printk("%8s%2u", "cpu", cpu);
	}
	printk("\n");
	for (enum part part = 0; part < PART_COUNT; part++) {
		printk("%-28s", part_words[part]);
		for_each_cpu (cpu) {
			printk("%10u", done_on(part, cpu));
		}
		printk("\n");
	}
	printk("%-28s", "switches");
	for_each_cpu (cpu) {
		printk("%10u", switches_seen[cpu]);
	}
	printk("\n");
}

static void
check_tasks(void)
{
	bool right = true;
	bool answered = true;

	for_each_cpu (cpu) {
		struct own *own = &owns[cpu];

		for (unsigned int n = 0; n < JOB_COUNT; n++) {
			task_join(tasks[cpu][n]);
		}
		for (unsigned int n = 0; n < 2; n++) {
			right = task_join(users[cpu][n]) == 0 && right;
		}
		answered = answered && !completion_done(&own->question) &&
		           !completion_done(&own->answer) && !completion_done(&own->alarm);
		user_unload(&own->program);
	}
	report(right, "sums of ring 3 are right");
	report(answered, "every wakeup is answered");
}

int
main(void)
{
	uint32_t goal = storm_number(1, SWITCHES);
	bool ended;

	start_all();
	report(wait_for_switches(goal), "every part goes on");
	ended = stop_all();
	count_switches();
	print_table();
	if (ended) {
		check_tasks();
		locks_check();
		softirqs_check();
		readers_check();
		lines_check();
		report(preempt_count() == 0 && sched_nr_uninterruptible() == 0,
		       "nothing is left behind");
	}
	printk("%u switches\n%u failures\n", (uint32_t)switches, failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
