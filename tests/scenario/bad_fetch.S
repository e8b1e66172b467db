// SPDX-License-Identifier: ISC
/* Jumps to where no memory is: KVM can fetch no instruction, on any host. */
#include "tests/scenario/pvh.h"

	guest ours=1
	mov $0xd0000000, %eax
	jmp *%eax
	guest_end
