// SPDX-License-Identifier: ISC
/*
 * Objects of up to half a page: power-of-two size classes over pages.
 */
#pragma once

#include <stddef.h>

#define OBJECT_SIZE_MAX 2048u /* bytes */

/* Zeroed, aligned to its size class (at least 32), or NULL. Any context but NMI. */
void *object_alloc(size_t size);

/* size as it was allocated. */
void object_free(void *object, size_t size);
