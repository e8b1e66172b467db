// SPDX-License-Identifier: ISC
/*
 * A run of the machine, from its first instruction to its end: a thread for each cpu, while the
 * main thread waits for the first thing that ends it (a cpu, a signal, the timeout), feeds the
 * UART, and makes an event for the guest of SIGUSR1.
 */
#pragma once

#include "vmm/end.h"
#include "vmm/machine.h"

/*
 * Signals that ask us to stop are handled in run_machine() only. Call it first of all: one that
 * comes during set-up waits.
 */
void run_block_signals(void);

/*
 * Runs it. Afterwards no thread of it is left, its last output is written, and the terminal is as
 * it was. options->timeout_ns bounds it.
 */
struct end run_machine(struct machine *machine);
