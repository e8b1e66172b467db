// SPDX-License-Identifier: ISC
#include "guest/rcu_gp.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/context_tracking.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"

#define SPINS_MAX 1000u /* of an expedited one, before it sleeps between its looks */

/*
 * Switches that make sure of one after the first look: an increment may still have been on its way
 * to memory then, and the switch's own barrier, its queue's lock, comes before the increment.
 */
#define SWITCHES_WANTED 2u

DEFINE_PER_CPU(struct rcu_cpu, rcu_cpu);

struct atomic rcu_blocked[2];
struct atomic rcu_blocked_index;

uint32_t rcu_stall_ticks = 2100; /* Linux's 21 seconds */

/* ---- asking, and waiting ---- */

/* A barrier: the interrupt waits for no store of ours, and must find it. */
static void
ask(uint64_t cpus, enum rcu_asked asked, bool interrupts)
{
	for (; cpus != 0; cpus &= cpus - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(cpus);

		atomic_store_mb(&per_cpu(rcu_cpu, cpu).asked, asked);
		if (interrupts) {
			preempt_disable();
			arch_ipi_send(cpu, IRQ_CALL);
			preempt_enable();
		}
	}
}

/* One grace period's patience. */
struct patience {
	uint64_t began_ns; /* to wait; 0: not yet */
	bool reported;
};

/* cpus: that it waits for. */
static void
report_once(struct patience *patience, uint64_t cpus)
{
	uint64_t stall_ns = rcu_stall_ticks * (NSEC_PER_SEC / boot_args.hz);

	if (patience->reported || stall_ns == 0 ||
	    arch_clock_ns() - patience->began_ns < stall_ns) {
		return;
	}
	patience->reported = true;
	ask(cpus, RCU_ASKED_TO_TELL, false);
	rcu_stall_report(cpus);
}

/* A tick, between two looks. */
static void
wait_a_tick(struct patience *patience, uint64_t cpus)
{
	if (patience->began_ns == 0) {
		patience->began_ns = arch_clock_ns();
	}
	timer_sleep(NSEC_PER_SEC / boot_args.hz);
	report_once(patience, cpus);
}

/* ---- readers on cpus ---- */

/* false: it is not watched, and whoever becomes a reader there later is a new one. */
static bool
look_first(unsigned int cpu)
{
	struct rcu_cpu *rcu = &per_cpu(rcu_cpu, cpu);

	rcu->context_seen = atomic_load_acquire(&per_cpu(context_tracking, cpu));
	rcu->switches_seen = atomic_load_acquire(&per_cpu(runqueue, cpu).nr_switches);
	return rcu->context_seen & CT_WATCHING;
}

/* Each that is watched, but this one: who runs here is no reader. */
static uint64_t
look_at_all(void)
{
	uint64_t watched = 0;

	preempt_disable();
	for_each_cpu (cpu) {
		if (cpu != smp_processor_id() && look_first(cpu)) {
			watched |= 1ull << cpu;
		}
	}
	preempt_enable();
	return watched;
}

static bool
has_passed(unsigned int cpu)
{
	const struct rcu_cpu *rcu = &per_cpu(rcu_cpu, cpu);
	uint32_t wanted = bug(RCU_ONE_SWITCH) ? 1 : SWITCHES_WANTED;
	uint32_t switches;

	if (atomic_load_acquire(&per_cpu(context_tracking, cpu)) != rcu->context_seen) {
		return true;
	}
	switches = atomic_load_acquire(&per_cpu(runqueue, cpu).nr_switches);
	return switches - rcu->switches_seen >= wanted;
}

static uint64_t
without_passed(uint64_t cpus)
{
	for (uint64_t left = cpus; left != 0; left &= left - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(left);

		if (has_passed(cpu)) {
			cpus &= ~(1ull << cpu);
		}
	}
	return cpus;
}

static void
wait_for_cpus(uint64_t cpus, bool expedited, struct patience *patience)
{
	if (cpus != 0) {
		ask(cpus, RCU_ASKED_TO_PASS, expedited);
	}
	for (uint32_t looks = 0; (cpus = without_passed(cpus)) != 0; looks++) {
		if (expedited && looks < SPINS_MAX) { /* bounded: readers end */
			arch_cpu_relax();
		} else {
			wait_a_tick(patience, cpus);
		}
	}
}

/* ---- readers that left their cpu ---- */

static void
wait_for_count(struct atomic *count, struct patience *patience)
{
	while (atomic_load_acquire(count) != 0) { /* bounded: readers end */
		wait_a_tick(patience, 0);
	}
}

/*
 * All who are waited for are counted by now. One that read the index before the last turn, and was
 * slow to count itself, is in the count that was left then.
 */
static void
wait_for_blocked(struct patience *patience)
{
	uint32_t index = atomic_load(&rcu_blocked_index);

	if (!bug(RCU_STRAGGLER_MISSED)) {
		wait_for_count(&rcu_blocked[!index], patience);
	}
	if (!bug(RCU_NEWCOMERS_COUNT)) {
		atomic_store(&rcu_blocked_index, !index);
	}
	wait_for_count(&rcu_blocked[index], patience);
}

void
rcu_grace_period(bool expedited)
{
	struct patience patience = { 0 };
	uint64_t cpus;

	might_sleep();
	/*
	 * What the caller unlinked, before the looks at the cpus: pairs with the change of context
	 * and the queue's lock, behind which a reader there finds it unlinked.
	 */
	if (!bug(RCU_GP_UNORDERED)) {
		smp_mb();
	}
	cpus = look_at_all();
	if (!bug(RCU_CPUS_IGNORED)) {
		wait_for_cpus(cpus, expedited, &patience);
	}
	if (!bug(RCU_BLOCKED_IGNORED)) {
		wait_for_blocked(&patience);
	}
	smp_mb(); /* the looks before what the caller frees: pairs with the same, before them */
}
