// SPDX-License-Identifier: ISC
/*
 * What a right program does not do, and the kernel reports: then the run ends, with these words,
 * and nothing is wrong. A run that goes on has a kernel that is blind.
 */
#pragma once

#include <stdbool.h>

void misuse_prepare(void);

/* Task context, count 0, irqs on. Does not return. */
_Noreturn void misuse_commit(unsigned int form);

/* Is that what the run has failed with? */
bool misuse_is_reported(const char *reason);
