// SPDX-License-Identifier: ISC
/*
 * A page that the kernel's side of a scenario and its programs of ring 3 both see: the scenario
 * maps it there before it runs the program.
 */
#pragma once

#include <stdint.h>

#define SHARED_ADDRESS 0x10000000u

#define SHARED_TASKS 8u

struct shared {
	uint32_t stop;  /* set by the scenario: loops end */
	uint32_t word;  /* a futex */
	uint32_t turns; /* of those who play with it */
	uint32_t reserved;
	uint64_t counts[SHARED_TASKS]; /* what each task has done */
};
