// SPDX-License-Identifier: ISC
/*
 * Per-CPU variables. Each lives in section .percpu; cpu 0 uses the section itself, the others a
 * copy made by percpu_init(), percpu_offset[cpu] bytes away.
 *
 * this_cpu_* (arch_percpu.h) is one instruction, atomic against this cpu's interrupts, and needs
 * no preempt_disable(). this_cpu_ptr() does: the pointer must not outlive the pinning.
 */
#pragma once

#include <stdint.h>

#include "shared/boot_abi.h"

#include "arch_percpu.h"

#define CPUS_MAX BOOT_CPUS_MAX

#define DECLARE_PER_CPU(type, name) extern PER_CPU_SECTION __typeof__(type) name
#define DEFINE_PER_CPU(type, name)  PER_CPU_SECTION __typeof__(type) name

extern uintptr_t percpu_offset[CPUS_MAX];

#define per_cpu_ptr(ptr, cpu) ((__typeof__(*(ptr)) *)((uintptr_t)(ptr) + percpu_offset[(cpu)]))
#define per_cpu(name, cpu)    (*per_cpu_ptr(&(name), cpu))

/* Per-CPU in the arch's sense: its own number and the address of its area minus the section's. */
DECLARE_PER_CPU(uint32_t, cpu_number);
DECLARE_PER_CPU(uintptr_t, this_cpu_offset);

/* Any context; at once out of date unless the caller is pinned. */
#define raw_smp_processor_id() this_cpu_read(cpu_number)

/* The same. */
#define raw_cpu_ptr(ptr) ((__typeof__(*(ptr)) *)((uintptr_t)(ptr) + this_cpu_read(this_cpu_offset)))

/*
 * preempt_debug.c, debug images: the caller cannot be moved to another cpu (preemption or irqs off,
 * a task of one cpu only, early boot), else panic, naming what it used.
 */
void percpu_check_pinned(const char *what);

#define PERCPU_CHECK(what) (CONFIG_DEBUG ? percpu_check_pinned(what) : (void)0)

/* Any context in which the caller is pinned to its cpu. */
#define smp_processor_id() (PERCPU_CHECK("smp_processor_id()"), raw_smp_processor_id())
#define this_cpu_ptr(ptr)  (PERCPU_CHECK("this_cpu_ptr()"), raw_cpu_ptr(ptr))

/* Gives every cpu but 0 its area, in fresh pages. Boot cpu, once, after page_init(). */
void percpu_init(uint32_t count);
