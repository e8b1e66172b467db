// SPDX-License-Identifier: ISC
/*
 * Scenarios whose tasks run vcpus: how they begin, and what must hold in the end.
 */
#pragma once

#include "guest/vcpu.h"
#include "tests/host/guest.h"

/* Of the machines; a test fixes it in each exploration. */
extern enum vm_early vcpus_flavour;

/* The last one that vcpus_create() has made. */
extern struct vcpu *vcpus_only;

/* A task, before the gate: a machine with one vcpu, or another vcpu of the machine of this one. */
struct vcpu *vcpus_create(host_guest *guest);
struct vcpu *vcpus_add(struct vcpu *first);

/* An endless loop; and one that the exploration finds begun. */
unsigned int vcpus_loop(struct vcpu *vcpu, unsigned int at);
unsigned int vcpus_loop_from_gate(struct vcpu *vcpu, unsigned int at);

/*
 * Of current's vcpu, behind its sched_out and its sched_in: what it says of itself is what happens.
 * out: returns whether it was preempted. A step (host_step_begin()); irqs off.
 */
bool vcpus_look_behind_out(const struct vcpu *vcpu);
void vcpus_look_behind_in(const struct vcpu *vcpu);

/*
 * In check(): no vcpu stays in its guest, or sleeps, with something pending that it is to leave or
 * wake for; and no more interrupts were sent for it than made it exit.
 */
void vcpus_check(struct vcpu *vcpu);
