// SPDX-License-Identifier: ISC
/*
 * Searches for a seeded bug of the kernel by a target of fuzzing: how long does each need? Each
 * runs in a process of its own, because a bug may break that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HUNT_INPUT_MAX 4096u
#define HUNT_WORDS_MAX 256u

struct hunt_options {
	const char *bug;
	const char *fuzzer; /* the target as libFuzzer drives it: a guided search; else NULL */
	const char *corpus; /* that it begins with, or NULL */
	bool by_priorities; /* PCT's schedule; else the input's own */
	uint64_t seed;
	double seconds; /* of its process's time */
};

/* An execution: all that it depends on. */
struct hunt_case {
	size_t size;
	uint8_t input[HUNT_INPUT_MAX];
};

struct hunt_result {
	bool found;
	uint64_t executions;
	double seconds;
	char words[HUNT_WORDS_MAX]; /* of the finding */
	struct hunt_case last;
};

/* Until it finds something, or the time is over. result is zeroed; added to. */
void hunt_search(const struct hunt_options *options, struct hunt_result *result);
void hunt_guided(const struct hunt_options *options, struct hunt_result *result);

/*
 * This case in a process of its own, with this bug or NULL. Returns whether it fails; then words
 * say how.
 */
bool hunt_fails(const struct hunt_case *one, const char *bug, char words[HUNT_WORDS_MAX]);
