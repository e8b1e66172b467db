// SPDX-License-Identifier: ISC
/*
 * Events from outside, which the machine's owner raises (the VMM, see shared/doorbell_abi.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * From now on events are taken, by this cpu: a request for the next preemption model switches to it
 * and prints all of them. Before, they wait. Task context, once.
 */
void event_start(void);

/* How many lines were printed for events: who has the cursor may want to print his own again. */
uint32_t event_line_count(void);

/*
 * Has the console's input ended? Read before arch_console_read(): what it then still has is all
 * there is. Any context.
 */
bool event_input_ended(void);
