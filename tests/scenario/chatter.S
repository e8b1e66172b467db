// SPDX-License-Identifier: ISC
/* Prints lines for ever, for readers that go away and for signals in the middle. */
#include "tests/scenario/pvh.h"

	guest
1:	mov $text, %esi
	uart_puts
	jmp 1b
	guest_end

	.data
text:	.asciz "chatter\n"
