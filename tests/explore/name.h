// SPDX-License-Identifier: ISC
/*
 * Names of addresses, and of what words there hold, for the telling of runs. Scenarios give them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/host/machine.h"

/* "" for NULL. Valid until the next call. */
const char *name_of(const void *addr);

/* Has explore_show() been called for it? */
bool name_is_shown(const void *addr);

/* What the shown word holds, in words. */
void name_value(const void *addr, uint32_t value, char *text, size_t size);

/* Forgets them all: another scenario is about to boot. */
void name_forget(void);
