// SPDX-License-Identifier: ISC
/*
 * Sleeping locks under load: `-- LOCK TASKS SEED OPERATIONS`. LOCK is mutex, rwsem, semaphore or
 * all; so many tasks a cpu make so many operations each, drawn from the seed: a lock of any form,
 * held for a moment, over a yield, a preemption or a sleep. What the lock guards is plain data, in
 * two halves that agree whenever it is free. In the end it must add up, and somebody must have
 * slept for the lock, or the run proves nothing.
 *
 * Signals are sent to each other, and end interruptible waits.
 */
#include <stdint.h>

#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/main.h"
#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/smp.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define TASKS_MAX       64u
#define SEMAPHORE_COUNT 2u

struct worker {
	struct task *task;
	uint64_t random;
	uint64_t writes; /* that it has made, or takes of the semaphore */
	uint64_t reads;
	uint64_t refused; /* by a trylock */
	uint64_t interrupted;
	uint64_t sleeps;      /* for the lock */
	uint64_t began_after; /* that many sleeps of any kind the operation began */
};

struct lock_kind {
	const char *name;
	void (*operate)(struct worker *worker); /* once, whatever the numbers say */
	bool (*is_free)(void);
	bool (*adds_up)(uint64_t writes);
};

static struct {
	uint64_t tasks; /* a cpu */
	uint64_t seed;
	uint64_t operations; /* a task */
} load = { 3, 1, 300 };

static const struct lock_kind *tested;
static struct worker workers[TASKS_MAX];
static unsigned int worker_count;
static struct atomic failures;

static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
static DEFINE_SEMAPHORE(semaphore, SEMAPHORE_COUNT);

/* Guarded by the lock, and equal when it is free. */
static uint64_t first_half;
static uint64_t second_half;

static struct atomic semaphore_holders;

/* ---- chance ---- */

/* xorshift64*, of the task's own. */
static uint32_t
draw(struct worker *worker, uint32_t n)
{
	uint64_t x = worker->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	worker->random = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1dull) >> 32) % n;
}

static void
expect(bool holds, const char *what)
{
	if (!holds && atomic_fetch_add(&failures, 1) < 10) {
		printk("FAIL %s: %s\n", tested->name, what);
	}
}

/* How long it is held, or not: mostly for nothing. */
static void
pass_time(struct worker *worker)
{
	uint32_t kind = draw(worker, 256);

	if (kind == 0) {
		timer_sleep(1000);
	} else if (kind < 32) {
		yield();
	} else if (kind < 64) {
		for (uint32_t turns = draw(worker, 100); turns != 0; turns--) {
			arch_cpu_relax();
		}
	}
}

static void
send_signal(struct worker *worker)
{
	if (draw(worker, 32) == 0) {
		signal_wake_up(workers[draw(worker, worker_count)].task);
	}
}

/* After the first half of an operation, which a trylock or a signal may have ended: is it taken? */
static bool
note_taken(struct worker *worker, int error, bool was_try)
{
	worker->sleeps += current->nvcsw - worker->began_after;
	if (error == 0) {
		return true;
	}
	worker->refused += was_try;
	if (!was_try) {
		expect(error == -EINTR, "an interruptible lock returns 0 or -EINTR");
		expect(signal_pending(current), "-EINTR with a signal");
		worker->interrupted++;
		atomic_fetch_and(&current->flags, ~TIF_SIGPENDING);
	}
	return false;
}

/* ---- what is done under a lock ---- */

static void
write_halves(struct worker *worker)
{
	uint64_t seen = first_half;

	expect(seen == second_half, "a writer finds both halves equal");
	first_half = seen + 1;
	pass_time(worker);
	second_half = seen + 1;
	worker->writes++;
}

static void
read_halves(struct worker *worker)
{
	uint64_t seen = first_half;

	pass_time(worker);
	expect(seen == second_half, "a reader finds both halves equal");
	expect(seen == first_half, "nobody writes while one reads");
	worker->reads++;
}

