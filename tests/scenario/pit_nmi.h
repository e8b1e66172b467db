// SPDX-License-Identifier: ISC
/*
 * NMIs of the boot cpu after a time: from the PIT, through the I/O APIC. Under QEMU's -icount
 * shift=0, where a nanosecond is an instruction, one comes PIT_NMI_EXACT instructions after it is
 * armed.
 */
#pragma once

#include <stdint.h>

#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/mmu.h"

#define PIT_NMI_EXACT 1676u /* instructions, with a count of 2 */

#define IOAPIC_ADDRESS 0xfec00000u
#define IOAPIC_SELECT  0x00
#define IOAPIC_WINDOW  0x10
#define IOAPIC_PIN(n)  (0x10 + 2 * (n)) /* and the next: the destination, which is APIC 0 */
#define IOAPIC_NMI     0x400u
#define IOAPIC_MASKED  0x10000u

#define PIT_CHANNEL0  0x40
#define PIT_COMMAND   0x43
#define PIT_COUNTDOWN 0x30 /* mode 0: once; both bytes */

static inline void
ioapic_write(volatile uint8_t *ioapic, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(ioapic + IOAPIC_SELECT) = reg;
	*(volatile uint32_t *)(ioapic + IOAPIC_WINDOW) = value;
}

/* how: IOAPIC_NMI, and IOAPIC_MASKED at the end. Machines differ in which pin the PIT has. */
static inline void
pit_nmi_route(uint32_t how)
{
	static volatile uint8_t *ioapic;

	if (ioapic == NULL) {
		ioapic = mmu_map_device(IOAPIC_ADDRESS);
	}
	ioapic_write(ioapic, IOAPIC_PIN(0) + 1, 0);
	ioapic_write(ioapic, IOAPIC_PIN(2) + 1, 0);
	ioapic_write(ioapic, IOAPIC_PIN(0), how);
	ioapic_write(ioapic, IOAPIC_PIN(2), how);
}

/* Once; count is the PIT's. */
static inline void
pit_nmi_arm(uint32_t count)
{
	outb(PIT_COMMAND, PIT_COUNTDOWN);
	outb(PIT_CHANNEL0, (uint8_t)count);
	outb(PIT_CHANNEL0, (uint8_t)(count >> 8));
}

/* So many instructions, and some. */
static inline void
pit_nmi_spin(uint32_t instructions)
{
	uint32_t turns = instructions / 2 + 1;

	__asm__ volatile("testl $1, %1; jz 1f; nop\n"
	                 "1: decl %0; jnz 1b"
	                 : "+r"(turns)
	                 : "r"(instructions)
	                 : "cc");
}
