// SPDX-License-Identifier: ISC
#include "guest/vcpu_steal.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/vcpu_request.h"

bool
vcpu_steal_set(struct vcpu *vcpu, uint64_t addr)
{
	struct payload_steal *cached = NULL;

	ASSERT(preempt_count() == 0);
	if (addr != 0) {
		if (!vm_is_memory(addr) || addr % sizeof(*cached) != 0 ||
		    !vm_touch(vcpu->vm, addr)) {
			return false;
		}
		cached = mm_find(vcpu->vm->mm, addr, true);
		if (cached == NULL) {
			return false;
		}
	}
	preempt_disable(); /* a put in between would find half of it */
	vcpu->steal = (struct vcpu_steal){ .addr = addr, .cached = cached };
	preempt_enable();
	if (addr != 0) {
		vcpu_set_request(vcpu, VCPU_REQ_STEAL);
	}
	return true;
}

/* Guest memory, which the guest may write at any time: nothing that is read there is believed. */
static struct atomic *
flags_of(struct vcpu *vcpu)
{
	return (struct atomic *)&vcpu->steal.cached->flags;
}

void
vcpu_steal_publish_preempted(struct vcpu *vcpu)
{
	if (vcpu->steal.cached == NULL) {
		return;
	}
	vcpu->steal.since_ns = arch_clock_ns();
	if (vcpu->at_instruction_boundary || bug(PREEMPTED_SEEN_EARLY)) {
		atomic_fetch_or(flags_of(vcpu), PAYLOAD_STEAL_PREEMPTED);
	}
}

/* Whoever wanted our translations gone while we were preempted left it to us. */
void
vcpu_steal_record(struct vcpu *vcpu)
{
	struct payload_steal *steal = vcpu->steal.cached;
	uint32_t flags;

	ASSERT(preempt_count() == 0);
	if (steal == NULL) {
		return;
	}
	flags = atomic_xchg(flags_of(vcpu), 0);
	if (flags & PAYLOAD_STEAL_FLUSH) {
		vcpu_set_request(vcpu, VCPU_REQ_FLUSH_CURRENT);
	}
	atomic_store((struct atomic *)&steal->version, ++vcpu->steal.version);
	smp_wmb();
	steal->steal_ns = vcpu->steal.total_ns;
	smp_wmb();
	atomic_store((struct atomic *)&steal->version, ++vcpu->steal.version);
}
