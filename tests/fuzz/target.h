// SPDX-License-Identifier: ISC
/*
 * What a target of fuzzing is to those that drive it: libFuzzer and AFL++ (entry.c), the mutator
 * (mutate.c), and the plain program that replays, tells and shrinks inputs (replay.c). Each target
 * is one definition of fuzz_target, in its own file fuzz_NAME.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_ARGS_MAX 8

/* A kind of record that a target reads: what the mutator makes, and how people see it. */
struct fuzz_kind {
	uint8_t type; /* FUZZ_TYPE */
	uint8_t arg_count;
	uint16_t below[FUZZ_ARGS_MAX]; /* of each argument, a byte: 1 to 256 */
	const char *name;
	const char *args[FUZZ_ARGS_MAX]; /* their names */
};

struct fuzz_target {
	const char *name; /* fuzz_sched */
	size_t size_max;  /* bytes of an input; more are not read */

	/* Targets whose inputs are records (shared/fuzz_abi.h); NULL: their inputs are plain bytes.
	 */
	const struct fuzz_kind *kinds;
	size_t kind_count;

	/*
	 * Once, before all else. bug: switches on this seeded bug (guest/bug.h), or NULL. false:
	 * there is none of that name, or this target has none.
	 */
	bool (*begin)(const char *bug);

	/*
	 * One input. NULL: nothing is wrong; else what is, in one line, until the next call. The
	 * same input gives the same answer, whatever came before it.
	 */
	const char *(*run)(const uint8_t *data, size_t size);

	/* The same, told line by line, at most 100 columns each, without newlines. May be NULL. */
	void (*tell)(const uint8_t *data, size_t size, void (*print)(const char *line));
};

extern const struct fuzz_target fuzz_target;

/*
 * Features beside the counters of the code's edges: the n-th of FUZZ_FEATURES was seen. For what
 * the schedule did, which no edge tells: hash it into n. libFuzzer takes them as its extra
 * counters, AFL++ with its map; elsewhere it is nothing.
 */
#define FUZZ_FEATURES 0x4000u
void fuzz_feature(uint32_t n);
