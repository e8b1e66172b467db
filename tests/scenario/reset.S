// SPDX-License-Identifier: ISC
/* Resets the machine through the keyboard controller, waiting for it as kernels do. */
#include "tests/scenario/pvh.h"

	guest
1:	in $0x64, %al
	test $2, %al
	jnz 1b
	mov $0xfe, %al
	out %al, $0x64
	ud2
	guest_end
