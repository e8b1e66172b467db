// SPDX-License-Identifier: ISC
/*
 * Stacks to run on: the kernel's, and the one the process was started with. AddressSanitizer is
 * told of each change, and forgets what abandoned frames left behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A new stack below top, whose first fiber_switch() calls fn(), which does not return. Its sp. */
void *fiber_prepare(void *top, void (*fn)(void));

/*
 * Saves this stack in *save and goes on with the one saved in load, which lies in `size` bytes from
 * bottom; size 0: the process's own.
 */
void fiber_switch(void **save, void *load, const void *bottom, size_t size);

/* First thing on a new stack. */
void fiber_started(void);

/* Frames on these `size` bytes of stack are gone. */
void fiber_forget(const void *bottom, size_t size);

/* May a stack be put back as it was? Not where a sanitizer knows more of it than its bytes. */
bool fiber_is_only_bytes(void);
