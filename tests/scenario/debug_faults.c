// SPDX-License-Identifier: ISC
/*
 * Mistakes with the preempt counter and with locks that the debug images find, one a run: `--
 * NAME`. Each function that makes the outermost disable, or takes the lock in question, stands for
 * itself: its name is what the report must lead to.
 */
#include <stdint.h>

#include "guest/bottom_half.h"
#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/softirq.h"
#include "guest/spinlock.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define LEAKER __attribute__((noinline)) static void

/* No tail call: the address that is remembered must be the leaker's. */
LEAKER
leak_disable(void)
{
	preempt_disable();
	barrier();
}

LEAKER
leak_lock(void)
{
	static struct raw_spinlock lock;

	raw_spin_lock(&lock);
	barrier();
}

LEAKER
leak_too_often(void)
{
	for (unsigned int i = 0; i <= 244; i++) {
		preempt_disable();
	}
	barrier();
}

LEAKER
leak_in_timer(struct timer *timer)
{
	(void)timer;
	preempt_disable();
	barrier();
}

static void
enable_at_zero(void)
{
	preempt_enable();
}

static void
leak_in_timer_function(void)
{
	struct timer timer;

	timer_init(&timer, leak_in_timer);
	arch_irq_disable();
	timer_start(&timer, 0); /* it comes when irqs are on again, at count 0 */
	arch_irq_enable();
	for (;;) { /* forever: the timer ends the run */
		arch_cpu_relax();
	}
}

static void
end_with_leak(void *unused)
{
	(void)unused;
	leak_disable();
}

static void
leak_in_task(void)
{
	task_join(task_run(&(struct task_params){ .comm = "leaker", .fn = end_with_leak }));
}

static void
schedule_in_atomic(void)
{
	leak_lock();
	preempt_disable(); /* not the outermost */
	schedule();
}

static void
sleep_in_atomic(void)
{
	leak_disable();
	might_sleep();
}

static void
sleep_irqs_off(void)
{
	arch_irq_disable();
	might_sleep();
}

static void
sleep_with_state_set(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
	might_sleep();
}

static void
name_cpu_unpinned(void)
{
	printk("on cpu %u\n", smp_processor_id());
}

static void
overwrite_stack_end(void)
{
	*(volatile uint64_t *)current->stack = 0;
	schedule();
}

/* ---- locks ---- */

static DEFINE_RAW_SPINLOCK(first);
static DEFINE_RAW_SPINLOCK(second);
static DEFINE_MUTEX(mutex);

LEAKER
lock_first_second(void)
{
	raw_spin_lock(&first);
	raw_spin_lock(&second);
	raw_spin_unlock(&second);
	raw_spin_unlock(&first);
}

LEAKER
lock_second_first(void)
{
	raw_spin_lock(&second);
	raw_spin_lock(&first);
	raw_spin_unlock(&first);
	raw_spin_unlock(&second);
}

static void
order_locks_both_ways(void)
{
	lock_first_second();
	lock_second_first();
}

static void
lock_in_timer(struct timer *timer)
{
	(void)timer;
	raw_spin_lock(&first);
	raw_spin_unlock(&first);
}

static void
lock_irqs_on(void)
{
	struct timer timer;

	lock_first_second();
	timer_init(&timer, lock_in_timer);
	timer_start(&timer, 0);
	for (;;) { /* forever: the timer ends the run */
		arch_cpu_relax();
	}
}

static DEFINE_SPINLOCK(shared_lock);

LEAKER
lock_in_softirq(void)
{
	spin_lock(&shared_lock);
	spin_unlock(&shared_lock);
}

LEAKER
lock_bh_on(void)
{
	if (spin_trylock(&shared_lock)) {
		spin_unlock(&shared_lock);
	}
}

static void
serve(void (*action)(void))
{
	open_softirq(BLOCK_SOFTIRQ, action);
	local_bh_disable();
	raise_softirq(BLOCK_SOFTIRQ);
	local_bh_enable();
}

static void
share_with_softirq(void)
{
	lock_bh_on();
	serve(lock_in_softirq);
}

static void
leak_in_softirq(void)
{
	serve(leak_disable);
}

LEAKER
lock_mutex_under_raw(void)
{
	raw_spin_lock(&first);
	lock_map_acquire(&mutex.dep_map); /* mutex_lock() would not come to it */
	lock_map_release(&mutex.dep_map);
	raw_spin_unlock(&first);
}

static void
end_with_mutex(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	barrier();
}

static void
end_with_lock(void)
{
	task_join(task_run(&(struct task_params){ .comm = "holder", .fn = end_with_mutex }));
}

LEAKER
lock_mutex_twice(void)
{
	mutex_lock(&mutex);
	mutex_lock(&mutex);
}

LEAKER
unlock_not_held(void)
{
	lock_first_second();
	preempt_disable();
	raw_spin_unlock(&first);
	barrier();
}

LEAKER
lock_twice(void)
{
	raw_spin_lock(&first);
	raw_spin_lock(&first);
}

/* All cpus' are of one class. */
static DEFINE_PER_CPU(struct raw_spinlock, local) = RAW_SPINLOCK_NAMED("local", LD_WAIT_SPIN);

LEAKER
lock_two_cpus(void)
{
	raw_spin_lock(per_cpu_ptr(&local, 0));
	raw_spin_lock(per_cpu_ptr(&local, 1));
}

static const struct fault {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "overflow", leak_too_often },
	{ "underflow", enable_at_zero },
	{ "timer-leak", leak_in_timer_function },
	{ "task-leak", leak_in_task },
	{ "main-leak", leak_disable },
	{ "schedule-in-atomic", schedule_in_atomic },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "sleep-irqs-off", sleep_irqs_off },
	{ "sleep-state-set", sleep_with_state_set },
	{ "cpu-unpinned", name_cpu_unpinned },
	{ "stack-end", overwrite_stack_end },
	{ "lock-order", order_locks_both_ways },
	{ "irq-unsafe", lock_irqs_on },
	{ "softirq-unsafe", share_with_softirq },
	{ "softirq-leak", leak_in_softirq },
	{ "sleep-under-raw", lock_mutex_under_raw },
	{ "exit-with-lock", end_with_lock },
	{ "mutex-twice", lock_mutex_twice },
	{ "unlock-not-held", unlock_not_held },
	{ "lock-twice", lock_twice },
	{ "lock-two-cpus", lock_two_cpus },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (memcmp(boot_args.program, faults[i].name, strlen(faults[i].name) + 1) == 0) {
			faults[i].commit();
			return EXIT_STATUS_OK;
		}
	}
	printk("FAIL there is no fault of this name\n");
	return EXIT_STATUS_FAILED;
}
