// SPDX-License-Identifier: ISC
/*
 * The image of fuzz_exit's guest, for the names of its functions only: "first" and "second" of
 * 16 KiB each, from 0xffffffff80000000 on.
 */
#pragma once

#include <stddef.h>

extern const void *const exit_image;
extern const size_t exit_image_size;
