// SPDX-License-Identifier: ISC
/*
 * In the end: nobody is left in a guest, what was ordered has come, and what was counted is as
 * many.
 */
#include <stddef.h>
#include <stdio.h>

#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_inject.h"
#include "tests/fuzz/vcpu/watch.h"
#include "tests/fuzz/vcpu/world.h"
#include "tests/host/run.h"

#define COUNTS_SIZE 96

static HOST_STATE char counts[EXITS_VCPUS][COUNTS_SIZE];

static HOST_STATE unsigned int ordered[VCPU_INJECT_MAX]; /* by number: of which exit */
static HOST_STATE unsigned int order_count;
static HOST_STATE uint64_t exit_count;

void
watch_order(unsigned int exit)
{
	if (exit != 0) {
		ordered[order_count++] = exit;
	}
}

void
watch_stopped(const struct vcpu *vcpu)
{
	exit_count += vcpu->stats.entries;
}

static void
check_orders(void)
{
	uint64_t wanted = 0;

	for (unsigned int n = 0; n < order_count; n++) {
		wanted += ordered[n] <= exit_count;
	}
	if (vcpu_inject_count_done() != wanted) {
		host_fail(
			"%llu errors that were ordered have come, not %llu: an order did not come "
			"once",
			(unsigned long long)vcpu_inject_count_done(), (unsigned long long)wanted);
	}
}

static void
check_ended(const struct vcpu *vcpu)
{
	const char *fault = vcpu_stats_fault(vcpu);
	uint64_t errors = exits_errors(vcpu->id) + watch_strikes(vcpu->id);

	if (fault != NULL) {
		host_fail("vcpu %u: %s", vcpu->id, fault);
	}
	HOST_EXPECT(vcpu->task == NULL);
	HOST_EXPECT(vcpu->mode.value == OUTSIDE_GUEST_MODE);
	HOST_EXPECT(vcpu->preempted.value == 0);
	if (order_count == 0 && vcpu->stats.early_faults != errors) {
		host_fail("vcpu %u was charged with %llu errors, not %llu", vcpu->id,
		          (unsigned long long)vcpu->stats.early_faults, (unsigned long long)errors);
	}
}

static void
note_counts(const struct vcpu *vcpu)
{
	const struct vcpu_stats *stats = &vcpu->stats;

	snprintf(counts[vcpu->id], COUNTS_SIZE,
	         "%u entries, %u aborts, %u reentries, %u outs (%u preempted), %u halts, %u errors",
	         (unsigned int)stats->entries, (unsigned int)stats->aborts,
	         (unsigned int)stats->reentries, (unsigned int)stats->outs,
	         (unsigned int)stats->outs_preempted, (unsigned int)stats->halts,
	         (unsigned int)stats->early_faults);
}

const char *
watch_counts(uint32_t id)
{
	return counts[id];
}

void
watch_end(void)
{
	unsigned long flags = host_step_begin();
	uint64_t count = vcpu_mmio_read(vm_vcpu(world_vm, 0), VM_MMIO + VM_MMIO_COUNT, 8);

	if (count != exits_count_written()) {
		host_fail("a register counts %llu writes, and there were %llu",
		          (unsigned long long)count, (unsigned long long)exits_count_written());
	}
	for (uint32_t id = 0; id < (uint32_t)world_vm->vcpu_count.value; id++) {
		check_ended(vm_vcpu(world_vm, id));
		note_counts(vm_vcpu(world_vm, id));
		watch_stopped(vm_vcpu(world_vm, id));
	}
	check_orders();
	for (unsigned int cpu = 0; cpu < machine.cpu_count; cpu++) {
		HOST_EXPECT(per_cpu(running_vcpu, cpu) == NULL);
		HOST_EXPECT(per_cpu(exit_record, cpu).early.cause == EARLY_NONE);
		HOST_EXPECT(machine.cpus[cpu].guest == NULL);
	}
	host_step_end(flags);
}

void
watch_unwritten(const uint8_t *memory)
{
	for (size_t n = 0; memory != NULL && n < sizeof(struct vcpu); n++) {
		if (memory[n] != 0) {
			host_fail("the memory of a vcpu that is gone was written");
		}
	}
}
