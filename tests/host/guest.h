// SPDX-License-Identifier: ISC
/*
 * Guests of the machine: the code that vcpus run, as functions of the scenario.
 *
 * A guest is called for one instruction at a time, the at-th, and returns the number of the one
 * that comes then; one that returns its own is an endless loop, which only an interrupt, or an NMI
 * that leaves an error, ends. It calls nothing but what stands here. Its machine's entry (vm.h) is
 * its address, and so is a handler's, whose instructions have numbers of their own.
 *
 * An interrupt that is pending at the entry makes the guest exit before its first instruction; one
 * that comes later may stay in flight. Before each instruction the run fails unless guest mode is
 * as it should be: this vcpu's state in this cpu, running_vcpu and vcpu->cpu telling so, mode IN or
 * EXITING, the count 1, and RCU not watching.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/vcpu_exit.h"
#include "guest/vcpu_trap.h"

struct vcpu;

typedef unsigned int host_guest(struct vcpu *vcpu, unsigned int at);

/*
 * This instruction exits, and asks for this. What it returned is where the guest goes on when the
 * trap is completed; one that is not is called again at the next entry. A hypercall is behind its
 * instruction already: it must be completed, or replayed. args[0] of STI: the kind of trap of the
 * instruction behind it, if that is HLT.
 */
void host_guest_trap(struct vcpu *vcpu, const struct vcpu_trap *trap);

/* The next instruction waits until the exploration starts, as at host_gate(). */
void host_guest_gate(struct vcpu *vcpu);

/* Memory's value. Every instruction behind the first of these is one that loads this word. */
uint64_t host_guest_load(struct vcpu *vcpu, const struct atomic *word);

/* What the last trap was completed with. */
uint64_t host_guest_result(const struct vcpu *vcpu);

/* An error that comes with the next exit; with exits: which this instruction makes, if no trap. */
void host_guest_early_fault(struct vcpu *vcpu, enum early_cause cause, bool exits);

/*
 * For the explorer, in host_pick(): the guest that runs on this cpu, if one does, exits behind its
 * next instruction with this error.
 */
void host_guest_strike(unsigned int cpu, enum early_cause cause);

/*
 * The guests' translations change, which takes effect on each cpu when it forgets those that it
 * has: by a flush, or by a load. Any context. Has this guest the old ones still? Not if it is not
 * loaded.
 */
void host_guest_remap(void);
bool host_guest_is_stale(const struct vcpu *vcpu);

/* The register that the machine holds for it while it is loaded. */
void host_guest_set_word(struct vcpu *vcpu, uint64_t word);

/* In a handler: what it was entered with. */
struct host_guest_event {
	uint8_t vector;
	uint32_t error;
	uint64_t addr;
};
struct host_guest_event host_guest_event(const struct vcpu *vcpu);

/* If set, is told of each trap that is completed, where that is done: mode is IN in a fast path. */
extern void (*host_guest_completes)(struct vcpu *vcpu);

/* How often its traps were completed, and replayed, since its reset. */
unsigned int host_guest_completed(const struct vcpu *vcpu);
unsigned int host_guest_replayed(const struct vcpu *vcpu);