static void
operate_mutex(struct worker *worker)
{
	uint32_t form = draw(worker, 4);
	int error = 0;

	if (form == 0) {
		error = !mutex_trylock(&mutex);
	} else if (form == 1) {
		error = mutex_lock_interruptible(&mutex);
	} else {
		mutex_lock(&mutex);
	}
	if (note_taken(worker, error, form == 0)) {
		write_halves(worker);
		mutex_unlock(&mutex);
	}
}

static void
write_rwsem(struct worker *worker)
{
	uint32_t form = draw(worker, 4);
	int error = 0;

	if (form == 0) {
		error = !down_write_trylock(&rwsem);
	} else if (form == 1) {
		error = down_write_interruptible(&rwsem);
	} else {
		down_write(&rwsem);
	}
	if (!note_taken(worker, error, form == 0)) {
		return;
	}
	write_halves(worker);
	if (draw(worker, 4) == 0) {
		downgrade_write(&rwsem);
		read_halves(worker);
		up_read(&rwsem);
	} else {
		up_write(&rwsem);
	}
}

static void
read_rwsem(struct worker *worker)
{
	uint32_t form = draw(worker, 4);
	int error = 0;

	if (form == 0) {
		error = !down_read_trylock(&rwsem);
	} else if (form == 1) {
		error = down_read_interruptible(&rwsem);
	} else {
		down_read(&rwsem);
	}
	if (note_taken(worker, error, form == 0)) {
		read_halves(worker);
		up_read(&rwsem);
	}
}

static void
operate_rwsem(struct worker *worker)
{
	if (draw(worker, 4) == 0) {
		write_rwsem(worker);
	} else {
		read_rwsem(worker);
	}
}

static void
operate_semaphore(struct worker *worker)
{
	uint32_t form = draw(worker, 4);
	int error = 0;

	if (form == 0) {
		error = down_trylock(&semaphore);
	} else if (form == 1) {
		error = down_interruptible(&semaphore);
	} else {
		down(&semaphore);
	}
	if (note_taken(worker, error, form == 0)) {
		expect(atomic_fetch_add(&semaphore_holders, 1) < SEMAPHORE_COUNT,
		       "no more hold the semaphore than its count");
		pass_time(worker);
		atomic_fetch_sub(&semaphore_holders, 1);
		worker->writes++;
		up(&semaphore);
	}
}

/* ---- the end ---- */

static bool
mutex_is_free(void)
{
	return atomic_load(&mutex.owner) == 0 && list_empty(&mutex.waiters) &&
	       list_empty(&mutex.spinners);
}

static bool
rwsem_is_free(void)
{
	return atomic_load(&rwsem.count) == 0 && list_empty(&rwsem.waiters);
}

static bool
semaphore_is_free(void)
{
	return semaphore.count == SEMAPHORE_COUNT && list_empty(&semaphore.waiters);
}

static bool
halves_add_up(uint64_t writes)
{
	return first_half == writes && second_half == writes;
}

static bool
holders_add_up(uint64_t writes)
{
	return writes != 0 && atomic_load(&semaphore_holders) == 0;
}

