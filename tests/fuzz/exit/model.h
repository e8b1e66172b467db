// SPDX-License-Identifier: ISC
/*
 * What exits of a guest must come to, by shared/doorbell_abi.h, the 16550A and the README's table
 * of statuses, written a second time and in the plainest way. fuzz_exit tells the model of each
 * exit before the VMM sees it, and asks it after whether the VMM did the same: the same output, the
 * same interrupts, the same answers, the same end.
 */
#pragma once

#include "vmm/devices.h"
#include "vmm/end.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* is_named: addresses in the ring's text get their names. */
void model_reset(uint32_t ring_size, bool is_named);

/* The user's --inject. Before the first exit. */
void model_order(uint32_t what, uint32_t exit);

/* The host raises events (DOORBELL_EVENT_*). */
void model_raise(uint32_t mask);

/* This exit is next. kvm: complete, with its data behind it. */
void model_exit(const struct kvm_run *kvm);

/* The last output, after whichever end. */
void model_finish(struct end *end);

/* How the run must end by the last exit. END_NONE: it goes on. */
const struct end *model_end(void);

/* Errors that cpus must have been given by the orders: NMIs, machine checks, fatal ones. */
struct model_errors {
	uint32_t nmis, mces, fatal_mces;
};
struct model_errors model_errors(void);

/*
 * Did the VMM do what that exit, and what the host did since the last question, asks for? NULL, or
 * what it did instead.
 */
const char *model_check(const struct devices *devices, const struct kvm_run *kvm);
