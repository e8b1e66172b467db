// SPDX-License-Identifier: ISC
/*
 * The NMI's way in. Its stack is the same at every entry, and the machine writes from the top. It
 * also unblocks NMIs at any iretq, one from an exception within the handler included, so that the
 * next would overwrite what this one has yet to return by. So there are two stacks, and the
 * outermost NMI has the next come on the other one:
 *
 *   - One that comes while the handler runs is latched by nmi_handle(), and returns.
 *   - One that comes when that has ended, but the return has not, cannot be latched: nobody would
 *     look. It would be an outermost one, with both stacks in use. So it gives the return up: what
 *     that restores lies untouched at the top of its stack, and it begins anew, as the NMI that has
 *     just come.
 *   - Nothing comes between entry and latch, unless NMIs were unblocked before; then the latch is
 *     still open, and it is the second case.
 *
 * The second sort is told by the stack that it interrupts. Both return without an exception, with
 * NMIs blocked, so there is no third stack.
 */
#include "guest/arch/x86_64/nmi.h"

#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/nmi.h"
#include "guest/panic.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/vcpu_exit.h"

/*
 * A machine that delivers late needs a millisecond; one whose host is busy may leave a cpu alone
 * for much longer, and only the clock goes on. One that is stuck must not hold up the report for
 * ever.
 */
#define STOP_WAIT_NS NSEC_PER_SEC

extern const char paranoid_again[], paranoid_gs[]; /* entry.S */

DEFINE_PER_CPU(uint32_t, nmi_returns_given_up);

static struct atomic stopping;
static struct atomic stopped_count;
static DEFINE_PER_CPU(struct atomic_ptr, stopped_regs);

static void
wait_for_stopped(void)
{
	uint64_t end;

	if (cpu_count == 1) {
		return; /* the clock may not run yet */
	}
	end = arch_clock_ns() + STOP_WAIT_NS;
	while (atomic_load(&stopped_count) + 1 < cpu_count && arch_clock_ns() < end) {
		arch_cpu_relax(); /* bounded: the clock runs */
	}
}

void
arch_stop_others(void)
{
	unsigned int self = smp_processor_id();

	ASSERT(arch_irqs_disabled());
	atomic_store_mb(&stopping, 1);
	for_each_cpu (cpu) {
		if (cpu != self) {
			arch_nmi_send(cpu);
		}
	}
	wait_for_stopped();
}

const struct regs *
arch_stopped_regs(unsigned int cpu)
{
	return atomic_load_acquire(&per_cpu(stopped_regs, cpu));
}

/* The stopping cpu has the last word; every other halts where it is. */
static _Noreturn void
stop(struct regs *regs)
{
	atomic_store_release(this_cpu_ptr(&stopped_regs), regs);
	atomic_fetch_add(&stopped_count, 1);
	halt_forever();
}

/* The interrupted return, with the stack that ends at top, is given up. */
static void
begin_anew(struct regs *regs, uint64_t top)
{
	regs->rip = (uintptr_t)(bug(NMI_GS_READ_AGAIN) ? paranoid_gs : paranoid_again);
	regs->rsp = top - sizeof(struct regs);
	regs->rbp = regs->rsp;
	this_cpu_add(nmi_returns_given_up, 1);
}

/* An exception of the handler would change CR2 under an interrupted page fault. */
static void
handle(struct regs *regs)
{
	uint64_t cr2 = read_cr2();

	nmi_handle(regs);
	if (read_cr2() != cr2) {
		write_cr2(cr2);
	}
}

void
nmi_entered(struct regs *regs)
{
	if (atomic_load(&stopping)) {
		stop(regs);
	}
	if (this_cpu_read(nmi_state) == NMI_NOT_RUNNING) {
		uint64_t other = gdt_other_nmi_stack((uintptr_t)regs);

		if (gdt_is_on_stack(other, regs->rsp)) {
			begin_anew(regs, other);
			return;
		}
		gdt_set_nmi_stack(other);
	}
	handle(regs);
	if (vcpu_is_guest(regs) && this_cpu_read(exit_record.early.cause) != EARLY_NONE) {
		vcpu_leave_guest(regs);
	}
}
