// SPDX-License-Identifier: ISC
/*
 * Requests: what others want a vcpu to do before it enters its guest again, and the kick that makes
 * it leave. Follows Documentation/virt/kvm/vcpu-requests.rst and virt/kvm/kvm_main.c.
 *
 * The requester sets the bit, then looks at mode; the owner sets mode, then looks at the bits; a
 * full barrier each between the two. So the bit is seen before the entry, or the requester sees IN
 * and sends an interrupt, which cannot be taken before the entry opens interrupts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/vcpu.h"

/* In the order in which they are served. */
enum vcpu_request {
	VCPU_REQ_VM_DEAD,
	VCPU_REQ_SLEEP, /* vcpu_pause()'s */
	VCPU_REQ_RESET,
	VCPU_REQ_IRQ_PENDING, /* look at vcpu->pending again */
	VCPU_REQ_STEAL,       /* tell the guest its steal time */
	VCPU_REQ_FLUSH_ALL,   /* forget translations; before FLUSH_CURRENT */
	VCPU_REQ_FLUSH_CURRENT,
	VCPU_REQ_SUSPEND,
	VCPU_REQ_UNBLOCK, /* a blocked one looks up */
	VCPU_REQ_COUNT,
};

/* Those for which a blocked vcpu looks up. The rest wait for its next entry. */
#define VCPU_REQS_THAT_WAKE                                                     \
	(1u << VCPU_REQ_VM_DEAD | 1u << VCPU_REQ_SLEEP | 1u << VCPU_REQ_RESET | \
	 1u << VCPU_REQ_IRQ_PENDING | 1u << VCPU_REQ_SUSPEND | 1u << VCPU_REQ_UNBLOCK)

/* How it is made, beside the bit. */
#define VCPU_REQ_WAIT      0x1u /* returns when the vcpu has left the guest that it was in */
#define VCPU_REQ_NO_WAKEUP 0x2u /* a blocked one goes on waiting */
#define VCPU_REQ_NO_ACTION 0x4u /* sets no bit */

/* Sets the bit. What the caller stored before is seen by who finds it. Any context. */
void vcpu_set_request(struct vcpu *vcpu, enum vcpu_request request);

/* Is any made, or this one? Any context. */
static inline bool
vcpu_request_pending(const struct vcpu *vcpu)
{
	return atomic_load(&vcpu->requests) != 0;
}

static inline bool
vcpu_test_request(const struct vcpu *vcpu, enum vcpu_request request)
{
	return atomic_load(&vcpu->requests) & 1u << request;
}

/* Takes it: returns whether it was there. What its maker stored before is seen. The owner. */
bool vcpu_check_request(struct vcpu *vcpu, enum vcpu_request request);

/*
 * Sets it, wakes or kicks as the flags say. With WAIT: count 0 or not, but irqs on, and may not be
 * called on behalf of who holds the vcpu out of its loop. Else any context but NMI. Linux's
 * kvm_make_vcpu_request / kvm_make_vcpus_request_mask for one.
 */
void vcpu_make_request(struct vcpu *vcpu, enum vcpu_request request, unsigned int flags);

/* The same for every vcpu of the machine. */
void vm_make_all_requests(struct vm *vm, enum vcpu_request request, unsigned int flags);

/*
 * Wakes it if it is blocked, else has it leave its guest if it is in there. Without a request or a
 * pending interrupt it may just go on. Any context but NMI. Linux's kvm_vcpu_kick.
 */
void vcpu_kick(struct vcpu *vcpu);

/*
 * Around a walk of the machine's page tables without its lock: a request that waits waits for its
 * end, so that who takes a page away may free it behind VCPU_REQ_FLUSH_ALL. The owner, loaded and
 * outside of the guest; count 0; irqs on, and off in between. Linux's.
 */
void walk_shadow_page_lockless_begin(struct vcpu *vcpu);
void walk_shadow_page_lockless_end(struct vcpu *vcpu);

/* Wakes it if it is blocked; was it? Any context but NMI. Linux's kvm_vcpu_wake_up. */
bool vcpu_wake_up(struct vcpu *vcpu);

/* An interrupt of the guest, by its vector (payload_abi.h). Any context but NMI. */
void vcpu_interrupt(struct vcpu *vcpu, unsigned int vector);

/* Stays out of its guest from its next entry on, asleep, until resumed. Any context but NMI. */
void vcpu_pause(struct vcpu *vcpu);
void vcpu_resume(struct vcpu *vcpu);
