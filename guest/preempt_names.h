// SPDX-License-Identifier: ISC
/*
 * The names of the preemption models, read and shown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guest/preempt_model.h"

#define PREEMPT_NAMES_SIZE 64 /* bytes, enough for preempt_names_format(); NUL included */

/* The model of this name, of `size` bytes. False, and *model as it was, if there is none. */
bool preempt_names_parse(const char *text, size_t size, enum preempt_model *model);

/*
 * All names in one line, the active one in parentheses, as Linux's file sched/preempt in debugfs
 * has them. Returns the length; what does not fit (size > 0) is cut. Any context.
 */
size_t preempt_names_format(char *buf, size_t size, enum preempt_model active);
