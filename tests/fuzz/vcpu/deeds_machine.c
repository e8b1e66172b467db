// SPDX-License-Identifier: ISC
/*
 * What workers make: one more vcpu of the world's machine, and machines of their own.
 */
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/sched_change.h"
#include "guest/vcpu.h"
#include "guest/vcpu_device.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu/deeds.h"
#include "tests/fuzz/vcpu/watch.h"

static HOST_STATE uint8_t *next_owners[WORLD_WORKERS]; /* of a vcpu's memory: nobody writes it */

void
deeds_create(const struct operation *operation)
{
	struct vcpu *vcpu;

	(void)operation;
	if (atomic_load(&world_vm->vcpu_count) >= EXITS_VCPUS - WORLD_WORKERS + 1) {
		return; /* each worker may be as far at this moment */
	}
	vcpu = vcpu_create(world_vm, 0);
	HOST_EXPECT(vcpu != NULL);
	world_start(vcpu->id);
}

#define MACHINE_RUNS    0x1u
#define MACHINE_TIMER   0x2u
#define MACHINE_MOVES   0x4u
#define MACHINE_EXPIRES 0x8u /* its timer, elsewhere if it has moved */

/* The cpu of the timer takes its interrupt, for so many points; then this one goes on. */
static void
expire(unsigned int cpu, unsigned int points)
{
	if (points != 0) {
		schedule_act(FUZZ_ACTION_SWITCH, cpu);
		schedule_act_later(points, FUZZ_ACTION_SWITCH, host_this->id);
	}
}

void
deeds_machine(const struct operation *operation)
{
	unsigned int what = operation->args[2];
	unsigned int cpu = raw_smp_processor_id();
	uint8_t **owner = &next_owners[operation->args[0] % WORLD_WORKERS];
	struct vm *vm = vm_create((enum vm_early)(operation->args[1] % 2), mm_create(),
	                          (uintptr_t)exits_small);
	struct vcpu *vcpu = vcpu_create(vm, 0);

	HOST_EXPECT(vcpu != NULL);
	if (what & MACHINE_RUNS) {
		do { /* bounded: by the errors that come */
			HOST_EXPECT(vcpu_run(vcpu) == 0);
		} while (vcpu->stop == VCPU_STOP_ERROR);
		HOST_EXPECT(vcpu->stop == VCPU_STOP_SHUTDOWN);
		HOST_EXPECT(vcpu->stop_value == EXITS_STATUS);
		HOST_EXPECT(vcpu_mmio_read(vcpu, VM_MMIO + VM_MMIO_COUNT, 8) == 1);
	}
	if (what & MACHINE_TIMER) {
		vcpu_timer_set(vcpu, (what >> 4) * TIME_UNIT_NS);
	}
	if (what & MACHINE_MOVES) {
		set_cpus_allowed(current, cpus_of((uint8_t)(what >> 4)));
	}
	if (what & MACHINE_EXPIRES) {
		host_clock_advance((what >> 4) * TIME_UNIT_NS);
		expire(cpu, operation->args[3] % 64u);
	}
	watch_stopped(vcpu);
	vm_destroy(vm);
	if (*owner == NULL) {
		*owner = object_alloc(sizeof(struct vcpu));
	}
}

void
deeds_check_memory(void)
{
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		watch_unwritten(next_owners[n]);
	}
}
