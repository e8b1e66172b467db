// SPDX-License-Identifier: ISC
/*
 * Data races: two accesses of the same byte by two cpus, at least one of them a write and one
 * plain, that nothing orders which the kernel asked for. Order comes from the program on each cpu,
 * from what an acquire reads of a release, and from full barriers; that the machine is x86, that it
 * sent an interrupt, or that time passed orders nothing. A cpu is the thread here, not a task: one
 * that migrates takes along only what its locks hand over.
 *
 * The kernel and the scenarios are compiled for ThreadSanitizer in the builds that look for races;
 * race.c stands in the place of its runtime, and knows of nothing but the simulated machine. In
 * other builds all this does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/host/machine.h"

/* Is this the build that looks for races? */
bool race_is_instrumented(void);

/* A run begins: whatever was done so far comes before all of it. */
void race_begin(void);

/*
 * In a run: keeps what is known of it as number n; false: there is too much of it. A run that goes
 * on from there begins with that instead.
 */
bool race_keep(unsigned int n);
void race_go_on(unsigned int n);

/* It has ended. If that was for a race, the result names both accesses. */
void race_end(struct host_result *result);

/* Is such a run in progress? Where not, all that follows costs one test. */
extern bool race_run;

#define RACE_NOTE(name, ...)               \
	do {                               \
		if (race_run) {            \
			name(__VA_ARGS__); \
		}                          \
	} while (0)

/* ---- what the current cpu does to atomics; the call is at pc ---- */

/* A load from memory: after an acquire this cpu knows what the release knew that it reads. */
void race_note_load(const void *addr, size_t size, int order, const void *pc);
#define race_load(...) RACE_NOTE(race_note_load, __VA_ARGS__)

/* One that found this cpu's own store. */
void race_note_forward(const void *addr, size_t size, const void *pc);
#define race_forward(...) RACE_NOTE(race_note_forward, __VA_ARGS__)

/* A store into this slot of the cpu's buffer, and one that reaches memory from there. */
void race_note_store(const void *addr, size_t size, int order, unsigned int slot, const void *pc);
void race_note_drain(unsigned int cpu, unsigned int slot);
#define race_store(...) RACE_NOTE(race_note_store, __VA_ARGS__)
#define race_drain(...) RACE_NOTE(race_note_drain, __VA_ARGS__)

/* A store that reaches memory in the same step. */
void race_note_store_through(const void *addr, size_t size, int order, const void *pc);
#define race_store_through(...) RACE_NOTE(race_note_store_through, __VA_ARGS__)

/* Read-modify-write: a full barrier. */
void race_note_rmw(const void *addr, size_t size, const void *pc);
#define race_rmw(...) RACE_NOTE(race_note_rmw, __VA_ARGS__)

/* A barrier: __ATOMIC_ACQUIRE for loads, RELEASE for stores, SEQ_CST for both. */
void race_note_fence(int order);
#define race_fence(...) RACE_NOTE(race_note_fence, __VA_ARGS__)

/* ---- the machine's own code, in the kernel's name ---- */

void race_note_read(const void *addr, size_t size);
void race_note_write(const void *addr, size_t size);
#define race_read(...)  RACE_NOTE(race_note_read, __VA_ARGS__)
#define race_write(...) RACE_NOTE(race_note_write, __VA_ARGS__)
