// SPDX-License-Identifier: ISC
/*
 * The guest of fuzz_exit: a few KiB of memory in two ranges, and what its cpus are found to hold.
 * The replies of an input write both: between two exits anything may be there.
 *
 * A copy of the memory has what the guest wrote, so that a byte that the VMM wrote shows.
 */
#pragma once

#include "vmm/fdt.h"
#include "vmm/memory.h"

#include "tests/fuzz/input.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* Low memory: bytes of no device, the console ring, the trace region, which ends with it. */
#define GUEST_RING_AT   0x400u
#define GUEST_CPUS_MAX  4u
#define GUEST_CAPACITY  16u /* trace records a cpu, where all is as it should be */
#define GUEST_HIGH_SIZE 0x400u

/* How a cpu is found when it has stopped. */
enum guest_state {
	GUEST_STATE_UNREADABLE,
	GUEST_STATE_RUNS,
	GUEST_STATE_HALTED,
	GUEST_STATE_WAITS, /* for INIT-SIPI */
	GUEST_STATE_COUNT,
};

struct guest {
	struct memory memory;
	struct fdt_range trace;
	uint32_t head;      /* of the ring, as a guest counts that does not lie */
	uint32_t ring_size; /* bytes of its data */
	enum guest_state states[GUEST_CPUS_MAX];
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint64_t
		mapped_to; /* 0: addresses are physical ones; else their low bits behind this one */
};

extern struct guest guest;

/* Once. */
void guest_begin(void);

/* Fresh memory, with room for both regions, in bytes. */
void guest_reset(uint64_t ring_region, uint64_t trace_size);

/* Its ring was made: by the VMM, which may write this once. */
void guest_has_ring(uint32_t ring_size);

/* One of enum exit_reply. */
void guest_reply(const struct fuzz_item *item);

/* The VMM's read of a cpu's state: 0, or -1 with errno set. */
int guest_get_regs(uint32_t cpu, struct kvm_regs *regs);
int guest_get_sregs(uint32_t cpu, struct kvm_sregs *sregs);
int guest_get_mp_state(uint32_t cpu, struct kvm_mp_state *state);
int guest_translate(struct kvm_translation *translation);

/* Did nobody but the guest write its memory, but for the ring's tail? */
bool guest_memory_is_its_own(void);
