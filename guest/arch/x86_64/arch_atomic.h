// SPDX-License-Identifier: ISC
/*
 * Atomic operations on x86-64: the compiler's builtins; lock-prefixed operations are full barriers.
 */
#pragma once

#define arch_atomic_load(p, order)     __atomic_load_n(p, order)
#define arch_atomic_store(p, v, order) __atomic_store_n(p, v, order)
#define arch_atomic_xchg(p, v)         __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define arch_atomic_fetch_add(p, v)    __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define arch_atomic_fetch_sub(p, v)    __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST)
#define arch_atomic_fetch_or(p, v)     __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define arch_atomic_fetch_and(p, v)    __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define arch_atomic_try_cmpxchg(p, expected, v) \
	__atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

/* A 32-bit word. Every store is a release. */
#define arch_atomic_inc_release_sole(p) __asm__ volatile("incl %0" : "+m"(*(p)) : : "memory", "cc")

/* 32-bit words, atomic against this cpu's interrupts and NMIs. */
#define arch_local_inc(p) __asm__ volatile("incl %0" : "+m"(*(p)) : : "memory", "cc")
#define arch_local_dec_and_test(p)                                                           \
	__extension__({                                                                      \
		bool local_zero_;                                                            \
		__asm__ volatile("decl %1" : "=@ccz"(local_zero_), "+m"(*(p)) : : "memory"); \
		local_zero_;                                                                 \
	})
#define arch_local_and(p, v) \
	__asm__ volatile("andl %1, %0" : "+m"(*(p)) : "ri"((uint32_t)(v)) : "memory", "cc")
#define arch_local_or(p, v) \
	__asm__ volatile("orl %1, %0" : "+m"(*(p)) : "ri"((uint32_t)(v)) : "memory", "cc")

/*
 * Adds v to *p, a uint64_t that only this cpu writes, and returns the value before: one
 * instruction, so atomic against this cpu's interrupts and NMIs, and no lock prefix.
 */
#define arch_local_fetch_add(p, v)                                                          \
	__extension__({                                                                     \
		uint64_t local_value_ = (v);                                                \
		__asm__ volatile("xaddq %1, %0" : "+m"(*(p)), "+r"(local_value_) : : "cc"); \
		local_value_;                                                               \
	})

/* A locked operation on the stack is cheaper than mfence and orders the same. */
#define arch_smp_mb()  __asm__ volatile("lock; addl $0, -4(%%rsp)" ::: "memory", "cc")
#define arch_smp_rmb() __asm__ volatile("" ::: "memory")
#define arch_smp_wmb() __asm__ volatile("" ::: "memory")
