// SPDX-License-Identifier: ISC
#include "guest/vcpu_halt.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_run.h"
#include "guest/yield_to.h"

/* Polling: as in Linux, longer where it has paid, not at all where it has not. */
#define HALT_POLL_START_NS 10000u

bool
vcpu_runnable(const struct vcpu *vcpu)
{
	return vcpu->exception.valid || vcpu->injected.valid || vcpu_interrupt_waits(vcpu);
}

/* Is there a reason not to wait? A request that may wait does not count: nobody would take it. */
static bool
may_go_on(struct vcpu *vcpu)
{
	return vcpu_runnable(vcpu) || signal_pending(current) ||
	       (atomic_load(&vcpu->requests) & VCPU_REQS_THAT_WAKE);
}

/*
 * Interrupts of its devices wake it from here on, whatever switches come: each of those loads it
 * anew (J35).
 */
static void
begin_wfi(struct vcpu *vcpu)
{
	preempt_disable();
	vcpu->in_wfi = true;
	atomic_store(&vcpu->resident, 0);
	preempt_enable();
}

static void
end_wfi(struct vcpu *vcpu)
{
	preempt_disable();
	vcpu->in_wfi = false;
	atomic_store(&vcpu->resident, 1);
	preempt_enable();
}

void
vcpu_block(struct vcpu *vcpu)
{
	DEFINE_WAIT(entry);

	ASSERT(preempt_count() == 0);
	entry.flags |= WQ_FLAG_EXCLUSIVE; /* so that a wakeup says whether it woke */
	begin_wfi(vcpu);
	for (;;) { /* bounded: by who wakes it */
		bool early = bug(HALT_TESTS_FIRST) && may_go_on(vcpu);

		/* The barrier behind the state is the one that vcpu_interrupt() pairs with. */
		prepare_to_wait_exclusive(&vcpu->wait, &entry, TASK_INTERRUPTIBLE);
		if (bug(HALT_TESTS_FIRST) ? early : may_go_on(vcpu)) {
			break;
		}
		schedule();
	}
	finish_wait(&vcpu->wait, &entry);
	end_wfi(vcpu);
}

/* ---- polling ---- */

static bool
is_alone(void)
{
	bool is_alone_here;

	preempt_disable();
	is_alone_here = atomic_load(&this_cpu_ptr(&runqueue)->nr_running) == 1;
	preempt_enable();
	return is_alone_here && !need_resched();
}

/* Returns whether that was enough. */
static bool
poll(struct vcpu *vcpu)
{
	uint64_t end_ns = arch_clock_ns() + vcpu->halt_poll_ns;

	while (is_alone() && arch_clock_ns() < end_ns) { /* bounded: the clock runs */
		if (may_go_on(vcpu)) {
			return true;
		}
		arch_cpu_relax();
	}
	return false;
}

static void
adapt(struct vcpu *vcpu, bool was_enough, uint64_t waited_ns)
{
	uint64_t max_ns = vcpu->vm->halt_poll_max_ns;

	if (was_enough || max_ns == 0) {
		return;
	}
	if (waited_ns > max_ns) {
		vcpu->halt_poll_ns = 0;
	} else {
		vcpu->halt_poll_ns =
			vcpu->halt_poll_ns != 0 ? vcpu->halt_poll_ns * 2 : HALT_POLL_START_NS;
		if (vcpu->halt_poll_ns > max_ns) {
			vcpu->halt_poll_ns = max_ns;
		}
	}
}

void
vcpu_halt(struct vcpu *vcpu)
{
	uint64_t start_ns = arch_clock_ns();
	bool was_enough;

	ASSERT(preempt_count() == 0);
	ASSERT(!arch_irqs_disabled());
	vcpu->stats.halts++;
	was_enough = vcpu->halt_poll_ns != 0 && poll(vcpu);
	if (!was_enough) {
		vcpu_block(vcpu);
	}
	adapt(vcpu, was_enough, arch_clock_ns() - start_ns);
}

int
vcpu_emulate_halt(struct vcpu *vcpu)
{
	if (vcpu->vm->early == VM_EARLY_IRQS_ON) {
		vcpu_halt(vcpu);
	} else {
		vcpu->halted = true;
	}
	return 1;
}

/* ---- directed yield ---- */

/* Every other one of those that spin is passed over once, so that they do not yield in circles. */
static bool
is_eligible(struct vcpu *vcpu)
{
	bool spins = atomic_load(&vcpu->in_spin_loop);
	bool is_its_turn = atomic_load(&vcpu->dy_eligible);

	if (spins) {
		atomic_store(&vcpu->dy_eligible, !is_its_turn);
	}
	return !spins || is_its_turn || bug(SPIN_IN_CIRCLES);
}

static bool
try_yield_to(struct vcpu *vcpu)
{
	struct task *task;
	bool yielded;

	raw_spin_lock(&vcpu->task_lock);
	task = vcpu->task;
	if (task != NULL) {
		task_get(task);
	}
	raw_spin_unlock(&vcpu->task_lock);
	if (task == NULL) {
		return false;
	}
	yielded = yield_to(task);
	task_put(task);
	return yielded;
}

void
vcpu_on_spin(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	uint32_t count = atomic_load(&vm->vcpu_count);
	uint32_t first = atomic_load(&vm->last_boosted);

	ASSERT(preempt_count() == 0);
	atomic_store(&vcpu->in_spin_loop, 1);
	for (uint32_t n = 1; n <= count; n++) {
		struct vcpu *other = vm_vcpu(vm, (first + n) % count);

		if (other == vcpu || !atomic_load(&other->ready) || !is_eligible(other)) {
			continue;
		}
		if (bug(SPIN_UNDIRECTED)) {
			yield();
			break;
		}
		if (try_yield_to(other)) {
			atomic_store(&vm->last_boosted, other->id);
			break;
		}
	}
	atomic_store(&vcpu->in_spin_loop, 0);
	atomic_store(&vcpu->dy_eligible, 0);
}
