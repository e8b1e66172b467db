// SPDX-License-Identifier: ISC
/*
 * A child process under test: its output collected, its end awaited, every wait bounded by one
 * deadline that fails the test. Nothing here sleeps; all waits are for output or for the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From spawn_start() to the end of the process. */
#define SPAWN_DEADLINE_MS 60000

#define SPAWN_OUTPUT_MAX 0x100000u /* bytes; what comes after it is counted and dropped */

struct spawn_stream {
	int fd;                          /* -1: closed */
	char text[SPAWN_OUTPUT_MAX + 1]; /* always terminated */
	size_t size;
};

struct spawn {
	pid_t pid;
	int pid_fd;
	int in_fd;     /* what is written here, the child reads on its stdin; -1: ended */
	int unread_fd; /* the reader's end of an unread stdout, else -1 */
	struct spawn_stream out, err;
	int64_t deadline_ms;
	int status; /* after spawn_finish(): exit status, or -signal */
};

struct spawn_options {
	bool has_terminal; /* stdin is a terminal of its own, in_fd the other side */
	bool out_unread;   /* nobody reads stdout, a pipe of one page that stays open */
	/*
	 * In the child, before exec. May _exit(SPAWN_SKIP) if the host does not allow what it
	 * needs.
	 */
	void (*prepare)(void);
};

#define SPAWN_SKIP 77

/* options may be NULL. argv[0] is the program's path. */
void spawn_start(struct spawn *spawn, const struct spawn_options *options, const char *const *argv);

/* Reads until the output so far contains the text. Fails the test if it ends without. */
void spawn_expect(struct spawn *spawn, struct spawn_stream *stream, const char *text);

/* Waits until a stdout that nobody reads is full. */
void spawn_expect_full(struct spawn *spawn);

/* Writes all to its stdin. */
void spawn_send(struct spawn *spawn, const char *bytes, size_t size);

/* The end of its stdin. */
void spawn_end_input(struct spawn *spawn);

/* Reads to the end of both streams and of the process. Returns spawn->status. */
int spawn_finish(struct spawn *spawn);

/* start and finish, without input. */
int spawn_run(struct spawn *spawn, const char *const *argv);

/* Gives its descriptors back. */
void spawn_close(struct spawn *spawn);
