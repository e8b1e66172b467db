// SPDX-License-Identifier: ISC
/*
 * The system calls: what programs of ring 3 ask for. shared/user_abi.h has their contract.
 */
#pragma once

#include <stdint.h>

#include "shared/user_abi.h"

/* Carries one out and returns its result, or a negative error. User task, count 0, irqs on. */
int64_t syscall_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c);

/* Its name, "unknown" if there is none. Any context. */
const char *syscall_name(uint64_t number);
