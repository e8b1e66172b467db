// SPDX-License-Identifier: ISC
#pragma once

#include <stdbool.h>

#include "guest/task.h"

/*
 * Current gives its cpu's turn to another task of the fair class that is ready to run: on this cpu
 * it is next; another cpu is asked to look, at once and under every model. Returns whether there
 * was something to give: false if either is of another class, or the other is not queued, or runs.
 * The caller has a reference. Count 0, irqs on. Linux's.
 */
bool yield_to(struct task *task);
