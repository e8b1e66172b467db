// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/init.h"

#include "guest/arch.h"
#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/clock.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/lapic_timer.h"
#include "guest/arch/x86_64/syscall_way.h"
#include "guest/arch/x86_64/user.h"

#define CPUID_MCE (1u << 7) /* leaf 1, EDX */

/* Without it a machine check shuts the machine down, and nobody knows why. */
static void
enable_machine_checks(void)
{
	if (cpuid(1, 0).edx & CPUID_MCE) {
		write_cr4(read_cr4() | CR4_MCE);
	}
}

void
arch_init(const struct boot_info *info)
{
	enable_machine_checks();
	user_init_cpu();
	syscall_way_probe();
	clock_init(info);
	apic_init(info);
	apic_init_cpu(0);
	lapic_timer_init(info);
	lapic_timer_init_cpu();
}

void
init_cpu(unsigned int cpu)
{
	enable_machine_checks();
	user_init_cpu();
	apic_init_cpu(cpu);
	lapic_timer_init_cpu();
}
