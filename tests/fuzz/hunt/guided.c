// SPDX-License-Identifier: ISC
/*
 * The search that remembers what it has reached: the target under libFuzzer, whose words are read.
 */
#define _GNU_SOURCE /* nftw() */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/hunt/hunt.h"

#define LENGTH_MAX 1024 /* bytes of an input: larger ones are seldom better, and always slower */

static char folder[64];

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

/*
 * In its process. Entropic weighs the whole growing corpus anew again and again: without it there
 * are two to three times as many executions, which find more than its choices.
 */
static void
become_fuzzer(const struct hunt_options *options, double seconds)
{
	struct rlimit time = { (rlim_t)(seconds + 0.999), (rlim_t)seconds + 2 };
	struct rlimit none = { 0, 0 };
	char seed[32];
	char prefix[sizeof(folder) + 32];
	char length[32];

	setrlimit(RLIMIT_CPU, &time);
	setrlimit(RLIMIT_CORE, &none);
	setenv("FUZZ_BUG", options->bug, 1);
	setenv("FUZZ_FINDINGS", folder, 1);
	snprintf(seed, sizeof(seed), "-seed=%llu", (unsigned long long)options->seed);
	snprintf(prefix, sizeof(prefix), "-artifact_prefix=%s/", folder);
	snprintf(length, sizeof(length), "-max_len=%d", LENGTH_MAX);
	snprintf(folder + strlen(folder), sizeof(folder) - strlen(folder), "/new");
	mkdir(folder, 0777);
	execl(options->fuzzer, options->fuzzer, seed, prefix, length, "-len_control=0",
	      "-entropic=0", "-timeout=5", "-print_final_stats=1", "-verbosity=1", folder,
	      options->corpus, NULL);
	perror(options->fuzzer);
	_exit(71);
}

static void
read_input(const char *path, struct hunt_case *one)
{
	FILE *file = fopen(path, "rb");

	if (file != NULL) {
		one->size = fread(one->input, 1, sizeof(one->input), file);
		fclose(file);
	}
}

/* What follows the mark in the line, without its newline; or NULL. */
static char *
behind(char *line, const char *mark)
{
	char *at = strstr(line, mark);

	if (at == NULL) {
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return at + strlen(mark);
}

static void
read_log(FILE *log, struct hunt_result *result, uint64_t before)
{
	char line[1024];
	bool has_words = false;
	char *rest;

	while (fgets(line, sizeof(line), log) != NULL) {
		if (line[0] == '#') {
			result->executions = before + strtoull(line + 1, NULL, 10);
		}
		if ((rest = behind(line, "stat::number_of_executed_units:")) != NULL) {
			result->executions = before + strtoull(rest, NULL, 10);
		} else if ((rest = behind(line, "Test unit written to ")) != NULL) {
			result->found = true;
			read_input(rest, &result->last);
		} else if ((rest = behind(line, "FINDING: ")) != NULL ||
		           (!has_words && (rest = behind(line, "ERROR: libFuzzer: ")) != NULL)) {
			has_words = true;
			snprintf(result->words, sizeof(result->words), "%.*s",
			         (int)sizeof(result->words) - 1, rest);
		}
	}
}

/* It was ended because its time was. */
static bool
is_over(int status)
{
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
}

void
hunt_guided(const struct hunt_options *options, struct hunt_result *result)
{
	uint64_t before = result->executions;
	char path[sizeof(folder) + 8];
	struct rusage usage;
	int status;
	FILE *log;
	pid_t pid;

	snprintf(folder, sizeof(folder), "/tmp/hunt.XXXXXX");
	if (mkdtemp(folder) == NULL) {
		perror("hunt: mkdtemp");
		exit(71);
	}
	snprintf(path, sizeof(path), "%s/log", folder);
	log = fopen(path, "w+");
	fflush(NULL);
	pid = log != NULL ? fork() : -1;
	if (pid == 0) {
		dup2(fileno(log), STDOUT_FILENO);
		dup2(fileno(log), STDERR_FILENO);
		become_fuzzer(options, options->seconds - result->seconds);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("hunt");
		exit(71);
	}
	result->found = false;
	result->seconds += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	memset(&result->last, 0, sizeof(result->last));
	rewind(log);
	read_log(log, result, before);
	if (!result->found && status != 0 && !is_over(status)) { /* before the first execution */
		result->found = true;
		snprintf(result->words, sizeof(result->words), "no boot");
	}
	fclose(log);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
