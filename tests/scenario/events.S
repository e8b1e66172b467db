// SPDX-License-Identifier: ISC
/*
 * Subscribes to events as nobody should: vectors of exceptions, cpus that are not there. Waits for
 * a byte after "?", then exits with 0 if the events that came are still there, once.
 */
#include "tests/scenario/pvh.h"

	guest
	mov $PORT_EVENT, %edx
	mov $hostile, %esi
1:	lodsl
	out %eax, %dx
	cmp $hostile_end, %esi
	jne 1b
	mov $'?', %al
	uart_putc
	mov $PORT_UART + 5, %edx
2:	in %dx, %al
	test $1, %al
	jz 2b
	mov $PORT_EVENT, %edx
	in %dx, %eax
	cmp $1, %eax
	jne lost
	in %dx, %eax
	test %eax, %eax
	jnz lost
	mov $hostile, %esi
3:	lodsl
	out %eax, %dx
	cmp $hostile_end, %esi
	jne 3b
	exit $0
lost:
	exit $1
	guest_end

	.section .rodata
	.balign 4
hostile:
	.long 2, 3, 13, 31, 0xffffffff, 0x20 | 63 << 8, 0xff | 64 << 8, 0xffffff00, 0xff | 255 << 8
	.long 0x21 | 1 << 8, 14
hostile_end:
