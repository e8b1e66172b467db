// SPDX-License-Identifier: ISC
/*
 * Per-CPU access on x86-64: GS base is the cpu's percpu_offset, so %gs:symbol is its copy.
 *
 * The segment is written out where assembly names a variable: clang leaves it out of operands that
 * have it in their type, and would silently use cpu 0's copy.
 */
#pragma once

#include <stdint.h>

#define PER_CPU_SECTION __attribute__((section(".percpu")))

#define this_cpu_read(name)     (*(volatile __seg_gs __typeof__(name) *)(uintptr_t) & (name))
#define this_cpu_write(name, v) (*(volatile __seg_gs __typeof__(name) *)(uintptr_t) & (name) = (v))

/*
 * Variables of 4 or 8 bytes. One instruction: a compiler would be free to split a plain += of a
 * volatile.
 */
#define this_cpu_add(name, v)                                                           \
	do {                                                                            \
		_Static_assert(sizeof(name) == 4 || sizeof(name) == 8, "4 or 8 bytes"); \
		if (sizeof(name) == 4) {                                                \
			__asm__ volatile("addl %1, %%gs:%0"                             \
			                 : "+m"(name)                                   \
			                 : "ri"((uint32_t)(v))                          \
			                 : "cc");                                       \
		} else {                                                                \
			__asm__ volatile("addq %1, %%gs:%0"                             \
			                 : "+m"(name)                                   \
			                 : "re"((uint64_t)(v))                          \
			                 : "cc");                                       \
		}                                                                       \
	} while (0)
