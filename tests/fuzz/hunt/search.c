// SPDX-License-Identifier: ISC
/*
 * Searches without a memory: each execution is drawn anew. By the input's own schedule, which is as
 * random as its operations; or by priorities (tests/fuzz/priorities.h), which are records of the
 * input as well.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/hunt/hunt.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/priorities.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/target.h"

#define DROPS_MAX  4u  /* of priorities */
#define HANG_TICKS 3   /* seconds in one execution */
#define SIZE_MIN   32u /* bytes of an input; up to SIZE_MIN << SIZE_STEPS */
#define SIZE_STEPS 6u

/* What the parent knows of its child, however that ends. */
static struct shared {
	struct hunt_result result;
	bool is_searching; /* else it boots */
} * shared;

void
fuzz_feature(uint32_t n)
{
	(void)n;
}

static double
process_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- in a process of its own ---- */

static void
note_words(const char *words)
{
	shared->result.found = true;
	snprintf(shared->result.words, sizeof(shared->result.words), "%s", words);
}

/* A loop of the kernel without a point cannot be ended from within. */
static void
tick(int signal)
{
	static uint64_t seen;
	static int ticks;

	(void)signal;
	if (seen != shared->result.executions) {
		seen = shared->result.executions;
		ticks = 0;
	} else if (++ticks == HANG_TICKS) {
		note_words("an execution does not come to an end");
		_exit(0);
	}
}

static void
begin(const char *bug)
{
	struct itimerval second = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPROF, tick);
	setitimer(ITIMER_PROF, &second, NULL);
	if (!fuzz_target.begin(bug)) {
		fprintf(stderr, "hunt: no bug '%s' in %s\n", bug, fuzz_target.name);
		_exit(64);
	}
	shared->is_searching = true;
}

static void
note_end(int status)
{
	char words[HUNT_WORDS_MAX];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 64) {
		exit(64);
	}
	if (WIFSIGNALED(status)) {
		snprintf(words, sizeof(words), "%s: %s",
		         shared->is_searching ? "it ends by" : "no boot",
		         strsignal(WTERMSIG(status)));
		note_words(words);
	}
}

/* true: in the child. false: it has ended, after so much of its time. */
static bool
fork_and_wait(double *seconds)
{
	struct rusage usage;
	int status;
	pid_t pid;

	fflush(NULL);
	shared->is_searching = false;
	pid = fork();
	if (pid == 0) {
		return true;
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("hunt");
		exit(71);
	}
	*seconds += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	note_end(status);
	return false;
}

static void
share(void)
{
	if (shared == NULL) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (shared == MAP_FAILED) {
			perror("hunt: mmap");
			exit(71);
		}
	}
}

/* In front of all else, so that nothing cuts it off. As many choices as the run before had. */
static void
add_priorities(struct hunt_case *one, struct random *random)
{
	unsigned int cpus = fuzz_input(one->input, one->size, HOST_CPUS_MAX).header.cpus + 1u;
	unsigned int drops = (unsigned int)random_below(random, DROPS_MAX + 1);
	uint8_t records[PRIORITIES_SIZE];
	unsigned int choices = schedule_asked() + 1;
	size_t size =
		priorities_draw(random, cpus, drops, choices < 0xffff ? choices : 0xffff, records);

	memmove(one->input + sizeof(struct fuzz_header) + size,
	        one->input + sizeof(struct fuzz_header), one->size - sizeof(struct fuzz_header));
	memcpy(one->input + sizeof(struct fuzz_header), records, size);
	one->size += size;
}

/* The next one, from the seed and its number. */
static void
draw(const struct hunt_options *options, struct hunt_case *one)
{
	uint64_t seed = options->seed << 32 | shared->result.executions;
	struct random random = random_seeded(seed);
	size_t least = (size_t)SIZE_MIN << random_below(&random, SIZE_STEPS);

	one->size = fuzz_generate(one->input, least + random_below(&random, least), seed);
	if (options->by_priorities) {
		add_priorities(one, &random);
	}
	if (one->size > fuzz_target.size_max) { /* more would not be read again */
		one->size = fuzz_target.size_max;
	}
}

static void
search(const struct hunt_options *options, double seconds)
{
	begin(options->bug);
	while (process_seconds() < seconds) {
		const char *words;

		draw(options, &shared->result.last);
		words = fuzz_target.run(shared->result.last.input, shared->result.last.size);
		shared->result.executions++;
		if (words != NULL) {
			note_words(words);
			return;
		}
	}
}

void
hunt_search(const struct hunt_options *options, struct hunt_result *result)
{
	double seconds = options->seconds - result->seconds;

	share();
	shared->result = *result;
	shared->result.found = false;
	if (fork_and_wait(&shared->result.seconds)) {
		search(options, seconds);
		_exit(0);
	}
	*result = shared->result;
}

bool
hunt_fails(const struct hunt_case *one, const char *bug, char words[HUNT_WORDS_MAX])
{
	double seconds = 0;

	share();
	memset(&shared->result, 0, sizeof(shared->result));
	if (fork_and_wait(&seconds)) {
		const char *said;

		begin(bug);
		said = fuzz_target.run(one->input, one->size);
		if (said != NULL) {
			note_words(said);
		}
		_exit(0);
	}
	memcpy(words, shared->result.words, HUNT_WORDS_MAX);
	return shared->result.found;
}
