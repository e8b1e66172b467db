// SPDX-License-Identifier: ISC
/*
 * Garbage to every port: an OUT and an IN of some width to each of the 65,536 ports, and of every
 * width to those around a device. Spares only the words that end the run by contract.
 */
#include "tests/scenario/pvh.h"

#define GARBAGE 0xa5a5a5a5

/* One access of each kind, of the width that %ecx says (0, 1, 2), to port %edx. */
	.text
	.code32
	.type poke, @function
poke:
	mov $GARBAGE, %eax
	cmp $1, %ecx
	je 2f
	ja 3f
	out %al, %dx
	in %dx, %al
	ret
2:	out %ax, %dx
	in %dx, %ax
	ret
3:	cmp $PORT_EXIT, %edx
	je 4f
	cmp $PORT_PANIC, %edx
	je 4f
	out %eax, %dx
4:	in %dx, %eax
	ret
	.size poke, . - poke

/* All widths to the ports from %edx up to %edi. */
	.type poke_all, @function
poke_all:
	xor %ecx, %ecx
1:	call poke
	inc %ecx
	cmp $3, %ecx
	jb 1b
	inc %edx
	cmp %edi, %edx
	jbe poke_all
	ret
	.size poke_all, . - poke_all

	guest
	xor %edx, %edx
	xor %ecx, %ecx
1:	call poke
	inc %ecx
	cmp $3, %ecx
	jb 2f
	xor %ecx, %ecx
2:	inc %edx
	cmp $0x10000, %edx
	jb 1b

	mov $0x60, %edx
	mov $0x64, %edi
	call poke_all
	mov $0x3f0, %edx
	mov $0x400, %edi
	call poke_all
	mov $0xcf8, %edx
	mov $0xd24, %edi
	call poke_all
	mov $0xfff8, %edx
	mov $0xffff, %edi
	call poke_all
	exit $0
	guest_end
