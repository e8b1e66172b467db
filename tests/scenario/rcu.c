// SPDX-License-Identifier: ISC
/*
 * RCU and SRCU on a machine: on each cpu readers of every kind, interrupts among them, while
 * updaters of every kind replace what they read, and poison it when it is free. Bounded, and from
 * the seed behind "--": who does what is the same each time, when is the machine's affair.
 *
 * "-- stall": a reader that does not end, on a cpu and away from it, for the report of who holds a
 * grace period up.
 */
#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/srcu.h"
#include "guest/string.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/seed.h"

#define OBJECT_COUNT 64u /* more than are ever waiting to be freed */
#define UPDATES      12u /* of each updater */
#define ALIVE        0x600dda7au
#define POISON       0xdeadbeefu
#define TASKS_MAX    (3 * 4 + 4)
#define TIMER_NS     3000000u

struct object {
	struct rcu_head rcu;
	struct atomic is_used;
	uint32_t magic;
	uint32_t copy;
};

static struct object objects[OBJECT_COUNT];
static struct atomic_ptr rcu_pointer;
static struct atomic_ptr srcu_pointer;
static struct srcu_struct srcu;
static struct atomic running; /* updaters */
static struct atomic reads;
static struct atomic failures;
static struct atomic callbacks;
static struct timer timers[CPUS_MAX];

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* ---- objects ---- */

static struct object *
make_object(void)
{
	for (unsigned int n = 0; n < OBJECT_COUNT; n++) {
		if (!atomic_xchg(&objects[n].is_used, 1)) {
			objects[n].magic = ALIVE;
			objects[n].copy = ALIVE;
			return &objects[n];
		}
	}
	return NULL;
}

static void
free_object(struct object *object)
{
	object->magic = POISON;
	object->copy = POISON;
	atomic_store_release(&object->is_used, 0);
}

static void
free_in_callback(struct rcu_head *head)
{
	free_object(container_of(head, struct object, rcu));
	atomic_fetch_add(&callbacks, 1);
}

/* Looks twice, with some work in between. */
static void
look(struct atomic_ptr *pointer, uint32_t work)
{
	const volatile struct object *object = rcu_dereference(pointer);

	if (object->magic != ALIVE) {
		atomic_fetch_add(&failures, 1);
	}
	for (uint32_t n = 0; n < work; n++) {
		barrier();
	}
	if (object->magic != ALIVE || object->copy != ALIVE) {
		atomic_fetch_add(&failures, 1);
	}
	atomic_fetch_add(&reads, 1);
}

/* ---- readers ---- */

static void
read_somehow(uint32_t random)
{
	uint32_t work = random >> 16 & 0xff;

	switch (random % 6) {
	case 0:
		rcu_read_lock();
		look(&rcu_pointer, work * 16);
		rcu_read_unlock();
		break;
	case 1:
		rcu_read_lock();
		look(&rcu_pointer, work);
		rcu_read_lock();
		look(&rcu_pointer, work);
		rcu_read_unlock();
		look(&rcu_pointer, work);
		rcu_read_unlock();
		break;
	case 2:
		rcu_read_lock_sched();
		look(&rcu_pointer, work);
		rcu_read_unlock_sched();
		break;
	case 3:
		arch_irq_disable();
		look(&rcu_pointer, work / 4);
		arch_irq_enable();
		break;
	case 4:
		rcu_read_lock();
		look(&rcu_pointer, work);
		preempt_disable();
		rcu_read_unlock();
		look(&rcu_pointer, work);
		preempt_enable();
		break;
	case 5:
		rcu_read_lock();
		look(&rcu_pointer, work);
		cond_resched();
		look(&rcu_pointer, work);
		rcu_read_unlock();
		break;
	}
}

static void
run_reader(void *seed)
{
	uint32_t random = (uint32_t)(uintptr_t)seed;

	while (atomic_load(&running) != 0) {
		read_somehow(next_random(&random));
		if (random % 8 == 0) {
			timer_sleep(random % 2000000);
		} else if (random % 4 == 0) {
			yield();
		}
	}
}

static void
run_srcu_reader(void *seed)
{
	uint32_t random = (uint32_t)(uintptr_t)seed;

	while (atomic_load(&running) != 0) {
		int index = srcu_read_lock(&srcu);

		look(&srcu_pointer, next_random(&random) & 0xff);
		if (random % 4 == 0) {
			timer_sleep(random % 1000000); /* it may */
		}
		look(&srcu_pointer, 0);
		srcu_read_unlock(&srcu, index);
	}
}

/* Each cpu's interrupts, of tasks and of idle. */
static void
read_in_interrupt(struct timer *timer)
{
	rcu_read_lock();
	look(&rcu_pointer, 100);
	rcu_read_unlock();
	if (atomic_load(&running) != 0) {
		timer_start(timer, arch_clock_ns() + TIMER_NS);
	}
}

static void
start_interrupts(void *cpu)
{
	struct timer *timer = &timers[(uintptr_t)cpu];

	timer_init(timer, read_in_interrupt);
	timer_start(timer, arch_clock_ns() + TIMER_NS);
}

/* ---- updaters ---- */

static struct object *
replace(struct atomic_ptr *pointer)
{
	struct object *fresh = make_object();

	return fresh != NULL ? atomic_xchg(pointer, (void *)fresh) : NULL;
}

