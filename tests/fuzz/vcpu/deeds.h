// SPDX-License-Identifier: ISC
/*
 * What the workers of vcpu/world.h do: an operation of the input each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/smp.h"
#include "guest/vm.h"
#include "tests/fuzz/vcpu/exits.h"
#include "tests/fuzz/vcpu/world.h"

#define ARGS_MAX     4u
#define TIME_UNIT_NS 500000ull

struct operation {
	uint8_t kind;
	uint8_t args[ARGS_MAX];
};

static inline struct task *
task_of(uint8_t arg)
{
	return world_tasks[arg % WORLD_TASKS];
}

/* NULL: it is not there yet. */
static inline struct vcpu *
deeds_vcpu(uint8_t arg)
{
	return vm_vcpu(world_vm, arg % EXITS_VCPUS);
}

/* A set of cpus of this machine that is not empty. */
static inline uint64_t
cpus_of(uint8_t arg)
{
	uint64_t cpus = arg & ((1u << cpu_count) - 1);

	return cpus != 0 ? cpus : UINT64_MAX;
}

/* Is it for a worker? It is the first argument. */
bool deeds_has(const struct operation *operation);

/* In a worker. */
void deeds_do(const struct operation *operation);

/* ---- deeds_later.c ---- */

void deeds_later(const struct operation *operation);
void deeds_rcu(const struct operation *operation);
void deeds_boot(void);

/* No worker is there any more: nor is a timer of theirs. May sleep. */
void deeds_end(void);

/* ---- deeds_machine.c ---- */

void deeds_create(const struct operation *operation);
void deeds_machine(const struct operation *operation);

/* What was freed, and is nobody's, was not written. */
void deeds_check_memory(void);
