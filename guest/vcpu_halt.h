// SPDX-License-Identifier: ISC
/*
 * A vcpu that waits: for an interrupt of its own, and for another vcpu that holds a lock. Follows
 * kvm_vcpu_halt(), kvm_vcpu_block() and kvm_vcpu_on_spin() of virt/kvm/kvm_main.c.
 */
#pragma once

#include <stdbool.h>

#include "guest/vcpu.h"

/*
 * Until it is runnable, or a signal or a request to look up comes: first by looking, for as long as
 * halt_poll_ns says, while nothing else wants the cpu; then asleep. It stays loaded, and is put and
 * loaded by the switches. Loaded; count 0, irqs on.
 */
void vcpu_halt(struct vcpu *vcpu);

/* The sleep alone. */
void vcpu_block(struct vcpu *vcpu);

/*
 * Its guest's HLT or WFI is carried out: waits here (arm64's), or has the loop wait (x86's).
 * Returns 1. Loaded; count 0, irqs on.
 */
int vcpu_emulate_halt(struct vcpu *vcpu);

/* Has it something to run for? Owner. */
bool vcpu_runnable(const struct vcpu *vcpu);

/*
 * Its guest spins for a lock: gives the cpu to one of its machine's vcpus that was preempted, or is
 * ready, if there is one. Loaded; count 0, irqs on.
 */
void vcpu_on_spin(struct vcpu *vcpu);
