// SPDX-License-Identifier: ISC
/*
 * What is said on stderr when a run has ended: a line, or for a crash the cpu that crashed with its
 * registers and backtrace, and where the others were. Nothing after a guest's own exit.
 */
#pragma once

#include "vmm/end.h"
#include "vmm/machine.h"

/* After run_machine(): no thread runs a cpu any more. */
void report_end(struct machine *machine, const struct end *end);
