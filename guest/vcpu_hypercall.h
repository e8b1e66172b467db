// SPDX-License-Identifier: ISC
/*
 * Hypercalls (payload_abi.h). Numbers and arguments come from payloads that may be wrong, or
 * hostile: each is checked here, and the answer to a bad one is -EINVAL, to an unknown one -ENOSYS.
 */
#pragma once

struct vcpu;
struct vcpu_trap;

/* Carries out the one of this trap, whole. Returns as handle_exit() does, in its context. */
int vcpu_hypercall(struct vcpu *vcpu, const struct vcpu_trap *trap);
