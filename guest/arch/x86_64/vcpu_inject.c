// SPDX-License-Identifier: ISC
/*
 * An ordered error: from the VMM, if that has it too; else an NMI by the own APIC, and a machine
 * check only in name, as no software can make one.
 */
#include "guest/arch.h"
#include "guest/arch/x86_64/doorbell.h"
#include "guest/atomic.h"
#include "guest/nmi.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/smp.h"
#include "guest/vcpu_exit.h"
#include "shared/doorbell_abi.h"

/* Emulators look for NMIs now and then only. */
#define WAIT_TURNS 100000

static DEFINE_PER_CPU(bool, nmi_is_ordered);
static struct atomic is_registered;

/* Whoever else finds something in an NMI, this one is the guest's. */
static bool
take_ordered(struct regs *regs)
{
	(void)regs;
	if (!this_cpu_read(nmi_is_ordered)) {
		return false;
	}
	this_cpu_write(nmi_is_ordered, false);
	early_fault_raise(EARLY_NMI);
	return true;
}

static struct nmi_handler ordered = { .fn = take_ordered };

static void
nmi_to_self(void)
{
	arch_nmi_send(smp_processor_id());
	arch_irq_settle();
	for (unsigned int i = 0; i < WAIT_TURNS && this_cpu_read(nmi_is_ordered); i++) {
		arch_cpu_relax();
	}
}

static void
inject_nmi(void)
{
	if (!atomic_xchg(&is_registered, 1)) {
		register_nmi_handler(&ordered);
	}
	this_cpu_write(nmi_is_ordered, true);
	if (!doorbell_inject(DOORBELL_INJECT_NMI)) {
		nmi_to_self();
	}
	if (this_cpu_read(nmi_is_ordered)) {
		panic("an NMI was ordered for cpu %u, and has not come", smp_processor_id());
	}
}

void
arch_vcpu_exit_inject(enum early_cause cause)
{
	ASSERT(arch_irqs_disabled());
	if (cause == EARLY_NMI) {
		inject_nmi();
	} else if (!doorbell_inject(cause == EARLY_RECOVERABLE ? DOORBELL_INJECT_MCE
	                                                       : DOORBELL_INJECT_MCE_FATAL)) {
		early_fault_raise(cause);
	}
}
