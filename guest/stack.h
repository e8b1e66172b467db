// SPDX-License-Identifier: ISC
/*
 * Kernel stacks: STACK_SIZE bytes each, with an unmapped guard of the same size below.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STACK_SIZE   0x4000u /* bytes */
#define STACK_CANARY 0x57ac6e9d0badf00dull

/*
 * Lowest address of a mapped stack whose first word is the canary, or NULL: no memory. Freed stacks
 * stay mapped and are handed out first. Any context but hardirq and NMI.
 */
void *stack_alloc(void);
void stack_free(void *stack);

/* Is the canary in place? Any context. */
static inline bool
stack_intact(const void *stack)
{
	return *(const uint64_t *)stack == STACK_CANARY;
}
