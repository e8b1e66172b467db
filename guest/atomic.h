// SPDX-License-Identifier: ISC
/*
 * Atomics: wrapper structs, so that plain access does not compile. Operations are macros over any
 * of them; the order is in the name, read-modify-write without a suffix is sequentially consistent
 * (a full barrier), as in Linux. The architecture supplies arch_atomic_*: compiler builtins on a
 * machine, modelled store buffers in tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct atomic {
	uint32_t value;
};

struct atomic64 {
	uint64_t value;
};

struct atomic_ptr {
	void *value;
};

#include "arch_atomic.h"

#define ATOMIC_INIT(v)       \
	{                    \
		.value = (v) \
	}

#define atomic_load(a)             arch_atomic_load(&(a)->value, __ATOMIC_RELAXED)
#define atomic_load_acquire(a)     arch_atomic_load(&(a)->value, __ATOMIC_ACQUIRE)
#define atomic_store(a, v)         arch_atomic_store(&(a)->value, v, __ATOMIC_RELAXED)
#define atomic_store_release(a, v) arch_atomic_store(&(a)->value, v, __ATOMIC_RELEASE)

/* Adds one to what only the caller may write now: a store with release order, not one step. */
#define atomic_inc_release_sole(a) arch_atomic_inc_release_sole(&(a)->value)

/* Each returns the value before. */
#define atomic_xchg(a, v)      arch_atomic_xchg(&(a)->value, v)
#define atomic_fetch_add(a, v) arch_atomic_fetch_add(&(a)->value, v)
#define atomic_fetch_sub(a, v) arch_atomic_fetch_sub(&(a)->value, v)
#define atomic_fetch_or(a, v)  arch_atomic_fetch_or(&(a)->value, v)
#define atomic_fetch_and(a, v) arch_atomic_fetch_and(&(a)->value, v)

/*
 * If *a == *expected, stores v and returns true; else copies *a to *expected and returns false,
 * which orders nothing.
 */
#define atomic_try_cmpxchg(a, expected, v) arch_atomic_try_cmpxchg(&(a)->value, expected, v)

/*
 * Plain 32-bit words that only one cpu's code changes, what interrupts it included: one instruction
 * each, so that none of it is lost, and no order. dec_and_test: is the word zero then?
 */
#define local_inc(p)          arch_local_inc(p)
#define local_dec_and_test(p) arch_local_dec_and_test(p)
#define local_and(p, v)       arch_local_and(p, v)
#define local_or(p, v)        arch_local_or(p, v)

/* Store, then a full barrier: Linux's smp_store_mb. */
#define atomic_store_mb(a, v) ((void)atomic_xchg(a, v))

/* The compiler alone; the machine's barriers: full, loads, stores. */
#define barrier() __asm__ volatile("" ::: "memory")
#define smp_mb()  arch_smp_mb()
#define smp_rmb() arch_smp_rmb()
#define smp_wmb() arch_smp_wmb()
