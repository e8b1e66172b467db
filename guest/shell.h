// SPDX-License-Identifier: ISC
/*
 * The scenario `shell`: commands from the console.
 */
#pragma once

/*
 * Reads and carries out lines until `exit`, until the input ends or until Ctrl-D at the start of a
 * line. Returns the exit status. Task context.
 */
int shell_main(void);
