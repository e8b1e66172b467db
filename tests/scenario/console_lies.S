// SPDX-License-Identifier: ISC
/* A hostile ring: heads that no writer can have reached, and a header scribbled over. Exits 0. */
#include "tests/scenario/pvh.h"

	guest ours=1
	find_ring
	mov $PORT_CONSOLE, %edx
	movl $-1, RING_TAIL(%edi)
	movl $-1, RING_SIZE(%edi)
	mov $heads, %esi
	mov $(heads_end - heads) / 4, %ecx
1:	lodsl
	mov %eax, RING_HEAD(%edi)
	out %eax, %dx
	loop 1b
	exit $0
	guest_end

	.data
	.balign 4
heads:	.long 0xffffffff, 0x80000000, 0x7fffffff, 0x2001, 0, 0xdeadbeef, 1
heads_end:
