// SPDX-License-Identifier: ISC
/*
 * Polls the UART for input with its FIFO on and sends it back in upper case, from "?" up to a
 * newline that is sent back too. Exits 0.
 */
#include "tests/scenario/pvh.h"

	guest
	mov $PORT_UART + 2, %edx
	mov $1, %al
	out %al, %dx
	mov $'?', %al
	uart_putc
next:
	mov $PORT_UART + 5, %edx
1:	in %dx, %al
	test $1, %al
	jz 1b
	mov $PORT_UART, %edx
	in %dx, %al
	cmp $'a', %al
	jb 2f
	sub $32, %al
2:	mov %al, %cl
	uart_putc
	cmp $'\n', %cl
	jne next
	exit $0
	guest_end