static void
run_synchronizer(void *wait)
{
	void (*synchronize)(void) = (void (*)(void))(uintptr_t)wait;

	for (uint32_t n = 0; n < UPDATES; n++) {
		struct object *old = replace(&rcu_pointer);

		if (old != NULL) {
			synchronize();
			free_object(old);
		}
	}
	atomic_fetch_sub(&running, 1);
}

static void
run_caller(void *unused)
{
	(void)unused;
	for (uint32_t n = 0; n < 2 * UPDATES; n++) {
		struct object *old = replace(&rcu_pointer);

		if (old != NULL && n % 2 == 0) {
			call_rcu(&old->rcu, free_in_callback);
		} else if (old != NULL) {
			arch_irq_disable();
			call_rcu(&old->rcu, free_in_callback);
			arch_irq_enable();
		}
		timer_sleep(1000000);
	}
	rcu_barrier();
	atomic_fetch_sub(&running, 1);
}

static void
run_srcu_updater(void *unused)
{
	(void)unused;
	for (uint32_t n = 0; n < UPDATES; n++) {
		struct object *old = replace(&srcu_pointer);

		if (old != NULL) {
			synchronize_srcu(&srcu);
			free_object(old);
		}
	}
	atomic_fetch_sub(&running, 1);
}

/* ---- all of it ---- */

/* Updaters are more important: they preempt readers anywhere. */
static struct task *
start(const char *comm, void (*fn)(void *), void *arg, uint64_t cpus)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.arg = arg,
		.policy = cpus == 0 ? SCHED_FIFO : SCHED_NORMAL,
		.rt_priority = cpus == 0 ? 10 : 0,
		.cpus_allowed = cpus,
	});
}

/* false: less memory was ever free than all the updaters have out at a time, or somebody kept it.
 */
static bool
all_is_free(void)
{
	unsigned int used = 0;

	for (unsigned int n = 0; n < OBJECT_COUNT; n++) {
		used += atomic_load(&objects[n].is_used);
	}
	return used == 2; /* the two that are published */
}

static int
torture(void)
{
	struct task *tasks[TASKS_MAX];
	unsigned int count = 0;
	unsigned int cpus = cpu_count < 4 ? cpu_count : 4;
	uintptr_t seed = 16 * (uintptr_t)storm_seed();

	atomic_store(&rcu_pointer, (void *)make_object());
	atomic_store(&srcu_pointer, (void *)make_object());
	if (init_srcu_struct(&srcu) != 0) {
		return EXIT_STATUS_FAILED;
	}
	atomic_store(&running, 4);
	for (uintptr_t cpu = 0; cpu < cpus; cpu++) {
		tasks[count++] = start("interrupts", start_interrupts, (void *)cpu, 1ull << cpu);
		tasks[count++] = start("reader", run_reader, (void *)(cpu + 1 + seed), 1ull << cpu);
		tasks[count++] = start("srcu reader", run_srcu_reader, (void *)(cpu + 9 + seed),
		                       cpus_online);
	}
	tasks[count++] =
		start("synchronize", run_synchronizer, (void *)(uintptr_t)synchronize_rcu, 0);
	tasks[count++] = start("expedite", run_synchronizer,
	                       (void *)(uintptr_t)synchronize_rcu_expedited, 0);
	tasks[count++] = start("call_rcu", run_caller, NULL, 0);
	tasks[count++] = start("synchronize_srcu", run_srcu_updater, NULL, 0);
	while (count != 0) {
		task_join(tasks[--count]);
	}
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		timer_cancel(&timers[cpu]);
	}
	printk("%u reads, %u callbacks, %u failures\n", atomic_load(&reads),
	       atomic_load(&callbacks), atomic_load(&failures));
	if (atomic_load(&failures) != 0 || !all_is_free() || atomic_load(&reads) == 0 ||
	    atomic_load(&callbacks) == 0) {
		printk("FAIL readers see no freed memory, and all of it is freed\n");
		return EXIT_STATUS_FAILED;
	}
	printk("PASS readers see no freed memory, and all of it is freed\n");
	return EXIT_STATUS_OK;
}

/* ---- a stall ---- */

static struct atomic holding;

/* Until so many timer interrupts more have come to a cpu. */
static void
wait_for_interrupts(unsigned int cpu, uint32_t count)
{
	uint32_t first = *(volatile uint32_t *)&per_cpu(timer_interrupts, cpu);

	while (*(volatile uint32_t *)&per_cpu(timer_interrupts, cpu) - first < count) {
		arch_cpu_relax();
	}
}

/* For as long as the updater's cpu needs to call it a stall, and this one to say where it is. */
static __attribute__((noinline)) void
hold_grace_period_up(void)
{
	wait_for_interrupts(0, 5 * rcu_stall_ticks);
	wait_for_interrupts(cpu_count - 1, 5);
}

static void
read_for_long(void *unused)
{
	(void)unused;
	rcu_read_lock();
	atomic_store(&holding, 1);
	hold_grace_period_up();
	rcu_read_unlock();
}

static int
stall(void)
{
	struct task *reader;

	rcu_stall_ticks = boot_args.hz / 5;
	reader = start("long reader", read_for_long, NULL, 1ull << (cpu_count - 1));
	while (!atomic_load(&holding)) { /* bounded: it runs soon */
		timer_sleep(1000000);
	}
	synchronize_rcu();
	task_join(reader);
	printk("the grace period ended\n");
	return EXIT_STATUS_OK;
}

int
main(void)
{
	preempt_model_set(PREEMPT_FULL);
	return strcmp(boot_args.program, "stall") == 0 ? stall() : torture();
}
