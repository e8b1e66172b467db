// SPDX-License-Identifier: ISC
/*
 * A storm of port I/O, of every size. Ports that are not there read as all ones, and leave the rest
 * of the register as an IN of their size does.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define PORT 0x80u /* nothing */

static bool
reads_ones(void)
{
	uint64_t a = 0x1122334455667788;
	uint64_t b = 0x1122334455667788;
	uint64_t c = 0x1122334455667788;

	__asm__ volatile("inb $0x80, %%al" : "+a"(a));
	__asm__ volatile("inw $0x80, %%ax" : "+a"(b));
	__asm__ volatile("inl $0x80, %%eax" : "+a"(c));
	return a == 0x11223344556677ff && b == 0x112233445566ffff && c == 0xffffffff;
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	(void)vcpu;
	for (uint32_t round = 0; round < PAYLOAD_ROUNDS(parameter); round++) {
		outb(PORT, (uint8_t)round);
		outl(PORT, round);
		__asm__ volatile("outw %%ax, %%dx" : : "a"(round), "d"(PORT));
		if (!reads_ones() || inl(PORT) != UINT32_MAX) {
			return PAYLOAD_WRONG;
		}
	}
	return PAYLOAD_RIGHT;
}
