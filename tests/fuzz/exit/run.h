// SPDX-License-Identifier: ISC
/*
 * A run of fuzz_exit: where in its input it is. What comes out of KVM_RUN is here: the next exit,
 * and before it what the host does meanwhile.
 */
#pragma once

#include "vmm/end.h"
#include "vmm/input.h"

#include "tests/fuzz/input.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exit_run {
	struct fuzz_cursor ops, replies;
	struct fuzz_item reply;
	bool has_reply;
	uint32_t reply_at; /* after how many exits it is there */

	struct input input;
	bool is_watching; /* someone waits for standard input */
	uint32_t exits, budget, parts;
	uint32_t cpu, next_cpu;
	uint32_t watchdog_nmis;
	atomic_bool stop; /* of cpu_run() */
	bool is_over;
	struct end end; /* the first one, whoever's it is */
	int run_error;  /* KVM_RUN's, that must end the run */
	const char *finding;
	void (*print)(const char *line);
	size_t told; /* of the output */
};

extern struct exit_run exit_run;

/* The next reply is looked up. */
void exit_run_next_reply(void);

/* Replies that are due by now. */
void exit_run_reply(void);

/* What the last exit has come to: claims that fail become exit_run.finding. */
void exit_run_check(void);

/* How much output there is since the last time, for people. */
void exit_run_tell_output(void);

/* The first finding counts. */
void exit_find(const char *finding);
