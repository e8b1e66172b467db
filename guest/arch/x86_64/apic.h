// SPDX-License-Identifier: ISC
/*
 * The local APIC: x2APIC where the cpu has it, else the xAPIC's page. Registers go by their numbers
 * as MSRs; the page has them 16 bytes apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/layout.h"

struct boot_info;

#define APIC_EOI           0x0b
#define APIC_SPURIOUS      0x0f
#define APIC_IN_SERVICE    0x10
#define APIC_ICR           0x30
#define APIC_LVT_TIMER     0x32
#define APIC_LVT_LINT0     0x35
#define APIC_LVT_LINT1     0x36
#define APIC_TIMER_INITIAL 0x38
#define APIC_TIMER_CURRENT 0x39
#define APIC_TIMER_DIVIDE  0x3e
#define APIC_SELF_IPI      0x3f /* x2APIC only */

#define APIC_LVT_MASKED       0x10000u
#define APIC_LVT_TSC_DEADLINE 0x40000u

extern volatile uint8_t *apic_page; /* NULL: x2APIC */

/* irqs off, or a register that no interrupt handler uses. */
static inline uint32_t
apic_read(unsigned int reg)
{
	if (apic_page == NULL) {
		return (uint32_t)rdmsr(MSR_X2APIC + reg);
	}
	return *(volatile uint32_t *)(apic_page + reg * 16);
}

static inline void
apic_write(unsigned int reg, uint32_t value)
{
	if (apic_page == NULL) {
		wrmsr(MSR_X2APIC + reg, value);
	} else {
		*(volatile uint32_t *)(apic_page + reg * 16) = value;
	}
}

static inline void
apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

/*
 * Chooses the mode (boot_args.apic may force it) and silences the legacy interrupt controllers.
 * Ends the run with EXIT_STATUS_USAGE if a forced mode is absent. Boot cpu, once.
 */
void apic_init(const struct boot_info *info);

/* The calling cpu's APIC: on, its pins masked but for NMI on the boot cpu. irqs off. */
void apic_init_cpu(unsigned int cpu);

/* This vector, for the calling cpu. irqs off, or preemption off. */
void apic_send_to_self(uint32_t vector);

/* Its id on the machine. After apic_init(). */
uint32_t apic_id(unsigned int cpu);

/* Has it an id that messages of this mode can name? After apic_init(). */
bool apic_can_reach(unsigned int cpu);

/* INIT, or a start at the page of real-mode code at `page`. Boot cpu. */
void apic_send_init(unsigned int cpu);
void apic_send_startup(unsigned int cpu, uint64_t page);
