// SPDX-License-Identifier: ISC
/*
 * Atomic operations on the simulated machine: every one is a point at which anything else may
 * happen first, and plain stores wait in the cpu's store buffer (machine.h). x86 orders loads with
 * loads and stores with stores by itself, so acquire, release, rmb and wmb change nothing but what
 * race.h takes for ordered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/host/machine.h"

#define HOST_WORD(v) ((uint64_t)(uintptr_t)(v))

#define arch_atomic_load(p, order) ((__typeof__(*(p)))(uintptr_t)host_load(p, sizeof(*(p)), order))

#define arch_atomic_store(p, v, order) host_store(p, sizeof(*(p)), HOST_WORD(v), order)

#define arch_atomic_inc_release_sole(p)                                                \
	do {                                                                           \
		__typeof__(p) host_p_ = (p);                                           \
		host_store(host_p_, sizeof(*host_p_),                                  \
		           host_load(host_p_, sizeof(*host_p_), __ATOMIC_RELAXED) + 1, \
		           __ATOMIC_RELEASE);                                          \
	} while (0)

/* A statement expression, so that a value that nobody wants is no warning. */
#define HOST_RMW(p, op, v) \
	__extension__({ (__typeof__(*(p)))(uintptr_t)host_rmw(p, sizeof(*(p)), op, HOST_WORD(v)); })

#define arch_atomic_xchg(p, v)      HOST_RMW(p, HOST_XCHG, v)
#define arch_atomic_fetch_add(p, v) HOST_RMW(p, HOST_ADD, v)
#define arch_atomic_fetch_sub(p, v) HOST_RMW(p, HOST_SUB, v)
#define arch_atomic_fetch_or(p, v)  HOST_RMW(p, HOST_OR, v)
#define arch_atomic_fetch_and(p, v) HOST_RMW(p, HOST_AND, v)

#define arch_atomic_try_cmpxchg(p, expected, v)                                                 \
	__extension__({                                                                         \
		uint64_t host_expected_ = HOST_WORD(*(expected));                               \
		bool host_done_ = host_cmpxchg(p, sizeof(*(p)), &host_expected_, HOST_WORD(v)); \
		*(expected) = (__typeof__(*(expected)))(uintptr_t)host_expected_;               \
		host_done_;                                                                     \
	})

/* One instruction against interrupts of this cpu, and nobody else writes it. */
#define arch_local_fetch_add(p, v)              \
	__extension__({                         \
		uint64_t *host_at_ = (p);       \
		host_point_local();             \
		uint64_t host_old_ = *host_at_; \
		host_point_torn();              \
		*host_at_ = host_old_ + (v);    \
		host_old_;                      \
	})

/* The same of 32-bit words; each evaluates to the word after it. */
#define HOST_LOCAL(p, op, v)                    \
	__extension__({                         \
		uint32_t *host_at_ = (p);       \
		host_point_local();             \
		uint32_t host_old_ = *host_at_; \
		host_point_torn();              \
		*host_at_ = host_old_ op(v);    \
	})

#define arch_local_inc(p)          ((void)HOST_LOCAL(p, +, 1))
#define arch_local_dec_and_test(p) (HOST_LOCAL(p, -, 1) == 0)
#define arch_local_and(p, v)       ((void)HOST_LOCAL(p, &, v))
#define arch_local_or(p, v)        ((void)HOST_LOCAL(p, |, v))

#define arch_smp_mb()  host_fence()
#define arch_smp_rmb() host_order(__ATOMIC_ACQUIRE)
#define arch_smp_wmb() host_order(__ATOMIC_RELEASE)
