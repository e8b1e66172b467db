// SPDX-License-Identifier: ISC
/*
 * Whose time a tick took: Linux's kernel/sched/cputime.c, by ticks. Guest time lasts longer than
 * guest mode: it ends only behind the interrupt that ended the guest, so that a tick that did so is
 * the guest's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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

/* Around the guest and what ended it: Linux's guest_timing_enter_irqoff(). irqs off, count 1. */
void guest_timing_enter_irqoff(struct vcpu *vcpu);
void guest_timing_exit_irqoff(void);

/* Does this cpu's guest time run? irqs off. */
bool guest_timing(void);

/* A tick. hardirq, irqs off. */
void account_tick(void);
