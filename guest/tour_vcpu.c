// SPDX-License-Identifier: ISC
/*
 * The tour's third act: four vcpus on two cpus. On each cpu one computes in its guest and one, more
 * important, waits for a timer, whose interrupt hits the other's guest: that exits, and gives the
 * cpu up. Where, the model decides; never between the exit and its early handling, which consumes
 * the errors that come behind the first of these exits.
 *
 *   vcpu 0  SCHED_NORMAL  computes    cpu 0
 *   vcpu 1  SCHED_FIFO    waits       cpu 0
 *   vcpu 2  SCHED_NORMAL  computes    cpu 1
 *   vcpu 3  SCHED_NORMAL  waits       cpu 1, but of a better nice level
 *
 * What is shown was counted by the vcpus, and in the trace.
 */
#include "guest/tour_vcpu.h"

#include "guest/cmdline.h"
#include "guest/panic.h"
#include "guest/preempt_policy.h"
#include "guest/printk.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/trace.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_crew.h"
#include "guest/vcpu_inject.h"
#include "guest/vm_load.h"

#define VCPUS         4
#define WAKEUPS       6  /* of each that waits; the records should fit into a ring */
#define ERRORS        24 /* on a slow machine ticks are many */
#define FIFO_PRIORITY 20
#define NICE_BETTER   (-10)

/* One of the four, beside what its vcpu counts. */
struct actor {
	struct vcpu_member *member;
	uint32_t pid;
	uint32_t switches[SCHED_REASON_COUNT]; /* away from it, by place */
};

static struct actor actors[VCPUS];

/* ---- performing ---- */

static bool
make_crew(struct vcpu_crew *crew)
{
	struct vcpu_member *member;
	struct vm_image image;
	struct vm *vm;

	if (vm_load("tour", tour_payload, (size_t)(tour_payload_end - tour_payload), &image) != 0) {
		return false;
	}
	vm = vm_create(boot_args.early_irqs_on ? VM_EARLY_IRQS_ON : VM_EARLY_IRQS_OFF, image.mm,
	               image.entry);
	if (vm == NULL || vcpu_crew_create(crew, vm, VCPUS, WAKEUPS) != VCPUS) {
		return false;
	}
	member = crew->first;
	for (uint32_t id = 0; id < VCPUS; id++, member = member->next) {
		actors[id] = (struct actor){ .member = member };
	}
	return true;
}

/* None of them runs before we wait: we are more important than all. */
static bool
start(uint32_t id)
{
	struct actor *actor = &actors[id];

	vcpu_member_start(actor->member, &(struct task_params){
						 .policy = id == 1 ? SCHED_FIFO : SCHED_NORMAL,
						 .rt_priority = id == 1 ? FIFO_PRIORITY : 0,
						 .nice = id == 3 ? NICE_BETTER : 0,
						 .cpus_allowed = 1ull << (id / 2 % cpu_count),
					 });
	if (actor->member->task == NULL) {
		return false;
	}
	actor->pid = actor->member->task->pid;
	return true;
}

/* ---- what the trace says ---- */

static void
count_switch(const struct trace_record *record)
{
	for (uint32_t id = 0; id < VCPUS; id++) {
		if (actors[id].pid == record->pid) {
			actors[id].switches[trace_switch_reason(record->b)]++;
		}
	}
}

/* Those since `first` that the ring still has: on a slow machine not all. */
static void
count_switches(unsigned int cpu, uint64_t first)
{
	struct trace_record record;

	for (uint64_t n = first; n < trace_head(cpu); n++) {
		if (trace_read(cpu, n, &record) && record.event == TRACE_sched_switch) {
			count_switch(&record);
		}
	}
}

/* NULL, or what must not have happened. */
static const char *
check_actor(const struct actor *actor, enum preempt_model model)
{
	const struct vcpu *vcpu = actor->member->vcpu;

	if (actor->member->error != 0 || vcpu->stop != VCPU_STOP_SHUTDOWN) {
		return "a vcpu did not come to its end";
	}
	for (unsigned int reason = SCHED_REASON_COND_RESCHED; reason <= SCHED_REASON_IRQ_RETURN;
	     reason++) {
		if (actor->switches[reason] != 0 && !preempt_point_switches[model][reason]) {
			return "a vcpu was switched where the model forbids it";
		}
	}
	return vcpu_stats_fault(vcpu);
}

