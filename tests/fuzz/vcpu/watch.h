// SPDX-License-Identifier: ISC
/*
 * Looks at the machine of vcpu/world.h from outside: what must hold at each moment, at each switch
 * of a runner, whenever nothing can happen but that time passes, and in the end. What does not
 * hold fails the run (host_fail()).
 */
#pragma once

#include <stdint.h>

#include "tests/host/machine.h"

struct vcpu;

/* schedule_watch. */
void watch_transition(const struct host_transition *t);

/* host_interrupt_seen. */
void watch_interrupt(unsigned int cpu);

/* This vcpu is to be reset: what it was to be told may be gone. Before. */
void watch_reset(uint32_t id);

/* Its runner, behind vcpu_run(). */
void watch_outside(const struct vcpu *vcpu);

/* Current has done what it does to vcpus: what it has asked to exit is to be interrupted. */
void watch_behind_asker(void);

/* Machine checks of the schedule's that have struck its guest, and are errors of their own. */
uint64_t watch_strikes(uint32_t id);

/* ---- watch_switch.c ---- */

/* struct probe's, of a runner. */
void watch_behind_out(void);
void watch_behind_in(void);

/* ---- watch_end.c ---- */

/* An error is ordered (vcpu_inject.h) for the exit of this number; 0: none. Before the run. */
void watch_order(unsigned int exit);

/* Nobody will run it any more: its exits count. */
void watch_stopped(const struct vcpu *vcpu);

/* Nobody runs the machine's vcpus any more. */
void watch_end(void);

/* What the vcpu has counted, as watch_end() found it, in words; "": there was none, or no end. */
const char *watch_counts(uint32_t id);

/* Nobody but its allocator has written to this memory of a vcpu that is gone; NULL: there is none.
 */
void watch_unwritten(const uint8_t *memory);
