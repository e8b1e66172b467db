// SPDX-License-Identifier: ISC
/*
 * What the banks say is judged here, for a vcpu: how bad it is. Nothing is done about the memory
 * that they name.
 */
#include "guest/arch/x86_64/machine_check.h"

#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/nmi.h"
#include "guest/vcpu_exit.h"

#define CPUID_MCA (1u << 14) /* leaf 1, EDX */

#define MCG_CAP_BANKS   0xffu
#define MCG_STATUS_RIPV 0x1u /* the interrupted code can go on */

#define MC_STATUS_VALID       (1ull << 63)
#define MC_STATUS_UNCORRECTED (1ull << 61)
#define MC_STATUS_CORRUPT     (1ull << 57) /* PCC: the cpu's own state */

static enum early_cause
judge(uint64_t status)
{
	if (!(status & MC_STATUS_VALID)) {
		return EARLY_NONE;
	}
	if (!(status & MC_STATUS_UNCORRECTED)) {
		return EARLY_CORRECTED;
	}
	return status & MC_STATUS_CORRUPT ? EARLY_UNCONTAINABLE : EARLY_RECOVERABLE;
}

/* The worst of the banks, which are empty afterwards. One that no bank tells of is somewhere. */
static enum early_cause
read_banks(void)
{
	enum early_cause worst = EARLY_NONE;
	uint32_t count;

	if (!(cpuid(1, 0).edx & CPUID_MCA)) {
		return EARLY_RECOVERABLE;
	}
	count = rdmsr(MSR_MCG_CAP) & MCG_CAP_BANKS;
	for (uint32_t bank = 0; bank < count; bank++) {
		uint64_t status = rdmsr(MSR_MC0_STATUS + 4 * bank);
		enum early_cause cause = judge(status);

		worst = cause > worst ? cause : worst;
		if (status != 0) {
			wrmsr(MSR_MC0_STATUS + 4 * bank, 0);
		}
	}
	return worst != EARLY_NONE ? worst : EARLY_RECOVERABLE;
}

/* The status last: the next machine check shuts the machine down before, and comes afterwards. */
bool
machine_check_handle(struct regs *regs)
{
	struct irqentry_state state = nmi_enter();
	enum early_cause cause = read_banks();
	bool can_go_on = rdmsr(MSR_MCG_STATUS) & MCG_STATUS_RIPV;
	bool is_guests = early_fault_is_awaited();

	if (is_guests) {
		/* The few steps of the kernel to the guest's end, and to ours, go on anyhow. */
		early_fault_raise(can_go_on || vcpu_is_guest(regs) ? cause : EARLY_UNCONTAINABLE);
	}
	wrmsr(MSR_MCG_STATUS, 0);
	nmi_exit(state);
	if (is_guests && vcpu_is_guest(regs)) {
		vcpu_leave_guest(regs);
	}
	return is_guests;
}
