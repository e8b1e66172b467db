// SPDX-License-Identifier: ISC
/*
 * Memory that is not there: reads of each width give ones, writes are lost, also across the end of
 * RAM. Exits 0, or with the number of the check that failed.
 */
#include "tests/scenario/pvh.h"

#define NOWHERE 0xd0000000

	guest
	mov $1, %ebp
	movl $0x12345678, NOWHERE
	xor %eax, %eax
	mov NOWHERE, %eax
	cmp $-1, %eax
	jne wrong
	inc %ebp
	xor %eax, %eax
	mov NOWHERE + 3, %ax
	cmp $0xffff, %eax
	jne wrong
	inc %ebp
	xor %eax, %eax
	mov NOWHERE + 1, %al
	cmp $0xff, %eax
	jne wrong
	inc %ebp
	mov $NOWHERE, %esi
	mov $buffer, %edi
	mov $4, %ecx
	cld
	rep movsl
	cmpl $-1, buffer + 12
	jne wrong
	exit $0
wrong:
	exit %ebp
	guest_end

	.bss
buffer:	.skip 16
