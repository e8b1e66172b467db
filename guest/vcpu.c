// SPDX-License-Identifier: ISC
/*
 * A vcpu's life, and its way on and off a cpu: by its task's own load and put, and by the notifier
 * between the two. In both, the running pointer is set before the machine's half is loaded, and
 * cleared behind its put.
 */
#include "guest/vcpu.h"

#include "guest/bug.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/trace.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_steal.h"

DEFINE_PER_CPU(struct vcpu *, running_vcpu);

struct vcpu *
vcpu_get_running(void)
{
	struct vcpu *vcpu;

	preempt_disable();
	vcpu = this_cpu_read(running_vcpu);
	preempt_enable();
	return vcpu;
}

/* ---- on and off the cpu ---- */

/* count 1, irqs on; running_vcpu is set. */
static inline void
load_here(struct vcpu *vcpu)
{
	unsigned int cpu = smp_processor_id();

	arch_vcpu_load(vcpu, cpu);
	atomic_store(&vcpu->cpu, cpu);
	/* A state that holds across preemption needs a flag that is looked at here (J35). */
	if (!vcpu->in_wfi || bug(WFI_RELOADED)) {
		atomic_store(&vcpu->resident, 1);
	}
	if (vcpu->steal.addr != 0 && !bug(STEAL_UNRECORDED)) {
		vcpu_set_request(vcpu, VCPU_REQ_STEAL);
	}
}

/* Perhaps with irqs off and the run queue's lock: no call of this sleeps, wakes or faults. */
static inline void
put_here(struct vcpu *vcpu)
{
	if (atomic_load(&vcpu->preempted)) {
		vcpu_steal_publish_preempted(vcpu);
	}
	atomic_store(&vcpu->resident, 0);
	arch_vcpu_put(vcpu);
	if (vcpu->vm->early == VM_EARLY_IRQS_ON) {
		atomic_store(&vcpu->cpu, VCPU_NO_CPU); /* x86 leaves it: its readers check */
	}
}

void
vcpu_load(struct vcpu *vcpu)
{
	DEBUG_ASSERT(in_task());
	DEBUG_ASSERT(!arch_irqs_disabled());
	preempt_disable();
	ASSERT(this_cpu_read(running_vcpu) == NULL);
	this_cpu_write(running_vcpu, vcpu);
	preempt_notifier_register(&vcpu->notifier);
	load_here(vcpu);
	vcpu->stats.loads++;
	trace(TRACE_vcpu_load, vcpu->id, 0);
	vcpu_check_loaded(vcpu);
	preempt_enable();
}

void
vcpu_put(struct vcpu *vcpu)
{
	DEBUG_ASSERT(!arch_irqs_disabled());
	preempt_disable();
	DEBUG_ASSERT(this_cpu_read(running_vcpu) == vcpu);
	put_here(vcpu);
	if (!bug(PUT_KEEPS_NOTIFIER)) {
		preempt_notifier_unregister(&vcpu->notifier);
	}
	this_cpu_write(running_vcpu, NULL);
	vcpu->stats.puts++;
	trace(TRACE_vcpu_put, vcpu->id, 0);
	preempt_enable();
}

/*
 * Its task is preempted, or waits. A task that sleeps is on no queue any more when this is called;
 * one that goes on is, or is on its way to another's.
 */
static void
vcpu_sched_out(struct preempt_notifier *notifier, struct task *next)
{
	struct vcpu *vcpu = container_of(notifier, struct vcpu, notifier);
	bool is_runnable = atomic_load(&current->on_rq) != 0;

	(void)next;
	vcpu_check_out(vcpu);
	atomic_store(&vcpu->scheduled_out, 1);
	vcpu->stats.outs++;
	if ((is_runnable || bug(SLEEPER_PREEMPTED)) &&
	    (vcpu->wants_to_run || bug(LEAVER_PREEMPTED))) {
		vcpu->stats.outs_preempted++;
		atomic_store(&vcpu->preempted, 1);
		atomic_store(&vcpu->ready, 1);
	}
	put_here(vcpu);
	this_cpu_write(running_vcpu, NULL);
	trace(TRACE_vcpu_out, vcpu->id, atomic_load(&vcpu->preempted));
}

