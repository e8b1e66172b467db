// SPDX-License-Identifier: ISC
/*
 * The steps of a run in words, one line each, every cpu in its column.
 */
#pragma once

#include <stddef.h>

#include "tests/host/machine.h"

#define TELL_SIZE 160 /* bytes of a line */

/* A transition that is about to happen. Returns the line's length. */
int tell_transition(const struct host_transition *t, unsigned int moment, char *line, size_t size);

/* What the current cpu gets from host_choose(n). */
int tell_choice(unsigned int value, unsigned int n, char *line, size_t size);

/* What else happens to the cpu: words. */
int tell_event(unsigned int cpu, const char *words, char *line, size_t size);
