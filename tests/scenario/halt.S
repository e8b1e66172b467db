// SPDX-License-Identifier: ISC
/* Says that it lives, then halts with interrupts off: nothing can wake it but the VMM. */
#include "tests/scenario/pvh.h"

	guest
	mov $'!', %al
	uart_putc
1:	hlt
	jmp 1b
	guest_end
