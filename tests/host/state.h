// SPDX-License-Identifier: ISC
/*
 * The state that a run starts from: taken once, put back before each run.
 */
#pragma once

#include <stddef.h>

/*
 * The first call keeps the kernel's variables, and the scenarios', as the process was started with
 * them; later ones put them back. Before each boot.
 */
void state_begin(void);

/* One more piece of the state that is to be taken, beside those variables. */
void state_add(void *start, size_t size);

void state_take(void);
void state_put_back(void);

/* Bytes of what state_take() took. */
size_t state_size(void);
