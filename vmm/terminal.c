// SPDX-License-Identifier: ISC
#include "vmm/terminal.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static bool is_taken;

/* In the background even a change of its settings would stop us, and it is another's to set. */
static bool
in_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void
terminal_take(void)
{
	static bool is_registered;
	struct termios raw;

	if (is_taken || !in_foreground() || tcgetattr(STDIN_FILENO, &saved) != 0) {
		return;
	}
	if (!is_registered) {
		atexit(terminal_restore);
		is_registered = true;
	}
	raw = saved;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	is_taken = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void
terminal_restore(void)
{
	if (is_taken && in_foreground()) {
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	}
	is_taken = false;
}

bool
terminal_is_readable(void)
{
	return is_taken || isatty(STDIN_FILENO) == 0;
}
