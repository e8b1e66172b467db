// SPDX-License-Identifier: ISC
/*
 * What an exit leaves behind, and the two halves of its handling. The early one consumes what only
 * the cpu of the exit has, before anything else can run there: follows Linux's
 * arch/arm64/kvm/handle_exit.c and handle_exit_irqoff of arch/x86/kvm.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/percpu.h"

struct vcpu;

/* Why the guest's code stopped. */
enum vcpu_exit_code {
	VCPU_EXIT_NONE,      /* the entry was not made: the machine returned at once */
	VCPU_EXIT_INTERRUPT, /* of the host, acknowledged: its vector is nowhere else any more */
	VCPU_EXIT_TRAP,      /* of the guest's instruction */
	VCPU_EXIT_EARLY,     /* the early fault alone */
};

/* An exit as the machine tells it. */
struct vcpu_exit {
	enum vcpu_exit_code code;
	uint32_t vector; /* the machine's */
	uint32_t error;  /* TRAP: its error code */
	uint64_t addr;   /* TRAP: of a page fault */
	uint64_t debug;  /* TRAP: DR6 */
};

/*
 * An asynchronous error that came with an exit: the analogue of arm64's DISR_EL1. cause 0: none.
 * The rest is who was running: an early handler on another cpu, or behind another exit, finds
 * something else.
 */
enum early_cause {
	EARLY_NONE,
	EARLY_CORRECTED,     /* contained: the guest goes on */
	EARLY_NMI,           /* the vcpu gets an error of its own: virtual NMI */
	EARLY_RECOVERABLE,   /* the same: virtual machine check */
	EARLY_UNCONTAINABLE, /* nobody knows what is broken: panic */
};

struct early_fault {
	enum early_cause cause;
	uint32_t cpu;
	uint32_t vcpu;
	uint64_t serial; /* of the entry */
};

/* What the machine writes at an exit on its cpu; the next exit there overwrites it. */
struct exit_record {
	struct vcpu_exit exit;
	struct early_fault early;
	bool is_awaited; /* from before the entry until the early fault is consumed; the loop's */
};

DECLARE_PER_CPU(struct exit_record, exit_record);

/*
 * Is an error that comes now the guest's: does it run on this cpu, or is its exit not handled early
 * yet? irqs off, NMI too.
 */
static inline bool
early_fault_is_awaited(void)
{
	return this_cpu_read(exit_record.is_awaited);
}

/*
 * For the machine's half, and for tests: an error of the guest that runs on this cpu, or has just
 * exited and was not handled early yet. The worst of several counts. irqs off, NMI too; RUN is set.
 */
void early_fault_raise(enum early_cause cause);

/*
 * arm64's: consumes this cpu's early fault and judges it. Once for each exit, on its cpu; count 1,
 * irqs on, mode OUTSIDE, loaded; not switched since the entry. May not sleep.
 */
void handle_exit_early(struct vcpu *vcpu);

/* x86's: the same with irqs off, and the host's interrupt, which the exit has acknowledged. */
void handle_exit_irqoff(struct vcpu *vcpu);

/*
 * The rest, on whatever cpu. Returns > 0: run on; 0: vcpu_run() returns, vcpu->stop says why;
 * negative: an error. Count 0, irqs on; may sleep.
 */
int handle_exit(struct vcpu *vcpu);
