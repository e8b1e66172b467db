// SPDX-License-Identifier: ISC
/*
 * In the place of guest/bug.h: no bug is known. A kernel that is compiled with this one must have
 * the same text as guest.elf.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define bug(name) 0

bool bug_choose(const char *name, size_t size);
