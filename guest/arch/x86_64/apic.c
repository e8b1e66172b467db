// SPDX-License-Identifier: ISC
/*
 * The local APIC and its messages. An xAPIC sends in two writes, so interrupts stay off between
 * them, and an NMI puts back what it may have found in between; it may still be busy with the
 * message before.
 */
#include "guest/arch/x86_64/apic.h"

#include <stdbool.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/mmu.h"
#include "guest/boot_info.h"
#include "guest/cmdline.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/smp.h"
#include "shared/scenario_abi.h"

#define APIC_BASE_ENABLE 0x800u
#define APIC_BASE_X2APIC 0x400u
#define APIC_BASE_ADDR   0x000ffffffffff000ull

#define SPURIOUS_ENABLE 0x100u

#define LVT_NMI 0x400u

#define ICR_FIXED     0x000u
#define ICR_NMI       0x400u
#define ICR_INIT      0x500u
#define ICR_STARTUP   0x600u
#define ICR_BUSY      0x1000u
#define ICR_ASSERT    0x4000u
#define ICR_TO_SELF   0x40000u
#define ICR_HIGH      0x31 /* xAPIC only */
#define ICR_POLLS_MAX 1000000u

#define XAPIC_ID_MAX 254u

#define CPUID_X2APIC (1u << 21) /* leaf 1, ECX */

#define PIC1_DATA 0x21
#define PIC2_DATA 0xa1

volatile uint8_t *apic_page;

static const uint32_t *apic_ids; /* NULL until apic_init() */

static bool
choose_x2apic(void)
{
	bool offered = cpuid(1, 0).ecx & CPUID_X2APIC;

	if (boot_args.apic == BOOT_APIC_X2APIC && !offered) {
		printk("boot argument apic=x2apic: this cpu has no x2APIC\n");
		arch_exit(EXIT_STATUS_USAGE);
	}
	return offered && boot_args.apic != BOOT_APIC_XAPIC;
}

void
apic_init(const struct boot_info *info)
{
	apic_ids = info->apic_ids;
	if (!choose_x2apic()) {
		apic_page = mmu_map_device(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDR);
	}
	/* Their pin is masked below too, so no vector of theirs can ever come. */
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
}

/* From x2APIC, where firmware may have left it, the way back leads through off. */
static void
set_mode(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);
	uint64_t addr = base & ~(uint64_t)(APIC_BASE_ENABLE | APIC_BASE_X2APIC);

	if (apic_page == NULL) {
		wrmsr(MSR_APIC_BASE, addr | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
		return;
	}
	if (base & APIC_BASE_X2APIC) {
		wrmsr(MSR_APIC_BASE, addr);
	}
	wrmsr(MSR_APIC_BASE, addr | APIC_BASE_ENABLE);
}

void
apic_init_cpu(unsigned int cpu)
{
	ASSERT(arch_irqs_disabled());
	set_mode();
	apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT1, cpu == 0 ? LVT_NMI : APIC_LVT_MASKED);
}

static void
xapic_wait(void)
{
	for (unsigned int poll = 0; poll < ICR_POLLS_MAX; poll++) {
		if (!(apic_read(APIC_ICR) & ICR_BUSY)) {
			return;
		}
		arch_cpu_relax();
	}
}

static void
send(unsigned int cpu, uint32_t message)
{
	unsigned long flags;
	uint32_t high;

	if (apic_page == NULL) {
		/*
		 * A WRMSR to the x2APIC may overtake stores that the receiver is to see: the first
		 * fence is for the stores, the second keeps the WRMSR behind the first.
		 */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + APIC_ICR, (uint64_t)apic_ids[cpu] << 32 | message);
		return;
	}
	flags = arch_irq_save();
	high = apic_read(ICR_HIGH);
	xapic_wait();
	apic_write(ICR_HIGH, apic_ids[cpu] << 24);
	apic_write(APIC_ICR, message);
	if (in_nmi()) {
		xapic_wait();
		apic_write(ICR_HIGH, high);
	}
	arch_irq_restore(flags);
}

void
apic_send_to_self(uint32_t vector)
{
	if (apic_page == NULL) {
		wrmsr(MSR_X2APIC + APIC_SELF_IPI, vector);
	} else {
		xapic_wait();
		apic_write(APIC_ICR, ICR_TO_SELF | ICR_FIXED | vector);
	}
}

static const uint8_t vector_of[IRQ_KIND_COUNT] = {
	[IRQ_TIMER] = VECTOR_TIMER, [IRQ_RESCHEDULE] = VECTOR_RESCHEDULE,
	[IRQ_CALL] = VECTOR_CALL,   [IRQ_WORK] = VECTOR_WORK,
	[IRQ_EVENT] = VECTOR_EVENT, [IRQ_SOFT0] = VECTOR_SOFT0,
	[IRQ_SOFT1] = VECTOR_SOFT1,
};

void
arch_ipi_send(unsigned int cpu, enum irq_kind kind)
{
	/* Own stores are in order for the own cpu, and such a message is on its way at once. */
	if (cpu == raw_smp_processor_id()) {
		apic_send_to_self(vector_of[kind]);
		return;
	}
	send(cpu, ICR_FIXED | vector_of[kind]);
}

uint32_t
apic_id(unsigned int cpu)
{
	return apic_ids[cpu];
}

bool
apic_can_reach(unsigned int cpu)
{
	return apic_page == NULL || apic_ids[cpu] <= XAPIC_ID_MAX;
}

void
apic_send_init(unsigned int cpu)
{
	send(cpu, ICR_INIT | ICR_ASSERT);
}

void
apic_send_startup(unsigned int cpu, uint64_t page)
{
	send(cpu, ICR_STARTUP | ICR_ASSERT | (uint32_t)(page >> PAGE_SHIFT));
}

void
arch_nmi_send(unsigned int cpu)
{
	if (apic_ids != NULL) {
		send(cpu, ICR_NMI | ICR_ASSERT);
	}
}
