// SPDX-License-Identifier: ISC
/*
 * What the files of exits.h share: the programs, and how far each guest is.
 */
#pragma once

#include "guest/atomic.h"
#include "guest/vcpu.h"
#include "tests/fuzz/vcpu/exits.h"
#include "tests/host/run.h"

#define CODE_MAX 64u
/* Reads that have the tables walked. */
#define PORT_WALK      0x80u
#define PORT_LEFT_WALK 0x81u

struct instruction {
	uint8_t name;
	uint8_t a;
	uint8_t b;
};

struct code {
	unsigned int count;
	struct instruction list[CODE_MAX];
};

/* By id. */
extern struct code exits_programs[EXITS_VCPUS];
extern struct code exits_handlers[EXITS_VCPUS];
extern bool exits_want_steal[EXITS_VCPUS];

/* Of one guest, in one run. */
struct guest {
	unsigned int steps;
	unsigned int times; /* that the instruction `times_at` was tried in vain */
	const struct instruction *times_at;
	uint64_t sum;     /* of the program's own results */
	uint64_t msr;     /* as it was written last */
	uint64_t last_ns; /* that it was told */
	uint64_t errors;  /* that it must be charged with */
	uint32_t delivered;
	uint32_t events[PAYLOAD_NESTING_MAX + 1]; /* by depth: which its handler has begun for */
	bool is_unknown;                          /* what else was delivered */
	bool is_disturbed;                        /* its results depend on when things came */
	bool has_begun;
	bool has_ended;
	enum early_cause next_error; /* comes with the next trap */
	/* Its own cpu asked it to leave the guest, in the vcpu's entry of this number. */
	bool is_to_leave;
	uint64_t entered;
	/* A trap that an error came with. */
	bool is_watched;
	unsigned int completed;
	unsigned int replayed;
};

extern struct guest exits_guests[EXITS_VCPUS];
extern uint64_t exits_writes;         /* of the register that counts */
extern struct atomic exits_page_gone; /* the last number of a page that was taken away */
extern struct atomic exits_page_free; /* and that nobody used any more */

static inline struct guest *
guest_of(const struct vcpu *vcpu)
{
	HOST_EXPECT(vcpu->id < EXITS_VCPUS);
	return &exits_guests[vcpu->id];
}

/* Is it of the machine whose guests have programs? */
static inline bool
is_ours(const struct vcpu *vcpu)
{
	return vcpu->vm->entry == (uintptr_t)exits_guest;
}

/* Its handler runs for an exception, which comes wherever it does in every run. */
static inline bool
is_in_exception(const struct vcpu *vcpu)
{
	uint32_t vector = guest_of(vcpu)->events[vcpu->arch.depth];

	return vcpu->arch.depth != 0 && vector < PAYLOAD_VECTOR_FIRST &&
	       vector != PAYLOAD_VECTOR_NMI && vector != PAYLOAD_VECTOR_MACHINE_CHECK;
}

/* An error of this guest's: one that joins another is not charged for itself. */
static inline void
note_error(const struct vcpu *vcpu)
{
	if (HOST_PER_CPU(exit_record).early.cause == EARLY_NONE && vcpu->arch.fault == EARLY_NONE) {
		guest_of(vcpu)->errors++;
	}
}

/* Where handlers begin. */
host_guest exits_handler;

/* ---- instructions.c ---- */

/* The guest does it, as its at-th; which one comes then? */
unsigned int instructions_do(struct vcpu *vcpu, const struct instruction *i, unsigned int at);

void instructions_hypercall(struct vcpu *vcpu, uint64_t number, uint64_t a, uint64_t b);

/* Where it wants its steal time: each vcpu has a place of its own. */
uint64_t instructions_steal(const struct vcpu *vcpu);
