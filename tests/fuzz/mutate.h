// SPDX-License-Identifier: ISC
/*
 * Random inputs, and random changes of inputs, of the target that is linked in (target.h), by its
 * kinds of records. For targets that have kinds only.
 *
 * Any bytes come in. What goes out are whole records: of the kinds that the target knows, each with
 * all of its arguments, below their bounds; of other kinds as they were. It depends on the
 * arguments alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A new input, as near to `size` bytes as whole records come. Returns its size, not above `size`.
 */
size_t fuzz_generate(uint8_t *data, size_t size, uint64_t seed);

/* Changes an input in its place, by one to a few edits. Returns its size, not above `size_max`. */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed);

/* An input of two others' records. `out` may not be one of them. Returns its size. */
size_t fuzz_crossover(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size,
                      uint8_t *out, size_t out_max, uint64_t seed);
