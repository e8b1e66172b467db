// SPDX-License-Identifier: ISC
/*
 * A smaller input with the same finding: first of the schedule, as little as it takes; then the
 * operations and replies; then their arguments; then the header's. Inputs that are plain bytes lose
 * bytes, then have them 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an input of `size` bytes does wrong, until the next call; NULL: nothing. */
typedef const char *shrink_run(const uint8_t *data, size_t size);

/* Whether two findings are the same one: numbers in them may differ. */
bool shrink_same(const char *one, const char *two);

/*
 * Makes the input smaller in its place; it goes on to have the finding that it has. At least one
 * that is wrong. Returns its size; *runs: how often it was run.
 */
size_t shrink(uint8_t *data, size_t size, shrink_run *run, unsigned int *runs);
