// SPDX-License-Identifier: ISC
/*
 * Telling who holds up a grace period. A cpu tells where it is by itself, at its next tick; of a
 * task that is not on a cpu, its stack tells.
 */
#include "guest/arch.h"
#include "guest/percpu.h"
#include "guest/printk.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"

static void
print_frame(uint64_t ip, void *unused)
{
	(void)unused;
	printk("  [<%016lx>]\n", ip);
}

/* It may be going on meanwhile: then its frames are not all of one moment. */
static void
print_if_blocked(struct task *task, void *unused)
{
	(void)unused;
	if (atomic_load(&task->rcu_blocked) == 0) {
		return;
	}
	printk("rcu: waits for a reader that left its cpu: task %s, pid %u\n", task->comm,
	       task->pid);
	if (!atomic_load(&task->on_cpu)) {
		arch_task_backtrace(task, print_frame, NULL);
	}
}

void
rcu_stall_report(uint64_t cpus)
{
	printk("rcu: a grace period is %u ticks old\n", rcu_stall_ticks);
	for (; cpus != 0; cpus &= cpus - 1) {
		printk("rcu: waits for cpu %u\n", (unsigned int)__builtin_ctzll(cpus));
	}
	task_for_each(print_if_blocked, NULL);
}

void
rcu_stall_tell(void)
{
	printk("rcu: cpu %u is at, task %s, pid %u, preempt_count %08x, %u readers deep:\n",
	       smp_processor_id(), current->comm, current->pid, preempt_count() - HARDIRQ_OFFSET,
	       rcu_preempt_depth());
	arch_backtrace(NULL, print_frame, NULL);
	atomic_store(&this_cpu_ptr(&rcu_cpu)->asked, RCU_ASKED_TO_PASS);
}
