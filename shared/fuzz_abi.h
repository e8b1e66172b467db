/* SPDX-License-Identifier: ISC */
/*
 * A fuzz input of the kernel or of the VMM's devices: a header, then records of three streams in one
 * sequence. What a byte of it means never changes: kinds are added at the ends of their lists and are
 * not renumbered, so that an input that found something once still says the same.
 *
 * A record is struct fuzz_record and `length` bytes of arguments. Its type has the stream in the upper
 * two bits and the kind in the lower six. Each stream is read in its own order, however they are mixed.
 * Readers take any bytes: a header too short is all zeroes, an argument that is missing is 0, one that is
 * too large is taken modulo its bound, an unknown kind is passed over, and so is a record that would go on
 * behind the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FUZZ_VERSION 1

struct fuzz_header {
	uint8_t version;
	uint8_t model; /* enum fuzz_model */
	uint8_t cpus;  /* how many, less 1 */
	uint8_t slice; /* points that a cpu goes on before it is the next one's turn; 0: until it must wait */
	uint32_t build; /* of whoever found it, for people; 0: unknown */
};

_Static_assert(sizeof(struct fuzz_header) == 8, "part of the format");

/* The preemption model of the run. COMPARE: one run under each, which must agree. */
enum fuzz_model {
	FUZZ_MODEL_NONE,
	FUZZ_MODEL_VOLUNTARY,
	FUZZ_MODEL_FULL,
	FUZZ_MODEL_LAZY,
	FUZZ_MODEL_COMPARE,
	FUZZ_MODEL_COUNT,
};

struct fuzz_record {
	uint8_t type;   /* FUZZ_TYPE */
	uint8_t length; /* bytes that follow */
};

#define FUZZ_TYPE(stream, kind) ((uint8_t)((stream) << 6 | (kind)))
#define FUZZ_STREAM(type)       ((type) >> 6)
#define FUZZ_KIND(type)         ((type)&0x3f)
#define FUZZ_KINDS_MAX          64

enum fuzz_stream {
	FUZZ_OPERATIONS, /* what tasks, payloads and guests do */
	FUZZ_REPLIES,    /* what devices, guests and the world answer when they are asked */
	FUZZ_SCHEDULE,   /* what comes between, and when */
	FUZZ_STREAM_COUNT,
};

/*
 * The schedule's one kind of record, FUZZ_AT, is: `delta` points (16 bits, little endian) after the
 * record before it (the first: after the start), and `extra` (0 to 64) single steps later, `action`
 * happens to `cpu`. A point is a place at which the machine can tell the order of two cpus, or an interrupt
 * could come.
 */
enum fuzz_schedule_kind {
	FUZZ_AT,
};

#define FUZZ_AT_LENGTH 5 /* delta, delta, action, cpu, extra */
#define FUZZ_EXTRA_MAX 64

/* X(NAME, words) */
#define FUZZ_ACTIONS(X)                                                     \
	X(SWITCH, "goes on")              /* this cpu, instead of who would */ \
	X(TIMER, "its next timer is due") /* the clock goes on to it */       \
	X(RESCHEDULE, "a reschedule interrupt without a reason")              \
	X(NMI, "an NMI")                                                      \
	X(MCE, "a machine check")                                             \
	X(HOLD, "its stores and interrupts stay in flight")                   \
	X(RELEASE, "they arrive")

#define FUZZ_ACTION_NAME(name, words) FUZZ_ACTION_##name,
enum fuzz_action { FUZZ_ACTIONS(FUZZ_ACTION_NAME) FUZZ_ACTION_COUNT };
