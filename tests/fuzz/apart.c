// SPDX-License-Identifier: ISC
#include "tests/fuzz/apart.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/fuzz/target.h"

#define RUN_SECONDS 20 /* an input that takes longer hangs */

static int words_pipe = -1; /* in a process of its own: where its finding goes */

void
apart_end(const char *words)
{
	if (words_pipe >= 0) {
		_exit(write(words_pipe, words, strlen(words)) < 0 ? EX_IOERR : EX_OK);
	}
}

static void
become_child(const uint8_t *data, size_t size, int out, FILE *log)
{
	const char *finding;

	words_pipe = out;
	if (dup2(fileno(log), STDERR_FILENO) < 0) {
		_exit(EX_OSERR);
	}
	alarm(RUN_SECONDS);
	finding = fuzz_target.run(data, size);
	apart_end(finding != NULL ? finding : "");
	_exit(EX_OK);
}

/* A sanitizer's sentence in what such a process has printed. NULL: it has none. */
static const char *
find_sentence(FILE *log)
{
	static char line[1024];

	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, ": runtime error: ") != NULL ||
		    strstr(line, "SUMMARY: ") == line) {
			return line;
		}
	}
	return NULL;
}

static size_t
read_all(int from, char *words, size_t size)
{
	size_t used = 0;
	ssize_t count;

	while ((count = read(from, words + used, size - 1 - used)) > 0) {
		used += (size_t)count;
	}
	words[used] = '\0';
	return used;
}

const char *
apart_run(const uint8_t *data, size_t size)
{
	static char words[1024];
	const char *sentence;
	int ends[2], status = 0;
	FILE *log = tmpfile();
	pid_t child;

	if (log == NULL || pipe(ends) != 0 || (child = fork()) < 0) {
		perror("fork");
		exit(EX_OSERR);
	}
	if (child == 0) {
		close(ends[0]);
		become_child(data, size, ends[1], log);
	}
	close(ends[1]);
	read_all(ends[0], words, sizeof(words));
	close(ends[0]);
	waitpid(child, &status, 0);
	if (words[0] == '\0' && status != 0) {
		sentence = find_sentence(log);
		if (sentence == NULL) {
			sentence = !WIFSIGNALED(status)          ? "it ends its process"
			           : WTERMSIG(status) == SIGALRM ? "it takes too long"
			                                         : strsignal(WTERMSIG(status));
		}
		snprintf(words, sizeof(words), "%s", sentence);
	}
	fclose(log);
	return words[0] != '\0' ? words : NULL;
}
