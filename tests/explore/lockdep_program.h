// SPDX-License-Identifier: ISC
/*
 * Programs for lockdep. A letter is a step: A, B and C take a raw lock's map, X a sleeping lock's,
 * Y one of between (spinlock_t), Z one of a reader that never waits; small letters a to c, x to z
 * release them. Before one that takes, r: as a recursive reader, s: as another reader, t: by a
 * trylock that succeeds, n: of subclass 1. i, I: interrupts off, and on; h, H: an interrupt comes,
 * and ends, g: one that no thread could handle; f, F: a softirq; d, D: bottom halves off, and on;
 * m, M: an NMI.
 */
#pragma once

#include "guest/lockdep.h"

extern struct lockdep_map program_maps[3];  /* A to C */
extern struct lockdep_map program_waits[3]; /* X to Z */

/* In the task that calls it. */
void program_run(const char *steps);

/* A machine for program_said(): one cpu, which has nothing to do. bug: a seeded one, or NULL. */
void program_boot(const char *bug);

/*
 * What lockdep's first line says of these steps, or, steps NULL, of fn(), without "panic on cpu 0:
 * ";
 * "" if it is silent. Each from the state of program_boot().
 */
const char *program_said(const char *steps, void (*fn)(void));
