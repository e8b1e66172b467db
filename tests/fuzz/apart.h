// SPDX-License-Identifier: ISC
/*
 * Runs of inputs in processes of their own, which may end as they do: what an input does wrong does
 * nothing to the next one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What the input does wrong, until the next call; NULL: nothing. */
const char *apart_run(const uint8_t *data, size_t size);

/* In such a process: it ends, and this is what was wrong. In others: nothing happens. */
void apart_end(const char *words);
