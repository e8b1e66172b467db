// SPDX-License-Identifier: ISC
/*
 * Guests that an input tells instruction by instruction (FUZZ_VCPU_GUEST, FUZZ_VCPU_HANDLER), and
 * whether what they get is what they must get: each answer that is known beforehand is compared
 * where its trap is completed, and where the guest goes on. A wrong one fails the run
 * (host_fail()).
 *
 * A guest that has come to the end of its program stops, and so does one that has done
 * EXITS_STEPS_MAX instructions; a handler returns then. So every guest ends that is run again and
 * again, but where it waits for an interrupt that does not come, or loops.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/input.h"
#include "tests/host/guest.h"

#define EXITS_VCPUS     4u /* have a program: by id; others stop at once */
#define EXITS_STEPS_MAX 200u
#define EXITS_STATUS    7u /* of a guest that came to its end */

/* Reads the programs. Between runs. */
void exits_load(const struct fuzz_input *input);

/* Has the vcpu of this id one? */
bool exits_has_program(uint32_t id);

/* Of the machine whose guests these are: its vcpus begin there. */
host_guest exits_guest;

/* A guest that writes to a register that vcpus share, and stops. */
host_guest exits_small;

/* host_guest_completes. */
void exits_completed(struct vcpu *vcpu);

/*
 * An NMI on this cpu: if it is the guest's, it is charged with an error. In its handler; cause:
 * EARLY_*.
 */
void exits_take_nmi(enum early_cause cause);

/*
 * Takes a page away from all guests: back when none uses it, by its translations or in a walk of
 * the tables. flush: makes the request, and waits. Task context, irqs on.
 */
void exits_take_page_away(void (*flush)(void));

/* How often guests have written the register that counts. */
uint64_t exits_count_written(void);

/* What of the vcpu's results must be the same in every order of things. 0: nothing this time. */
uint64_t exits_words(uint32_t id);

/*
 * Interrupts that its handler was entered for since the last call: bit n:
 * PAYLOAD_VECTOR_FIRST + n. is_known: false from when that cannot be told any more.
 */
uint32_t exits_take_delivered(uint32_t id, bool *is_known);

/* Its handler is entered and has not begun: for this interrupt, or for an error that hides it. */
bool exits_is_delivered(const struct vcpu *vcpu, unsigned int vector);

/* How many errors this vcpu must have been charged with. */
uint64_t exits_errors(uint32_t id);

/* For people: the instruction's name; "" for none. */
const char *exits_instruction_name(unsigned int instruction);
