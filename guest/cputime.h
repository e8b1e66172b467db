// SPDX-License-Identifier: ISC
/*
 * Whose time a tick took: Linux's kernel/sched/cputime.c, by ticks. Guest time lasts longer than
 * guest mode: it ends only behind the interrupt that ended the guest, so that a tick that did so is
 * the guest's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/panic.h"
#include "guest/percpu.h"

struct vcpu;

enum cputime {
	CPUTIME_USER,
	CPUTIME_SYSTEM,
	CPUTIME_GUEST,
	CPUTIME_IDLE,
	CPUTIME_COUNT,
};

/* Ticks of this cpu; by it, in hardirq. */
DECLARE_PER_CPU(uint32_t[CPUTIME_COUNT], cputime);

/* The vcpu whose guest time runs on this cpu, or NULL. irqs off. */
DECLARE_PER_CPU(struct vcpu *, timed_vcpu);

/* Around the guest and what ended it: Linux's guest_timing_enter_irqoff(). irqs off, count 1. */
static inline void
guest_timing_enter_irqoff(struct vcpu *vcpu)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	this_cpu_write(timed_vcpu, vcpu);
}

static inline void
guest_timing_exit_irqoff(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	this_cpu_write(timed_vcpu, NULL);
}

/* Does this cpu's guest time run? irqs off. */
static inline bool
guest_timing(void)
{
	return this_cpu_read(timed_vcpu) != NULL;
}

/* A tick. hardirq, irqs off. */
void account_tick(void);
