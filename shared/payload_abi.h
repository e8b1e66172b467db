// SPDX-License-Identifier: ISC
/*
 * What a payload, the code that a vcpu runs, finds: its memory, the devices of its machine, and its
 * hypercalls. It runs in ring 3, so what ring 0 has for itself is carried out by its machine: HLT,
 * CLI and STI, IN and OUT, and hypercalls by SYSCALL (number in rax, arguments in rdi, rsi, rdx;
 * the result in rax; rcx and r11 are lost).
 *
 * A vcpu begins at the image's entry with its number in the lower half of rdi (in the higher one is
 * what its creator wants of it, or 0), its interrupts off, and a stack of VM_STACK_SIZE bytes. A
 * flat image lies, and begins, at VM_FLAT_BASE. STI and the instruction behind it are one where
 * that is HLT.
 */
#pragma once

#include <stdint.h>

#define VM_MEMORY_START 0x100000u
#define VM_MEMORY_END   0x40000000u
#define VM_FLAT_BASE    0x100000u
#define VM_STACKS       0x3f000000u /* of vcpu n: up to this + (n + 1) * VM_STACK_SIZE */
#define VM_STACK_SIZE   0x4000u
#define VM_MMIO         0x50000000u
#define VM_MMIO_SIZE    0x1000u

/* Ports. */
#define VM_PORT_CONSOLE  0xe9u /* OUT: a byte of text */
#define VM_PORT_DOORBELL 0xeau /* OUT, 32 bits: PAYLOAD_VECTOR_DOORBELL for the vcpu of this id */

/* The page of MMIO: registers of 64 bits, to be accessed with MOV of 1, 2, 4 or 8 bytes. */
#define VM_MMIO_ID      0x00u /* reads VM_MMIO_MAGIC */
#define VM_MMIO_SCRATCH 0x08u /* reads what was written last, by any vcpu */
#define VM_MMIO_COUNT   0x10u /* reads how often it was written; a write adds one */
#define VM_MMIO_TIMER   0x18u /* a write: PAYLOAD_VECTOR_TIMER for this vcpu in so many ns */
#define VM_MMIO_MAGIC   0x4f494d4d4b54564full

/* As on a PC's bus, a port or a register that is not there reads as all ones, and takes whatever is
 * written; so does an access to two registers at once. */

/* MSRs; another one is a general protection fault. */
#define VM_MSR_TIME    0x10u       /* reads ns since the machine's start; is not written */
#define VM_MSR_SCRATCH 0x4b564d00u /* reads what this vcpu wrote last */

/* Hypercalls: name, arguments. */
#define PAYLOAD_HYPERCALLS(X)                                                                  \
	X(shutdown, "status: this vcpu stops")                                                 \
	X(handler, "address, or 0: where interrupts and exceptions enter, with interrupts off" \
	           " and struct payload_event in rdi, rsi, rdx")                               \
	X(return, "from the handler: every register is as it was interrupted")                 \
	X(saved, "register by number, 0 rax .. 15 r15, 16 rip, 17 rflags: as interrupted")     \
	X(set_saved, "register, value: what the return will load")                             \
	X(time, "returns ns since the machine's start")                                        \
	X(timer, "ns: PAYLOAD_VECTOR_TIMER for this vcpu in so many")                          \
	X(steal, "address of struct payload_steal, in one page, or 0")                         \
	X(spin, "it waits for another vcpu")                                                   \
	X(yield, "")                                                                           \
	X(vcpus, "returns how many the machine has")                                           \
	X(flush, "every vcpu forgets its translations")

enum payload_hypercall {
#define PAYLOAD_HYPERCALL_ENUM(name, arguments) HYPERCALL_##name,
	PAYLOAD_HYPERCALLS(PAYLOAD_HYPERCALL_ENUM)
#undef PAYLOAD_HYPERCALL_ENUM
		HYPERCALL_COUNT
};

/* The handler's arguments: rdi vector, rsi error code, rdx address of a page fault. Exceptions and
 * the two errors of the machine have x86's vectors: an NMI that finds no handler is nothing, a
 * machine check stops the vcpu. These are the interrupts'. */
#define PAYLOAD_VECTOR_NMI           2u
#define PAYLOAD_VECTOR_MACHINE_CHECK 18u
#define PAYLOAD_VECTOR_FIRST         32u
#define PAYLOAD_VECTOR_TIMER         32u
#define PAYLOAD_VECTOR_DOORBELL      33u
#define PAYLOAD_VECTOR_COUNT         32u /* interrupts */

/* Handlers may be entered anew from within a handler so often; then an exception stops the vcpu,
 * and interrupts wait until a handler returns. */
#define PAYLOAD_NESTING_MAX 8u

struct payload_steal {
	uint64_t steal_ns; /* that the vcpu could have run, and did not */
	uint32_t version;  /* odd: being written */
	uint32_t flags;
};
_Static_assert(sizeof(struct payload_steal) == 16, "steal time");

#define PAYLOAD_STEAL_PREEMPTED 0x1u /* its vcpu was preempted between two instructions */
#define PAYLOAD_STEAL_FLUSH     0x2u /* another vcpu sets it: forget translations first */
