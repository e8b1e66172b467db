// SPDX-License-Identifier: ISC
/*
 * Starting application processors by INIT and SIPI, one at a time. A machine may be slow to start
 * one, so the wait is long; one that has not come by then is sent back by another INIT, and if it
 * is already under way nevertheless, the ticket keeps it from the next one's stack.
 */
#include "guest/arch/x86_64/ap.h"

#include <stddef.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/boot_info.h"
#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/init.h"
#include "guest/page.h"
#include "guest/percpu.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "guest/string.h"
#include "guest/task.h"

/* Real mode reaches the first MiB, and the page's number is the SIPI's vector. */
#define TRAMPOLINE_LOWEST  0x8000u
#define TRAMPOLINE_HIGHEST 0x9f000u

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull

#define INIT_DELAY_NS    (10 * NS_PER_US)
#define SECOND_SIPI_NS   (10 * NS_PER_MS)
#define START_TIMEOUT_NS (1000 * NS_PER_MS)

struct atomic ap_ticket;
uint32_t ap_cpu;
void *ap_stack_top;

static struct atomic running_cpu; /* the last to arrive in ap_main() */
static uint64_t trampoline;       /* physical; 0: not yet placed */

/* The highest free page: firmware's data are at the lowest, and at the very top. */
static uint64_t
place_trampoline(void)
{
	uint64_t page = TRAMPOLINE_HIGHEST;

	while (page >= TRAMPOLINE_LOWEST && !boot_range_is_free(page, PAGE_SIZE)) {
		page -= PAGE_SIZE;
	}
	if (page < TRAMPOLINE_LOWEST) {
		return 0;
	}
	memcpy(arch_phys_to_virt(page), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	return page;
}

static bool
wait_for(unsigned int cpu, uint64_t ns)
{
	uint64_t end = arch_clock_ns() + ns;

	do { /* bounded: the clock runs */
		if (atomic_load_acquire(&running_cpu) == cpu) {
			return true;
		}
		arch_cpu_relax();
	} while (arch_clock_ns() < end);
	return false;
}

bool
arch_cpu_start(unsigned int cpu, struct task *idle)
{
	if (trampoline == 0) {
		trampoline = place_trampoline();
	}
	if (trampoline == 0 || !apic_can_reach(cpu)) {
		return false;
	}
	gdt_init_ist(cpu);
	ap_cpu = cpu;
	ap_stack_top = (char *)idle->stack + STACK_SIZE;
	atomic_store_release(&ap_ticket, 1);
	apic_send_init(cpu);
	wait_for(cpu, INIT_DELAY_NS);
	apic_send_startup(cpu, trampoline);
	if (wait_for(cpu, SECOND_SIPI_NS)) {
		return true;
	}
	apic_send_startup(cpu, trampoline);
	if (wait_for(cpu, START_TIMEOUT_NS)) {
		return true;
	}
	apic_send_init(cpu);
	atomic_store(&ap_ticket, 0);
	return false;
}

void
ap_main(unsigned int cpu)
{
	wrmsr(MSR_GS_BASE, percpu_offset[cpu]);
	gdt_init(cpu);
	init_cpu(cpu);
	atomic_store_release(&running_cpu, cpu);
	smp_cpu_main();
}
