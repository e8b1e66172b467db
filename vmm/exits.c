// SPDX-License-Identifier: ISC
#include "vmm/exits.h"

#include <linux/kvm.h>
#include <stddef.h>

struct exit_name {
	const char *name;
	const char *meaning;
};

#define NAME(reason)             [reason] = { #reason, NULL }
#define MEANING(reason, meaning) [reason] = { #reason, meaning }
static const struct exit_name names[] = {
	MEANING(KVM_EXIT_UNKNOWN, "the hardware gave a reason that KVM does not know"),
	NAME(KVM_EXIT_EXCEPTION),
	NAME(KVM_EXIT_IO),
	NAME(KVM_EXIT_HYPERCALL),
	NAME(KVM_EXIT_DEBUG),
	MEANING(KVM_EXIT_HLT, "halted where nothing can wake it"),
	NAME(KVM_EXIT_MMIO),
	NAME(KVM_EXIT_IRQ_WINDOW_OPEN),
	MEANING(KVM_EXIT_SHUTDOWN, "triple fault"),
	MEANING(KVM_EXIT_FAIL_ENTRY, "the hardware refused to enter the guest"),
	NAME(KVM_EXIT_INTR),
	NAME(KVM_EXIT_SET_TPR),
	NAME(KVM_EXIT_TPR_ACCESS),
	NAME(KVM_EXIT_S390_SIEIC),
	NAME(KVM_EXIT_S390_RESET),
	NAME(KVM_EXIT_DCR),
	NAME(KVM_EXIT_NMI),
	MEANING(KVM_EXIT_INTERNAL_ERROR, "KVM cannot go on with this guest"),
	NAME(KVM_EXIT_OSI),
	NAME(KVM_EXIT_PAPR_HCALL),
	NAME(KVM_EXIT_S390_UCONTROL),
	NAME(KVM_EXIT_WATCHDOG),
	NAME(KVM_EXIT_S390_TSCH),
	NAME(KVM_EXIT_EPR),
	NAME(KVM_EXIT_SYSTEM_EVENT),
	NAME(KVM_EXIT_S390_STSI),
	NAME(KVM_EXIT_IOAPIC_EOI),
	NAME(KVM_EXIT_HYPERV),
	NAME(KVM_EXIT_ARM_NISV),
	NAME(KVM_EXIT_X86_RDMSR),
	NAME(KVM_EXIT_X86_WRMSR),
	NAME(KVM_EXIT_DIRTY_RING_FULL),
	NAME(KVM_EXIT_AP_RESET_HOLD),
	NAME(KVM_EXIT_X86_BUS_LOCK),
	NAME(KVM_EXIT_XEN),
	NAME(KVM_EXIT_RISCV_SBI),
	NAME(KVM_EXIT_RISCV_CSR),
	NAME(KVM_EXIT_NOTIFY),
#ifdef KVM_EXIT_LOONGARCH_IOCSR
	NAME(KVM_EXIT_LOONGARCH_IOCSR),
#endif
#ifdef KVM_EXIT_MEMORY_FAULT
	NAME(KVM_EXIT_MEMORY_FAULT),
#endif
};

const char *
exits_name(uint32_t reason)
{
	return reason < sizeof(names) / sizeof(names[0]) ? names[reason].name : NULL;
}

const char *
exits_meaning(uint32_t reason)
{
	return reason < sizeof(names) / sizeof(names[0]) ? names[reason].meaning : NULL;
}

const char *
exits_suberror_name(uint32_t suberror)
{
	switch (suberror) {
	case KVM_INTERNAL_ERROR_EMULATION:
		return "an instruction that KVM cannot emulate";
	case KVM_INTERNAL_ERROR_SIMUL_EX:
		return "exceptions on top of each other";
	case KVM_INTERNAL_ERROR_DELIVERY_EV:
		return "an exit while an event was delivered";
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		return "an exit that KVM did not expect";
	default:
		return "unknown suberror";
	}
}

const char *
exits_event_name(uint32_t type)
{
	switch (type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		return "shutdown";
	case KVM_SYSTEM_EVENT_RESET:
		return "reset";
	case KVM_SYSTEM_EVENT_CRASH:
		return "crash";
	default:
		return "unknown event";
	}
}
