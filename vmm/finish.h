// SPDX-License-Identifier: ISC
/*
 * What a run leaves to do once no thread runs a cpu any more: the guest's last output, and what it
 * has not taken of what the user sent.
 */
#pragma once

#include "vmm/devices.h"
#include "vmm/end.h"
#include "vmm/machine.h"

/*
 * Writes the last bytes of the ring, until cancel_fd is readable. A run that would have been a
 * success ends with END_OUTPUT_FAILED if writing has failed.
 */
void finish_output(struct machine *machine, struct end *end, int cancel_fd);

/* A line for each event and error that the user asked for and the guest did not. */
void finish_warnings(struct devices *devices);
