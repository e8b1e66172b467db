// SPDX-License-Identifier: ISC
/*
 * Fills the console ring to the brim with the letters a to p, does not ring, and dies of a triple
 * fault: all of it must come out.
 */
#include "tests/scenario/pvh.h"

	guest ours=1
	find_ring
	mov RING_SIZE(%edi), %ecx
	xor %eax, %eax
1:	mov %eax, %edx
	and $15, %edx
	add $'a', %edx
	mov %dl, RING_DATA(%edi, %eax)
	inc %eax
	cmp %ecx, %eax
	jb 1b
	mov %eax, RING_HEAD(%edi)
	push $0
	lidt (%esp)
	ud2
	guest_end
