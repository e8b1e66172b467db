// SPDX-License-Identifier: ISC
/*
 * What a guest is told of the time that its vcpu does not get: how much was stolen, and a flag
 * while its vcpu is preempted, so that others do not wait for it in vain. In a page of the guest's
 * memory (struct payload_steal). Follows record_steal_time() of arch/x86/kvm/x86.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/vcpu.h"

/* Where the guest wants it, 0: nowhere. false: no such place. Owner, loaded; count 0; may sleep. */
bool vcpu_steal_set(struct vcpu *vcpu, uint64_t addr);

/*
 * The flag, if the task was preempted between two instructions of its guest: what the guest sees
 * half done it would take for a lock's holder that is gone (6cd88243c7e0). Called by the put of a
 * preempted one: irqs off, the run queue's lock held; does not fault.
 */
void vcpu_steal_publish_preempted(struct vcpu *vcpu);

/* It is back on a cpu: what it was preempted for is stolen. sched_in's. */
static inline void
vcpu_steal_end(struct vcpu *vcpu)
{
	if (__builtin_expect(vcpu->steal.since_ns != 0, 0)) {
		vcpu->steal.total_ns += arch_clock_ns() - vcpu->steal.since_ns;
		vcpu->steal.since_ns = 0;
	}
}

/* Before an entry: VCPU_REQ_STEAL's. Owner; count 0. */
void vcpu_steal_record(struct vcpu *vcpu);
