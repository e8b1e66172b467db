// SPDX-License-Identifier: ISC
/* Prints through a polling UART driver, then exits 7. Not an image of ours: it gets no tree. */
#include "tests/scenario/pvh.h"

	guest
	mov $text, %esi
	uart_puts
	exit $7
	guest_end

	.data
text:	.asciz "hello from the uart\n"
