// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/lapic_timer.h"

#include <stdbool.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/clock.h"
#include "guest/boot_info.h"
#include "guest/cmdline.h"
#include "guest/panic.h"
#include "guest/printk.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define DIVIDE_BY_1 0x0b

#define CPUID_TSC_DEADLINE (1u << 24) /* leaf 1, ECX */

#define CALIBRATION_HZ        4000u /* 250 us: an error of a percent costs an interrupt more */
#define CALIBRATION_READS_MAX 10000000u

#define FRACTION_BITS 32

/* The counter's 32 bits hold that of any rate that set_rate() takes; then it is set again. */
#define LEFT_NS_MAX NSEC_PER_SEC
#define HZ_MAX      (UINT32_MAX - 1ull) /* one count is added */

static bool has_deadline;
static uint64_t counts_per_ns; /* of the counter, << FRACTION_BITS */

/* A faster one would only be early, and asked again. */
static void
set_rate(uint64_t hz)
{
	counts_per_ns = ((hz < HZ_MAX ? hz : HZ_MAX) << FRACTION_BITS) / NSEC_PER_SEC;
}

/* Both ends of the interval are read in the same order, so that what reading costs cancels out. */
static void
calibrate(void)
{
	uint64_t length = clock_tsc_hz() / CALIBRATION_HZ;
	uint64_t start;
	uint64_t cycles = 0;
	uint32_t count_start;
	uint32_t counts;

	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	start = arch_cycles();
	count_start = apic_read(APIC_TIMER_CURRENT);
	for (unsigned int reads = 0; reads < CALIBRATION_READS_MAX && cycles < length; reads++) {
		cycles = arch_cycles() - start;
	}
	counts = count_start - apic_read(APIC_TIMER_CURRENT);
	apic_write(APIC_TIMER_INITIAL, 0);
	if (cycles == 0 || counts == 0) {
		panic("the local APIC's timer does not count");
	}
	set_rate(counts * clock_tsc_hz() / cycles);
}

void
lapic_timer_init(const struct boot_info *info)
{
	bool offered = cpuid(1, 0).ecx & CPUID_TSC_DEADLINE;

	if (boot_args.timer == BOOT_TIMER_TSC_DEADLINE && !offered) {
		printk("boot argument timer=tsc-deadline: this cpu has no TSC deadline\n");
		arch_exit(EXIT_STATUS_USAGE);
	}
	has_deadline = offered && boot_args.timer != BOOT_TIMER_LAPIC;
	if (has_deadline) {
		return;
	}
	if (info->bus_hz != 0 && info->bus_hz <= UINT32_MAX) {
		set_rate(info->bus_hz);
	} else {
		calibrate();
	}
}

void
lapic_timer_init_cpu(void)
{
	ASSERT(arch_irqs_disabled());
	if (has_deadline) {
		apic_write(APIC_LVT_TIMER, APIC_LVT_TSC_DEADLINE | VECTOR_TIMER);
		/* A write to an xAPIC's page must not be overtaken by one to the deadline's MSR. */
		__asm__ volatile("mfence" ::: "memory");
		wrmsr(MSR_TSC_DEADLINE, 0);
	} else {
		apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
		apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
		apic_write(APIC_TIMER_INITIAL, 0);
	}
}

static void
set_counter(uint64_t expires_ns)
{
	uint64_t left_ns = 0;
	uint64_t now_ns;

	if (expires_ns == UINT64_MAX) {
		apic_write(APIC_TIMER_INITIAL, 0);
		return;
	}
	now_ns = arch_clock_ns();
	if (expires_ns > now_ns) {
		left_ns = expires_ns - now_ns;
	}
	if (left_ns > LEFT_NS_MAX) {
		left_ns = LEFT_NS_MAX;
	}
	/* 0 would stop it, and a count less might be too early. */
	apic_write(APIC_TIMER_INITIAL, (uint32_t)(left_ns * counts_per_ns >> FRACTION_BITS) + 1);
}

void
arch_timer_set(uint64_t expires_ns)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	if (!has_deadline) {
		set_counter(expires_ns);
		return;
	}
	/* 0 stops it, and no deadline is 0: boot was later than that. */
	wrmsr(MSR_TSC_DEADLINE, expires_ns == UINT64_MAX ? 0 : clock_ns_to_tsc(expires_ns));
}