static const struct lock_kind kinds[] = {
	{ "mutex", operate_mutex, mutex_is_free, halves_add_up },
	{ "rwsem", operate_rwsem, rwsem_is_free, halves_add_up },
	{ "semaphore", operate_semaphore, semaphore_is_free, holders_add_up },
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static void
work(void *arg)
{
	struct worker *worker = arg;

	for (uint64_t n = 0; n < load.operations; n++) {
		worker->began_after = current->nvcsw;
		tested->operate(worker);
		send_signal(worker);
		pass_time(worker);
		expect(atomic_load(&current->state) == TASK_RUNNING,
		       "it runs, and its state says so");
	}
}

static void
start_workers(void)
{
	worker_count = (unsigned int)load.tasks * cpu_count;
	preempt_disable(); /* nobody is sent a signal before it is there */
	for (unsigned int n = 0; n < worker_count; n++) {
		struct worker *worker = &workers[n];

		*worker = (struct worker){ .random = (load.seed << 8 | n) * 0x9e3779b97f4a7c15ull |
			                             1 };
		worker->task = task_create(&(struct task_params){
			.comm = tested->name,
			.fn = work,
			.arg = worker,
			.cpus_allowed = 1ull << n % cpu_count,
		});
		expect(worker->task != NULL, "memory for a task");
	}
	for (unsigned int n = 0; n < worker_count; n++) {
		wake_up_new_task(workers[n].task);
	}
	preempt_enable();
}

static void
join_workers(struct worker *sum)
{
	*sum = (struct worker){ 0 };
	for (unsigned int n = 0; n < worker_count; n++) {
		wait_for_completion(&workers[n].task->exited);
		sum->writes += workers[n].writes;
		sum->reads += workers[n].reads;
		sum->refused += workers[n].refused;
		sum->interrupted += workers[n].interrupted;
		sum->sleeps += workers[n].sleeps;
	}
	for (unsigned int n = 0; n < worker_count; n++) { /* until now others sent it signals */
		task_put(workers[n].task);
	}
}

static void
test(const struct lock_kind *kind)
{
	struct worker sum;

	tested = kind;
	first_half = 0;
	second_half = 0;
	start_workers();
	join_workers(&sum);
	expect(kind->is_free(), "it is free in the end");
	expect(kind->adds_up(sum.writes), "what was done adds up");
	expect(sum.writes + sum.reads + sum.refused + sum.interrupted >=
	               worker_count * load.operations,
	       "each operation came to an end");
	expect(sum.sleeps != 0, "somebody slept for it");
	expect(sum.refused != 0, "somebody found it taken");
	printk("%s: %u tasks, %lu written, %lu read, %lu refused, %lu interrupted, %lu sleeps\n",
	       kind->name, worker_count, sum.writes, sum.reads, sum.refused, sum.interrupted,
	       sum.sleeps);
}

/* ---- the words behind "--" ---- */

/* The next word of *text, cut off there; NULL: none is left. */
static const char *
next_word(char **text)
{
	char *word = *text;
	char *end;

	while (*word == ' ') {
		word++;
	}
	end = word;
	while (*end != '\0' && *end != ' ') {
		end++;
	}
	*text = *end == '\0' ? end : end + 1;
	*end = '\0';
	return *word == '\0' ? NULL : word;
}

/* Keeps *number where there is no word, or a bad one. */
static void
parse_number(const char *word, uint64_t *number)
{
	uint64_t value = 0;

	for (; word != NULL && *word >= '0' && *word <= '9'; word++) {
		value = value * 10 + (uint64_t)(*word - '0');
	}
	if (word != NULL && *word == '\0') {
		*number = value;
	}
}

int
main(void)
{
	static char words[BOOT_PROGRAM_SIZE];
	char *text = words;
	const char *name;
	unsigned int tests = 0;

	memcpy(words, boot_args.program, sizeof(words));
	name = next_word(&text);
	parse_number(next_word(&text), &load.tasks);
	parse_number(next_word(&text), &load.seed);
	parse_number(next_word(&text), &load.operations);
	if (load.tasks == 0 || load.tasks * cpu_count > TASKS_MAX) {
		printk("locks: 1 to %u tasks in all\n", TASKS_MAX);
		return EXIT_STATUS_FAILED;
	}
	for (unsigned int n = 0; n < KIND_COUNT; n++) {
		if (name == NULL || strcmp(name, "all") == 0 || strcmp(name, kinds[n].name) == 0) {
			test(&kinds[n]);
			tests++;
		}
	}
	printk("%u locks, %u failures\n", tests, atomic_load(&failures));
	return tests != 0 && atomic_load(&failures) == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
