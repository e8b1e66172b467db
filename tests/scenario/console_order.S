// SPDX-License-Identifier: ISC
/* Mixes both ways out: "1" by the ring, "2" by the UART, "3" by the ring and the bell, "4\n". */
#include "tests/scenario/pvh.h"

	guest ours=1
	find_ring
	movb $'1', RING_DATA(%edi)
	movl $1, RING_HEAD(%edi)
	mov $'2', %al
	uart_putc
	movb $'3', RING_DATA + 1(%edi)
	movl $2, RING_HEAD(%edi)
	mov $PORT_CONSOLE, %edx
	out %eax, %dx
	movw $0x0a34, RING_DATA + 2(%edi)
	movl $4, RING_HEAD(%edi)
	exit $0
	guest_end
