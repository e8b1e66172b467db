// SPDX-License-Identifier: ISC
/*
 * Explorations of a scenario: many runs of it, each under other choices. A failing run is told as a
 * string that replays it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/host/machine.h"

/* Longest run, in transitions: a longer one fails. */
#define EXPLORE_MOMENTS_MAX 4096
#define EXPLORE_VALUES_MAX  1024 /* that a run gets from host_choose(): more fail it, too */
#define EXPLORE_CHOICES_MAX (EXPLORE_MOMENTS_MAX + EXPLORE_VALUES_MAX)

#define EXPLORE_REPLAY_SIZE 4096 /* bytes */

struct explore_scenario {
	const char *name;
	unsigned int cpus;
	void (*boot)(void);  /* host_boot() */
	void (*check)(void); /* when a run has come to rest: HOST_EXPECT; may be NULL */
	void (*idle)(void);  /* NULL: the kernel's idle loop */
	unsigned int broken; /* HOST_BROKEN_* */
	const char *bug;     /* a seeded bug (guest/bug.h), as bug= takes it; NULL: none */
};

struct explore_report {
	uint64_t runs;
	uint64_t pruned;  /* runs given up, because they are equivalent to others; not in runs */
	uint64_t resumed; /* of all of these: that went on from a kept moment */
	uint64_t transitions;
	uint32_t longest; /* transitions of a run */
	bool complete;    /* the whole space was explored, and nothing failed */
	bool failed;
	bool fine; /* of the replay: see host_fine */
	int cpu;   /* that failed, or -1: the check did */
	char reason[256];
	char replay[EXPLORE_REPLAY_SIZE];
};

/*
 * Every run, with each value that host_choose() may return, but of those that differ in the order
 * of independent transitions only one. Without a bound; gives up after `limit` runs, incomplete.
 */
void explore_all(const struct explore_scenario *scenario, uint64_t limit,
                 struct explore_report *report);

/*
 * Every run with at most `deviations` choices that leave a cpu that could do something (go on,
 * empty its buffer, take an interrupt), or that empty another's buffer early. Values cost nothing:
 * a bound on how often cpus interfere is none on the data that they work with.
 */
void explore_bounded(const struct explore_scenario *scenario, unsigned int deviations,
                     uint64_t limit, struct explore_report *report);

/* `count` runs by uniform choices. */
void explore_random(const struct explore_scenario *scenario, uint64_t seed, uint64_t count,
                    struct explore_report *report);

/* `count` runs by priorities (pct.h), with depth - 1 changes in the first `moments`. */
void explore_pct(const struct explore_scenario *scenario, uint64_t seed, unsigned int depth,
                 unsigned int moments, uint64_t count, struct explore_report *report);

/*
 * The run that this string tells: "f" (fine) or "c", then CHOICE@NUMBER for each choice, of a
 * transition or a value, that is not 0, numbered among those that had an alternative. print: NULL,
 * or gets each transition as a line.
 */
void explore_replay(const struct explore_scenario *scenario, const char *replay,
                    void (*print)(const char *line), struct explore_report *report);

/* Takes out of report->replay whatever the same failure does not need. */
void explore_minimize(const struct explore_scenario *scenario, struct explore_report *report);

/* Every run from its start, though it shares its first choices with the last one: to compare. */
extern bool explore_whole;

/* A name for an address in what is told of a run. In boot(). */
void explore_name(const void *addr, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * What the cpus say to each other through this atomic word, which has a name, belongs into the
 * picture of a failing run (picture.h). words: what a value means, or NULL for a number; it may
 * return NULL. In boot().
 */
void explore_show(const void *addr, const char *(*words)(uint32_t value));
