// SPDX-License-Identifier: ISC
#include "guest/cputime.h"

#include "guest/irq.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/vcpu.h"

DEFINE_PER_CPU(uint32_t[CPUTIME_COUNT], cputime);

DEFINE_PER_CPU(struct vcpu *, timed_vcpu);

static enum cputime
kind_of_tick(void)
{
	const struct regs *regs = this_cpu_read(irq_regs);

	if (regs != NULL && arch_regs_user(regs)) {
		return CPUTIME_USER;
	}
	return task_is_idle(current) ? CPUTIME_IDLE : CPUTIME_SYSTEM;
}

void
account_tick(void)
{
	struct vcpu *vcpu = this_cpu_read(timed_vcpu);
	enum cputime kind = vcpu != NULL ? CPUTIME_GUEST : kind_of_tick();

	(*this_cpu_ptr(&cputime))[kind]++;
	if (vcpu != NULL) {
		vcpu->stats.guest_ticks++;
	}
}
