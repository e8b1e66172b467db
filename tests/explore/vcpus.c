// SPDX-License-Identifier: ISC
#include "tests/explore/vcpus.h"

#include <stdio.h>

#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/vcpu_halt.h"
#include "tests/explore/scenario.h"

enum vm_early vcpus_flavour;
HOST_STATE struct vcpu *vcpus_only;

static const char *
mode_words(uint32_t mode)
{
	switch (mode) {
	case OUTSIDE_GUEST_MODE:
		return "OUTSIDE";
	case IN_GUEST_MODE:
		return "IN";
	case EXITING_GUEST_MODE:
		return "EXITING";
	default:
		return NULL;
	}
}

struct vcpu *
vcpus_add(struct vcpu *first)
{
	struct vcpu *vcpu = vcpu_create(first->vm, 0);

	HOST_EXPECT(vcpu != NULL);
	return vcpu;
}

struct vcpu *
vcpus_create(host_guest *guest)
{
	struct vm *vm = vm_create(vcpus_flavour, mm_create(), (uintptr_t)guest);

	HOST_EXPECT(vm != NULL);
	vm->halt_poll_max_ns = 0;
	vm->quiet = true;
	vcpus_only = vcpu_create(vm, 0);
	HOST_EXPECT(vcpus_only != NULL);
	explore_name(&vcpus_only->mode, "mode");
	explore_name(&vcpus_only->requests, "requests");
	explore_name(&vcpus_only->cpu, "vcpu->cpu");
	explore_name(&vcpus_only->pending, "pending");
	explore_name(&vcpus_only->wait.lock, "wait.lock");
	explore_show(&vcpus_only->mode, mode_words);
	explore_show(&vcpus_only->requests, NULL);
	return vcpus_only;
}

unsigned int
vcpus_loop(struct vcpu *vcpu, unsigned int at)
{
	(void)vcpu;
	return at;
}

unsigned int
vcpus_loop_from_gate(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		host_guest_gate(vcpu);
		return 1;
	}
	return at;
}

/* The run queue's lock is held: on_rq says what the switch is for. */
bool
vcpus_look_behind_out(const struct vcpu *vcpu)
{
	bool is_queued = atomic_load(&current->on_rq) != 0;
	bool is_preempted = atomic_load(&vcpu->preempted) != 0;

	if (vcpu->notifier.task == NULL) {
		HOST_EXPECT(!is_preempted);
	} else {
		HOST_EXPECT(is_preempted == (is_queued && vcpu->wants_to_run));
		HOST_EXPECT(!is_preempted || atomic_load(&vcpu->ready));
		HOST_EXPECT(atomic_load(&vcpu->scheduled_out));
		HOST_EXPECT(this_cpu_read(running_vcpu) == NULL);
	}
	return is_preempted;
}

void
vcpus_look_behind_in(const struct vcpu *vcpu)
{
	HOST_EXPECT(!atomic_load(&vcpu->preempted));
	HOST_EXPECT(!atomic_load(&vcpu->scheduled_out));
	if (vcpu->notifier.task != NULL) {
		HOST_EXPECT(this_cpu_read(running_vcpu) == vcpu);
		HOST_EXPECT(atomic_load(&vcpu->cpu) == raw_smp_processor_id());
	}
}

/* What would wake it, or end its guest? */
static void
check_pending(const struct vcpu *vcpu, const char *where)
{
	uint32_t requests = (uint32_t)atomic_load(&vcpu->requests);

	if (requests != 0) {
		host_fail("vcpu %u %s with a request pending: %#x", vcpu->id, where, requests);
	}
	if (vcpu_runnable(vcpu)) {
		host_fail("vcpu %u %s with an interrupt pending", vcpu->id, where);
	}
}

void
vcpus_check(struct vcpu *vcpu)
{
	unsigned int cpu = (unsigned int)atomic_load(&vcpu->cpu);
	uint32_t sent = (uint32_t)atomic_load(&vcpu->stats.ipis);
	uint32_t exiting = (uint32_t)atomic_load(&vcpu->stats.exiting);

	if (cpu < cpu_count && host_cpu(cpu)->guest == vcpu && host_cpu(cpu)->in_guest) {
		check_pending(vcpu, "stays in its guest");
		if (atomic_load(&vcpu->mode) == EXITING_GUEST_MODE) {
			host_fail("vcpu %u stays in its guest and is to exit", vcpu->id);
		}
	} else if (vcpu->task != NULL && atomic_load(&vcpu->task->state) != TASK_RUNNING) {
		check_pending(vcpu, "sleeps");
	}
	if (sent > exiting) {
		host_fail("more IPIs, %u, than transitions to EXITING, %u", sent, exiting);
	}
}