static void
vcpu_sched_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	struct vcpu *vcpu = container_of(notifier, struct vcpu, notifier);

	vcpu_check_in(vcpu);
	if (!bug(PREEMPTED_KEPT)) {
		atomic_store(&vcpu->preempted, 0);
	}
	atomic_store(&vcpu->ready, 0);
	if (bug(RUNNING_SET_LATE)) {
		load_here(vcpu);
		this_cpu_write(running_vcpu, vcpu);
	} else {
		this_cpu_write(running_vcpu, vcpu);
		load_here(vcpu);
	}
	vcpu_steal_end(vcpu);
	vcpu->stats.ins++;
	atomic_store(&vcpu->scheduled_out, 0); /* last: the load can tell why it is made */
	trace(TRACE_vcpu_in, vcpu->id, cpu);
}

static const struct preempt_ops vcpu_preempt_ops = {
	.sched_in = vcpu_sched_in,
	.sched_out = vcpu_sched_out,
};

/* ---- a vcpu's life ---- */

static void
reset_state(struct vcpu *vcpu)
{
	vcpu->interrupts_on = false;
	vcpu->halted = false;
	vcpu->exception.valid = false;
	vcpu->injected.valid = false;
	vcpu->steal = (struct vcpu_steal){ .addr = 0 };
	atomic_store(&vcpu->pending, 0);
	arch_vcpu_reset(vcpu);
}

/* vm->lock held. */
static bool
add(struct vm *vm, struct vcpu *vcpu)
{
	struct atomic_ptr *place = vm_next_place(vm);

	vcpu->id = atomic_load(&vm->vcpu_count);
	if (place == NULL || !arch_vcpu_init(vcpu)) {
		return false;
	}
	vcpu_device_init(vcpu);
	preempt_disable();
	reset_state(vcpu);
	preempt_enable();
	if (atomic_load(&vm->dead)) {
		vcpu_set_request(vcpu, VCPU_REQ_VM_DEAD);
	}
	atomic_store_release(place, vcpu);
	atomic_store(&vm->vcpu_count, vcpu->id + 1);
	return true;
}

struct vcpu *
vcpu_create(struct vm *vm, uint64_t arg)
{
	struct vcpu *vcpu;

	might_sleep();
	vcpu = object_alloc(sizeof(*vcpu));
	if (vcpu == NULL) {
		return NULL;
	}
	vcpu->vm = vm;
	vcpu->arg = arg;
	atomic_store(&vcpu->cpu, VCPU_NO_CPU);
	mutex_init(&vcpu->mutex);
	LOCKDEP_INIT(&vcpu->task_lock, LD_WAIT_SPIN);
	init_waitqueue_head(&vcpu->wait);
	preempt_notifier_init(&vcpu->notifier, &vcpu_preempt_ops);
	mutex_lock(&vm->lock);
	if (!add(vm, vcpu)) {
		mutex_unlock(&vm->lock);
		object_free(vcpu, sizeof(*vcpu));
		return NULL;
	}
	mutex_unlock(&vm->lock);
	return vcpu;
}

void
vcpu_destroy(struct vcpu *vcpu)
{
	might_sleep();
	ASSERT(vcpu->task == NULL);
	vcpu_device_end(vcpu);
	arch_vcpu_free(vcpu);
	object_free(vcpu, sizeof(*vcpu));
}

/*
 * What is loaded would be put over what is set, at the next switch or at the end. Nothing in here
 * may sleep: a switch would load what is half set (ebff0b0e3d3c).
 */
void
vcpu_reset(struct vcpu *vcpu)
{
	preempt_disable();
	ASSERT(this_cpu_read(running_vcpu) == vcpu);
	if (!bug(RESET_LOADED)) {
		put_here(vcpu);
	}
	reset_state(vcpu);
	if (!bug(RESET_LOADED)) {
		load_here(vcpu);
	}
	preempt_enable();
}
