// SPDX-License-Identifier: ISC
/*
 * The state that a run starts from: taken once, put back before each run. So are moments of runs
 * that others go on from, and other starts, each in a slot of its own; slot 0 is the start that was
 * booted last.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/host/machine.h"

#define STATE_SLOTS       (STATE_OF_HASH + 1)
#define STATE_OF_KEPT(n)  (1 + (n))
#define STATE_OF_IMAGE(n) (1 + HOST_KEPT_MAX + (n))
#define STATE_OF_HASH     STATE_OF_IMAGE(HOST_IMAGES_MAX)

/*
 * The first call keeps the kernel's variables, and the scenarios', as the process was started with
 * them; later ones put them back. Before each boot.
 */
void state_begin(void);

/* What is taken next goes into this slot: those variables. */
void state_begin_slot(unsigned int slot);

/* One more piece of it. */
void state_add(void *start, size_t size);

void state_take(void);
void state_put_back(unsigned int slot);

/* Of what the slot has. */
uint64_t state_hash(unsigned int slot);

/* Bytes of what the start is. */
size_t state_size(void);
