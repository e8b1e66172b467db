// SPDX-License-Identifier: ISC
/*
 * The terminal on standard input, if there is one: keys go to the guest one by one and without
 * echo, while those that make signals keep doing so. It is given back as it was at every way out,
 * exit() included.
 */
#pragma once

#include <stdbool.h>

/*
 * Takes the terminal if standard input is one and we are in its foreground; else does nothing. May
 * be repeated, as after SIGCONT.
 */
void terminal_take(void);

/* Gives it back. Harmless if it was not taken. */
void terminal_restore(void);

/* May standard input be read? Not if it is a terminal that was not taken: reading would stop us. */
bool terminal_is_readable(void);
