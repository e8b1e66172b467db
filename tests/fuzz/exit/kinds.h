// SPDX-License-Identifier: ISC
/*
 * The kinds of records that fuzz_exit reads. Operations are exits of the guest and what the host
 * does between them. Replies are what the guest's memory and cpus have when somebody looks; their
 * first argument is how many exits later than the reply before it they are there.
 *
 * The numbers are part of the format: new ones go to the ends.
 */
#pragma once

#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

#include <stddef.h>
#include <stdint.h>

enum exit_op {
	OP_OUT, /* to any port */
	OP_IN,
	OP_RING, /* a word to the doorbell */
	OP_ASK,
	OP_UART_OUT, /* a byte to the UART */
	OP_UART_IN,
	OP_TYPE, /* a string to the UART, in one exit */
	OP_MMIO,
	OP_REASON, /* any other reason */
	OP_INTERNAL,
	OP_FAIL_ENTRY,
	OP_SYSTEM,
	OP_ERRNO, /* KVM_RUN fails */
	OP_INPUT, /* from here on the host */
	OP_INPUT_END,
	OP_EVENT,
	OP_NMI, /* by the watchdog */
	OP_CPU, /* another cpu runs */
	OP_STOP,
	OP_READER,
	OP_PART,    /* how often an unfinished instruction has one more part */
	OP_ORDER,   /* --inject; before the first exit */
	OP_MACHINE, /* only as the first operation */
	OP_COUNT,
};

enum exit_reply {
	REPLY_SAY, /* text in the ring */
	REPLY_HEAD,
	REPLY_WORD,
	REPLY_TRACE,
	REPLY_RECORD,
	REPLY_TRACED, /* a trace as it should be */
	REPLY_FRAME,
	REPLY_REGISTER,
	REPLY_STATE,
	REPLY_MAP,
	REPLY_COUNT,
};

#define EXIT_KIND_COUNT (OP_COUNT + REPLY_COUNT)

extern const struct fuzz_kind exit_kinds[EXIT_KIND_COUNT];

#define EXIT_REPLY_DELAYS 4u /* exits that a reply comes later: below this */

#define EXIT_PLACES 5u /* where a port is: exit/fill.c */

#define EXIT_LINE_MAX 101 /* bytes, NUL included */

/* An argument that is 0 to 3 as often as in one of four, as what counts mostly is; else any byte.
 */
unsigned int exit_small(const struct fuzz_item *item, unsigned int n);

/* The number of three arguments (shape, low, high): as guests have them, and as bounds do. */
uint64_t exit_shaped(const struct fuzz_item *item, unsigned int n);

/* A record as people see it. */
void exit_kind_format(enum fuzz_stream stream, const struct fuzz_item *item,
                      char line[EXIT_LINE_MAX]);
