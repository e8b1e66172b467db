// SPDX-License-Identifier: ISC
/*
 * String instructions: a REP OUTSB to the UART, a REP INSB of its scratch register, a REP OUTSL to
 * a doorbell port that does nothing, a REP INSL of its identity. Exits 0 if what was read is right.
 */
#include "tests/scenario/pvh.h"

	guest
	cld
	mov $text, %esi
	mov $text_end - text, %ecx
	mov $PORT_UART, %edx
	rep outsb

	mov $PORT_UART + 7, %edx
	mov $0x5a, %al
	out %al, %dx
	mov $buffer, %edi
	mov $8, %ecx
	rep insb
	cmpl $0x5a5a5a5a, buffer
	jne wrong
	cmpl $0x5a5a5a5a, buffer + 4
	jne wrong

	mov $text, %esi
	mov $4, %ecx
	mov $PORT_ID, %edx
	rep outsl
	mov $buffer, %edi
	mov $4, %ecx
	rep insl
	cmpl $0x4b54564f, buffer + 12
	jne wrong
	exit $0
wrong:
	exit $1
	guest_end

	.data
text:	.ascii "out of a string\n"
text_end:
	.bss
buffer:	.skip 16
