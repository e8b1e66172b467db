// SPDX-License-Identifier: ISC
/* Two calls deep, with frame pointers, an exception finds no descriptor table. */
#include "tests/scenario/pvh.h"

	guest ours=1
	push $0
	lidt (%esp)
	call outer
	guest_end

	.type outer, @function
outer:
	push %ebp
	mov %esp, %ebp
	call fall
	.size outer, . - outer

	.type fall, @function
fall:
	push %ebp
	mov %esp, %ebp
	ud2
	.size fall, . - fall

	.bss
	.skip 16
