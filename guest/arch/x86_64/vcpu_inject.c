// SPDX-License-Identifier: ISC
/*
 * An ordered error: from the VMM, if that has it too; else an NMI by the own APIC, and a machine
 * check only in name, as no software can make one.
 */
#include "guest/arch.h"
#include "guest/arch/x86_64/doorbell.h"
#include "guest/panic.h"
#include "guest/smp.h"
#include "guest/vcpu_exit.h"
#include "shared/doorbell_abi.h"

/* Emulators look for NMIs now and then only. */
#define WAIT_TURNS 100000

static const uint8_t what_of[] = {
	[EARLY_NMI] = DOORBELL_INJECT_NMI,
	[EARLY_RECOVERABLE] = DOORBELL_INJECT_MCE,
	[EARLY_UNCONTAINABLE] = DOORBELL_INJECT_MCE_FATAL,
};

static bool
has_come(void)
{
	return *(volatile enum early_cause *)&this_cpu_ptr(&exit_record)->early.cause != EARLY_NONE;
}

static void
nmi_to_self(void)
{
	arch_nmi_send(smp_processor_id());
	arch_irq_settle();
	for (unsigned int i = 0; i < WAIT_TURNS && !has_come(); i++) {
		arch_cpu_relax();
	}
}

void
arch_vcpu_exit_inject(enum early_cause cause)
{
	ASSERT(arch_irqs_disabled());
	if (doorbell_inject(what_of[cause])) {
		return;
	}
	if (cause == EARLY_NMI) {
		nmi_to_self();
	} else {
		early_fault_raise(cause);
	}
}
