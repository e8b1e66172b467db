// SPDX-License-Identifier: ISC
/* Says that it lives, then loops in ring 0 with interrupts off. */
#include "tests/scenario/pvh.h"

	guest
	mov $'!', %al
	uart_putc
forever:
	jmp forever
	guest_end
