// SPDX-License-Identifier: ISC
/*
 * Leaves its last words in the ring and rings the panic bell, two calls deep. The word that it
 * writes is an address in a function, as the place of a preempt_disable().
 */
#include "tests/scenario/pvh.h"

	guest ours=1
	find_ring
	movl $0x64726f77, RING_DATA(%edi) /* "word" */
	movl $0x0a73, RING_DATA + 4(%edi) /* "s\n" */
	movl $6, RING_HEAD(%edi)
	mov $0x11223344, %ecx
	call panic
	guest_end

	.type panic, @function
panic:
	push %ebp
	mov %esp, %ebp
	mov $disabler + 1, %eax
	mov $PORT_PANIC, %edx
	out %eax, %dx
after_panic:
	ud2
	.size panic, . - panic

	.type disabler, @function
disabler:
	nop
	ret
	.size disabler, . - disabler
