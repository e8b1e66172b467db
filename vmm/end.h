// SPDX-License-Identifier: ISC
/*
 * How a run ends: every way there is, and the exit status of each.
 */
#pragma once

#include <stdint.h>

enum end_kind {
	END_NONE,          /* it goes on */
	END_GUEST_EXIT,    /* DOORBELL_EXIT: `status` */
	END_GUEST_RESET,   /* the guest reset or powered off the machine */
	END_GUEST_PANIC,   /* DOORBELL_PANIC on `cpu` */
	END_CRASH,         /* an exit of `cpu` that the guest cannot go on from: see its kvm_run */
	END_RUN_FAILED,    /* KVM_RUN of `cpu` returned `error` */
	END_OUTPUT_FAILED, /* writing stdout failed with `error` */
	END_SIGNAL,        /* `signal` asked us to stop */
	END_TIMEOUT,
	END_HOST, /* the host refused something while the run was started: `error` */
};

struct end {
	enum end_kind kind;
	uint32_t cpu;
	uint8_t status;
	int error;
	int signal;
	uint64_t
		preempt_disable_ip; /* of GUEST_PANIC: where preemption was disabled; 0: not said */
};

/* The exit status of the process after such an end. */
int end_status(const struct end *end);
