// SPDX-License-Identifier: ISC
/*
 * How an instrumented kernel's counts leave its machine: as a stream, in buffers whose physical
 * addresses are written to a port. The stream has chunks, each behind a 32-bit word: its size in
 * bytes, and whether it is the name of the file that the next ones go to. An empty name is the end.
 */
#pragma once

#include <stdint.h>

#define COUNTS_PORT 0xe9 /* OUT, 32 bits */
#define COUNTS_NAME 0x80000000u
#define COUNTS_ROOM 0x4000u

struct counts_buffer {
	uint32_t size;
	uint8_t bytes[COUNTS_ROOM];
};
