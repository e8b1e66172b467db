// SPDX-License-Identifier: ISC
/*
 * Per-CPU access on the simulated machine: one indivisible step each, before which an interrupt may
 * come and, with it, another cpu. The address is therefore made after the point, never before.
 */
#pragma once

#include <stdint.h>

#include "tests/host/machine.h"

/* percpu_init() copies the section as a whole: nothing may lie between its variables. */
#ifdef __clang__
#define PER_CPU_SECTION __attribute__((section(".percpu"), no_sanitize("address")))
#else
#define PER_CPU_SECTION __attribute__((section(".percpu")))
#endif

#define HOST_PER_CPU(name) (*(__typeof__(name) *)((uintptr_t) & (name) + host_this->percpu))

#define this_cpu_read(name)         \
	__extension__({             \
		host_point_local(); \
		HOST_PER_CPU(name); \
	})

#define this_cpu_write(name, v)                       \
	do {                                          \
		__typeof__(name) percpu_value_ = (v); \
		host_point_local();                   \
		HOST_PER_CPU(name) = percpu_value_;   \
	} while (0)

#define this_cpu_fetch_add(name, v)                                                     \
	__extension__({                                                                 \
		__typeof__(name) percpu_value_ = (v);                                   \
		_Static_assert(sizeof(name) == 4 || sizeof(name) == 8, "4 or 8 bytes"); \
		host_point_local();                                                     \
		__typeof__(name) percpu_old_ = HOST_PER_CPU(name);                      \
		HOST_PER_CPU(name) = percpu_old_ + percpu_value_;                       \
		percpu_old_;                                                            \
	})

#define this_cpu_add(name, v) ((void)this_cpu_fetch_add(name, v))