/* Every error that came was charged to somebody; to whom, the early handling has checked. */
static const char *
check(enum preempt_model model, uint64_t injected)
{
	uint64_t charged = 0;

	for (uint32_t id = 0; id < VCPUS; id++) {
		const char *fault = check_actor(&actors[id], model);

		if (fault != NULL) {
			return fault;
		}
		charged += actors[id].member->vcpu->stats.early_faults;
	}
	return charged == injected ? NULL : "an error that came with an exit was lost";
}

/* ---- what is shown ---- */

static void
print_actor(uint32_t id)
{
	static const char *const roles[VCPUS] = { "computes", "waits, FIFO", "computes",
		                                  "waits, nice" };
	const struct vcpu_stats *stats = &actors[id].member->vcpu->stats;
	const uint32_t *switches = actors[id].switches;
	uint32_t others = 0;

	for (unsigned int reason = SCHED_REASON_YIELD; reason < SCHED_REASON_COUNT; reason++) {
		others += switches[reason];
	}
	others -= switches[SCHED_REASON_PREEMPT_ENABLE] + switches[SCHED_REASON_IRQ_RETURN] +
	          switches[SCHED_REASON_GUEST_ENTRY];
	printk(" %3u  %-12s %5lu %5lu %6lu %9lu | %14u %10u %11u %6u %5u\n", id, roles[id],
	       stats->exits, stats->early_calls, stats->early_faults, stats->outs_preempted,
	       switches[SCHED_REASON_PREEMPT_ENABLE], switches[SCHED_REASON_IRQ_RETURN],
	       switches[SCHED_REASON_GUEST_ENTRY], switches[SCHED_REASON_BLOCK], others);
}

/* ---- one model ---- */

/* NULL, or what went wrong. */
static const char *
perform(struct vcpu_crew *crew, enum preempt_model model)
{
	uint64_t first[CPUS_MAX];
	uint64_t injected = vcpu_inject_count_done();

	if (!make_crew(crew)) {
		return "no memory for four vcpus";
	}
	preempt_model_set(model);
	vcpu_inject_with_interrupts(ERRORS);
	for_each_cpu (cpu) {
		first[cpu] = trace_head(cpu);
	}
	for (uint32_t id = 0; id < VCPUS; id++) {
		if (!start(id)) {
			return "no memory for four vcpus";
		}
	}
	vcpu_crew_join(crew);
	for (unsigned int cpu = 0; cpu < cpu_count && cpu < 2; cpu++) {
		count_switches(cpu, first[cpu]);
	}
	return check(model, vcpu_inject_count_done() - injected);
}

static bool
show(enum preempt_model model)
{
	struct vcpu_crew crew = { .vm = NULL };
	const char *fault = perform(&crew, model);

	printk("preempt=%s\n", preempt_model_names[model]);
	if (fault != NULL) {
		printk("tour: preempt=%s, four vcpus: %s\n", preempt_model_names[model], fault);
		return false;
	}
	for (uint32_t id = 0; id < VCPUS; id++) {
		print_actor(id);
	}
	vcpu_crew_end(&crew);
	vm_destroy(crew.vm);
	return true;
}

bool
tour_show_vcpus(void)
{
	bool passed = true;

	printk("Four vcpus on %s: two compute in their guests, two wait for timers, whose\n"
	       "interrupts hit those guests. With each of the first %u comes an error, which is\n"
	       "the early handling's, before anybody else can run there. Right of the bar: where\n"
	       "each was switched away from.\n\n",
	       cpu_count == 1 ? "one cpu" : "two cpus", ERRORS);
	printk(" %3s  %-12s %5s %5s %6s %9s | %14s %10s %11s %6s %5s\n", "", "vcpu", "exits",
	       "early", "errors", "preempted", "preempt_enable", "irq return", "guest entry",
	       "blocks", "other");
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT && passed; model++) {
		if (!boot_args.preempt_given || boot_args.preempt == model) {
			passed = show((enum preempt_model)model);
		}
	}
	vcpu_inject_with_interrupts(0);
	printk("\n");
	return passed;
}
