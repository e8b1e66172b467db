// SPDX-License-Identifier: ISC
/*
 * Application processors: started one after the other, each with its idle task.
 */
#include "guest/smp.h"

#include "guest/arch.h"
#include "guest/boot_info.h"
#include "guest/percpu.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/timer.h"

uint32_t cpu_count = 1;
uint64_t cpus_online = 1;

void
smp_init(const struct boot_info *info)
{
	for (uint32_t cpu = 1; cpu < info->cpu_count; cpu++) {
		if (!arch_cpu_start(cpu, per_cpu(runqueue, cpu).idle)) {
			printk("cpu %u did not start: going on with %u of %u\n", cpu, cpu_count,
			       info->cpu_count);
			return;
		}
		cpu_count++;
		cpus_online |= 1ull << cpu;
	}
}

void
smp_cpu_main(void)
{
	timer_start_tick();
	sched_idle_loop();
}
