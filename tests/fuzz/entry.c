// SPDX-License-Identifier: ISC
/*
 * The way in for libFuzzer and AFL++: a finding is an abort, behind its words and the command that
 * tells it again; what a sanitizer or an assert ends is told in the same way, in the midst of a
 * run: by the descriptor, because stderr may be the target's own then. FUZZ_BUG in the environment
 * switches on a seeded bug; inputs that something was found by are kept in FUZZ_FINDINGS, or
 * build/findings.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two,
                                 size_t two_size, uint8_t *out, size_t out_max, unsigned int seed);
void __sanitizer_report_error_summary(const char *summary);

static const uint8_t *running; /* the input; NULL: none, or its command was told */
static size_t running_size;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *bug = getenv("FUZZ_BUG");

	(void)argc;
	(void)argv;
	if (!fuzz_target.begin(bug)) {
		fprintf(stderr, "%s: no bug '%s' here\n", fuzz_target.name, bug != NULL ? bug : "");
		exit(64);
	}
	return 0;
}

/* The same input has the same name. */
static void
name_input(char *path, size_t size)
{
	const char *folder = getenv("FUZZ_FINDINGS");
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t n = 0; n < running_size; n++) {
		hash = (hash ^ running[n]) * 0x100000001b3;
	}
	if (folder == NULL) {
		folder = "build/findings";
		mkdir("build", 0777);
	}
	mkdir(folder, 0777);
	snprintf(path, size, "%s/%s-%016llx", folder, fuzz_target.name, (unsigned long long)hash);
}

static bool
write_input(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	bool written;

	if (file < 0) {
		return false;
	}
	written = write(file, running, running_size) == (ssize_t)running_size;
	return close(file) == 0 && written;
}

/* AFL++ keeps inputs itself, and shows nothing. */
static bool
is_afl(void)
{
	return getenv("__AFL_SHM_ID") != NULL;
}

static void
say_finding(const char *words)
{
	const char *bug = getenv("FUZZ_BUG");
	char path[512];
	char option[64] = "";

	if (running == NULL || is_afl()) {
		return;
	}
	name_input(path, sizeof(path));
	if (!write_input(path)) {
		dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
		snprintf(path, sizeof(path), "FILE");
	}
	if (bug != NULL) {
		snprintf(option, sizeof(option), "--bug %s ", bug);
	}
	dprintf(STDERR_FILENO,
	        "\nFINDING: %s\nTo see it again:  build/replay/%s %s--tell %s\n"
	        "To make it small: build/replay/%s %s--shrink %s.small %s\n",
	        words, fuzz_target.name, option, path, fuzz_target.name, option, path, path);
	running = NULL;
}

/* The sanitizers call this with the line that sums up what they found. */
void
__sanitizer_report_error_summary(const char *summary)
{
	dprintf(STDERR_FILENO, "%s\n", summary);
	say_finding(strncmp(summary, "SUMMARY: ", 9) == 0 ? summary + 9 : summary);
}

static struct sigaction before; /* libFuzzer's */

/* An assert: what else crashes, the runtime of libFuzzer or a sanitizer sums up. */
static void
take_abort(int number, siginfo_t *info, void *context)
{
	say_finding(strsignal(number));
	sigaction(number, &before, NULL);
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else {
		raise(number);
	}
}

/* After libFuzzer, which leaves alone what has a handler. */
static void
take_aborts(void)
{
	const struct sigaction taken = { .sa_sigaction = take_abort,
		                         .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static bool are_taken;

	if (!are_taken && !is_afl()) {
		sigaction(SIGABRT, &taken, &before);
	}
	are_taken = true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *finding;

	take_aborts();
	running = data;
	running_size = size < fuzz_target.size_max ? size : fuzz_target.size_max;
	finding = fuzz_target.run(data, running_size);
	if (finding != NULL) {
		say_finding(finding);
		abort();
	}
	running = NULL;
	return 0;
}

/* AFL++ has its mutator as a library of its own, and does not call these. */

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	if (fuzz_target.kinds == NULL) {
		return LLVMFuzzerMutate(data, size, size_max);
	}
	return fuzz_mutate(data, size, size_max, seed);
}

/* Of plain bytes: their mutation has a crossover of its own. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size,
                          uint8_t *out, size_t out_max, unsigned int seed)
{
	if (fuzz_target.kinds == NULL) {
		return 0;
	}
	return fuzz_crossover(one, one_size, two, two_size, out, out_max, seed);
}
