// SPDX-License-Identifier: ISC
/*
 * The TSC in nanoseconds: (tsc - boot) * clock_ns_per_cycle, a binary fraction of 32 bits, with a
 * product of 128 bits (arch_inline.h); the way back divides by the same number, so that the two
 * agree exactly.
 *
 * RDTSC is not ordered against other instructions: two cpus may see times that differ from the
 * order of their messages by some nanoseconds. Nothing writes the TSC, so it stays as synchronized
 * as it came.
 */
#include "guest/arch/x86_64/clock.h"

#include <stdbool.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/boot_info.h"
#include "guest/printk.h"

#define NS_PER_SECOND 1000000000ull
#define FRACTION_BITS CLOCK_FRACTION_BITS

#define PIT_CHANNEL0     0x40
#define PIT_MODE         0x43
#define PIT_MODE_ONESHOT 0x30 /* channel 0, both bytes, mode 0 */
#define PIT_READ_STATUS  0xe2 /* of channel 0, as the next byte from it */
#define PIT_STATUS_OUT   0x80
#define PIT_HZ           1193182u

#define CALIBRATION_HZ 100u /* one pass of 10 ms */

/*
 * Beyond these the PIT does not tick: more cycles than 10 ms have at 20 GHz, more reads than ever.
 */
#define CALIBRATION_CYCLES_MAX 200000000ull
#define CALIBRATION_CYCLES_MIN 100000ull
#define CALIBRATION_READS_MAX  20000000u

/*
 * A host that leaves us alone right after the PIT was started, or before its end is read, falsifies
 * the pass; whether it did is seen by how long these steps took.
 */
#define CALIBRATION_PASSES_MAX 8u
#define CALIBRATION_DOUBT_PART 64u /* of the pass */

#define TSC_HZ_GUESS 1000000000ull

#define CPUID_TSC            0x15u
#define CPUID_IS_GUEST       (1u << 31) /* leaf 1, ECX: the next two exist */
#define CPUID_HYPERVISOR     0x40000000u
#define CPUID_HYPERVISOR_TSC 0x40000010u

uint64_t arch_boot_cycles; /* head.S */
uint64_t clock_ns_per_cycle;

static uint64_t tsc_hz;

/* 0: the cpu does not say. */
static uint64_t
hz_from_cpuid(void)
{
	struct cpuid id;

	if (cpuid(0, 0).eax >= CPUID_TSC) {
		id = cpuid(CPUID_TSC, 0);
		if (id.eax != 0 && id.ebx != 0 && id.ecx != 0) {
			return (uint64_t)id.ecx * id.ebx / id.eax;
		}
	}
	if ((cpuid(1, 0).ecx & CPUID_IS_GUEST) &&
	    cpuid(CPUID_HYPERVISOR, 0).eax >= CPUID_HYPERVISOR_TSC) {
		return cpuid(CPUID_HYPERVISOR_TSC, 0).eax * 1000ull;
	}
	return 0;
}

struct pass {
	uint64_t cycles;
	uint64_t doubt; /* cycles by which that may be too few or too many */
};

/*
 * Channel 0, because some machines have no gate for channel 2. Its interrupt is masked, or will be.
 */
static struct pass
calibrate(void)
{
	uint16_t count = PIT_HZ / CALIBRATION_HZ;
	struct pass pass = { 0, 0 };
	uint64_t before = 0;
	uint64_t start;

	outb(PIT_MODE, PIT_MODE_ONESHOT);
	outb(PIT_CHANNEL0, count & 0xff);
	pass.doubt = arch_cycles();
	outb(PIT_CHANNEL0, count >> 8);
	start = arch_cycles();
	pass.doubt = start - pass.doubt;
	for (unsigned int reads = 0; reads < CALIBRATION_READS_MAX; reads++) {
		uint64_t earlier = before;
		bool done;

		before = pass.cycles;
		outb(PIT_MODE, PIT_READ_STATUS);
		done = inb(PIT_CHANNEL0) & PIT_STATUS_OUT;
		pass.cycles = arch_cycles() - start;
		if (done || pass.cycles > CALIBRATION_CYCLES_MAX) {
			/* It may have been over since right after the last read began. */
			pass.doubt += pass.cycles - earlier;
			break;
		}
	}
	return pass;
}

/* Returns 0 if the PIT does not tick. */
static uint64_t
hz_from_pit(void)
{
	struct pass best = calibrate();

	for (unsigned int n = 1; n < CALIBRATION_PASSES_MAX; n++) {
		struct pass pass;

		if (best.doubt < best.cycles / CALIBRATION_DOUBT_PART) {
			break;
		}
		pass = calibrate();
		if (pass.doubt < best.doubt) {
			best = pass;
		}
	}
	if (best.cycles < CALIBRATION_CYCLES_MIN || best.cycles > CALIBRATION_CYCLES_MAX) {
		return 0;
	}
	return best.cycles * CALIBRATION_HZ;
}

void
clock_init(const struct boot_info *info)
{
	tsc_hz = info->tsc_hz;
	if (tsc_hz == 0) {
		tsc_hz = hz_from_cpuid();
	}
	if (tsc_hz == 0) {
		tsc_hz = hz_from_pit();
	}
	if (tsc_hz == 0) {
		tsc_hz = TSC_HZ_GUESS;
		printk("no way to learn the TSC's frequency: taking it for 1 GHz\n");
	}
	clock_ns_per_cycle = (NS_PER_SECOND << FRACTION_BITS) / tsc_hz;
	if (clock_ns_per_cycle == 0) {
		clock_ns_per_cycle = 1;
	}
}

uint64_t
clock_tsc_hz(void)
{
	return tsc_hz;
}

uint64_t
clock_ns_to_tsc(uint64_t ns)
{
	uint64_t high = ns >> (64 - FRACTION_BITS);
	uint64_t low = ns << FRACTION_BITS;
	uint64_t cycles;
	uint64_t rest;

	/* The quotient would not fit; centuries away. */
	if (high >= clock_ns_per_cycle) {
		return UINT64_MAX;
	}
	__asm__("divq %4"
	        : "=a"(cycles), "=d"(rest)
	        : "a"(low), "d"(high), "r"(clock_ns_per_cycle)
	        : "cc");
	cycles += rest != 0;
	return cycles > UINT64_MAX - arch_boot_cycles ? UINT64_MAX : arch_boot_cycles + cycles;
}
