// SPDX-License-Identifier: ISC
/*
 * The kernel's start: what is set up, in which order, and the hand-over to the program.
 */
#include "guest/main.h"

#include "guest/arch.h"
#include "guest/boot_info.h"
#include "guest/cmdline.h"
#include "guest/interrupt.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "guest/vcpu_inject.h"
#include "guest/watchdog.h"

static const struct boot_info *boot_information;
static uint64_t first_task_cycles; /* from the first instruction of the image to the first task */

static void
run_main(void *info)
{
	int status;

	first_task_cycles = arch_cycles() - arch_boot_cycles;
	smp_init(info);
	rcu_init();
	watchdog_init();
	status = main();
	vcpu_inject_report();
	task_check_end();
	arch_exit(status);
}

uint64_t
boot_cycles_to_first_task(void)
{
	return first_task_cycles;
}

uint32_t
boot_module_count(void)
{
	return boot_information->module_count;
}

const void *
boot_module(uint32_t n, size_t *size)
{
	const struct boot_range *range = &boot_information->modules[n];

	ASSERT(n < boot_information->module_count);
	*size = range->size;
	return arch_phys_to_virt(range->addr);
}

void
start_kernel(const struct boot_info *info)
{
	boot_information = info;
	cmdline_parse(info->bootargs, info->bootargs_size);
	percpu_init(info->cpu_count);
	trace_init(info);
	sched_init(info->cpu_count);
	interrupt_init();
	preempt_model_set(boot_args.preempt);
	arch_init(info);
	timer_start_tick();
	task_run(&(struct task_params){
		.comm = "main",
		.fn = run_main,
		.arg = (void *)(uintptr_t)info,
	});
	arch_start_on_stack((char *)current->stack + STACK_SIZE, sched_idle_loop);
}
