// SPDX-License-Identifier: ISC
/*
 * The guest's side of the doorbell, see shared/doorbell_abi.h. Without a doorbell, the functions
 * that may return do nothing. Any context unless said.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_info;

/* Believes the tree only if the doorbell answers. Boot. */
void doorbell_init(const struct boot_info *info);

bool doorbell_is_there(void);
bool doorbell_has_console(void);

/* Through the ring; done at return. Serialized by the caller; in panic possibly not. */
void doorbell_write(const char *text, size_t length);

/*
 * This error (DOORBELL_INJECT_*) for this cpu, before the call returns; false: the VMM has none.
 */
bool doorbell_inject(uint32_t what);

/* Do not return if there is a doorbell. */
void doorbell_exit(int status);
void doorbell_panic(uintptr_t preempt_disable_ip);
