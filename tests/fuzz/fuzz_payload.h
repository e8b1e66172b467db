// SPDX-License-Identifier: ISC
/*
 * The part of fuzz_payload that loads images.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_PAGES_MAX 32u

/* Loads it where there are so many pages of memory. Returns as fuzz_target's run(). */
const char *payload_run_image(const uint8_t *data, size_t size, size_t pages);

void payload_tell_image(const uint8_t *data, size_t size, size_t pages,
                        void (*print)(const char *line));
