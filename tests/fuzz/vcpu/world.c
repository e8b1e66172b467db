// SPDX-License-Identifier: ISC
#include "tests/fuzz/vcpu/world.h"

#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/completion.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_inject.h"
#include "guest/vcpu_request.h"
#include "tests/explore/probe.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu/deeds.h"
#include "tests/fuzz/vcpu/watch.h"
#include "tests/host/guest.h"

#define OPERATIONS_MAX 256u
#define TURNS_MAX      24u         /* of a runner */
#define REST_NS        25000000ull /* more than a tick */
#define DRIVER_PRIO    98
#define URGENT_PRIO    50

HOST_STATE struct vm *world_vm;
HOST_STATE struct task *world_tasks[WORLD_TASKS];
const char *world_bug;

static struct operation operations[OPERATIONS_MAX];
static unsigned int operation_count;
static unsigned int model;
static enum vm_early early;

static HOST_STATE struct completion starts[WORLD_TASKS];
static HOST_STATE struct atomic is_started[WORLD_TASKS];
static HOST_STATE unsigned int immediate[EXITS_VCPUS]; /* runs to come that do not enter */
static HOST_STATE struct probe probes[EXITS_VCPUS];

/* ---- what an input says ---- */

void
world_load(const struct fuzz_input *input, unsigned int preempt_model)
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	model = preempt_model;
	early = VM_EARLY_IRQS_OFF;
	operation_count = 0;
	while (fuzz_next(&cursor, &item) && operation_count < OPERATIONS_MAX) {
		struct operation *operation = &operations[operation_count];

		if (item.kind == FUZZ_VCPU_FLAVOUR) {
			early = (enum vm_early)fuzz_arg(&item, 0, 2);
		}
		if (item.kind < FUZZ_VCPU_PLACE || item.kind >= FUZZ_VCPU_END ||
		    item.kind == FUZZ_VCPU_STEAL) {
			continue;
		}
		operation->kind = item.kind;
		for (unsigned int n = 0; n < ARGS_MAX; n++) {
			operation->args[n] = (uint8_t)fuzz_arg(&item, n, 256);
		}
		operation_count++;
	}
}

/* The next reply, below `below`; 0 when there are no more. */
static unsigned int
answer(unsigned int below)
{
	struct fuzz_item item;

	return schedule_reply(&item) ? fuzz_arg(&item, 0, below) : 0;
}

void
world_take_nmi(void)
{
	static const enum early_cause causes[] = { EARLY_NMI, EARLY_RECOVERABLE, EARLY_CORRECTED };

	exits_take_nmi(causes[early_fault_is_awaited() ? answer(3) : 0]);
}

/* ---- workers ---- */

void
world_start(unsigned int n)
{
	if (!atomic_xchg(&is_started[n], 1)) {
		complete(&starts[n]);
	}
}

static void
work(void *arg)
{
	unsigned int worker = (unsigned int)(uintptr_t)arg;

	wait_for_completion(&starts[EXITS_VCPUS + worker]);
	for (unsigned int n = 0; n < operation_count; n++) {
		if (deeds_has(&operations[n]) && operations[n].args[0] % WORLD_WORKERS == worker) {
			deeds_do(&operations[n]);
			watch_behind_asker();
		}
	}
}

/* ---- who runs a vcpu ---- */

static void
reset(struct vcpu *vcpu)
{
	watch_reset(vcpu->id);
	mutex_lock(&vcpu->mutex);
	vcpu_load(vcpu);
	vcpu_reset(vcpu);
	vcpu_put(vcpu);
	mutex_unlock(&vcpu->mutex);
}

/* It has stopped: is it to run on? */
static bool
go_on(struct vcpu *vcpu)
{
	switch (answer(8)) {
	case 1:
		return true;
	case 2:
		immediate[vcpu->id] = 4;
		return true;
	case 3:
		yield();
		return true;
	case 4:
		timer_sleep(TIME_UNIT_NS);
		return true;
	case 5:
		reset(vcpu);
		return true;
	case 6:
		set_cpus_allowed(current, cpus_of((uint8_t)(2u << vcpu->id)));
		return true;
	case 7:
		send_sig(SIGUSR1, current);
		return true;
	default:
		return false;
	}
}

static void
run(void *arg)
{
	uint32_t id = (uint32_t)(uintptr_t)arg;
	struct vcpu *vcpu;
	bool goes_on = true;

	wait_for_completion(&starts[id]);
	vcpu = vm_vcpu(world_vm, id);
	allow_signal(SIGUSR1);
	probes[id] = (struct probe){ .in = watch_behind_in, .out = watch_behind_out };
	probe_register(&probes[id]);
	for (unsigned int turn = 0; goes_on && turn < TURNS_MAX; turn++) {
		int result;

		vcpu->immediate_exit = immediate[id] != 0;
		immediate[id] -= vcpu->immediate_exit;
		result = vcpu_run(vcpu);
		watch_outside(vcpu);
		flush_signals(current);
		goes_on = result == -EINTR || (result == 0 && go_on(vcpu));
	}
	probe_check(&probes[id]);
	probe_unregister(&probes[id]);
}

/* ---- the driver ---- */

static void
make_machine(void)
{
	world_vm = vm_create(early, mm_create(), (uintptr_t)exits_guest);
	HOST_EXPECT(world_vm != NULL);
	world_vm->quiet = true;
	for (unsigned int n = 0; n < 2; n++) {
		HOST_EXPECT(vcpu_create(world_vm, 0) != NULL);
	}
}

static void
place(void)
{
	for (unsigned int n = 0; n < operation_count; n++) {
		if (operations[n].kind == FUZZ_VCPU_PLACE) {
			set_cpus_allowed(task_of(operations[n].args[0]),
			                 cpus_of(operations[n].args[1]));
		}
	}
}

static void
start_all(void)
{
	world_start(0);
	if (exits_has_program(1)) {
		world_start(1);
	}
	for (unsigned int n = 0; n < operation_count; n++) {
		if (deeds_has(&operations[n])) {
			world_start(EXITS_VCPUS + operations[n].args[0] % WORLD_WORKERS);
		}
	}
}

static void
join(unsigned int first, unsigned int count)
{
	for (unsigned int n = first; n < first + count; n++) {
		if (atomic_load(&is_started[n])) {
			task_join(world_tasks[n]);
		}
	}
}

/* Nobody does anything to the vcpus any more: what they were asked for comes, and then their end.
 */
static void
end_machine(void)
{
	struct vm *vm = world_vm;

	timer_sleep(REST_NS);
	for (uint32_t id = 0; id < atomic_load(&world_vm->vcpu_count); id++) {
		vcpu_resume(vm_vcpu(world_vm, id));
	}
	vm_kill(world_vm);
	join(0, EXITS_VCPUS);
	deeds_end();
	rcu_barrier();
	watch_end();
	world_vm = NULL;
	vm_destroy(vm);
	deeds_check_memory();
}

static void
drive(void *unused)
{
	(void)unused;
	make_machine();
	host_gate();
	place();
	start_all();
	join(EXITS_VCPUS, WORLD_WORKERS);
	end_machine();
	for (unsigned int n = 0; n < WORLD_TASKS; n++) {
		task_put(world_tasks[n]);
	}
	arch_exit(0);
}

/* ---- the boot ---- */

static struct task *
add(const char *name, unsigned int n, void (*fn)(void *), unsigned int cpu, uint8_t priority)
{
	char comm[TASK_COMM_SIZE];

	snprintf(comm, sizeof(comm), "%s %u", name, n);
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.arg = (void *)(uintptr_t)n,
		.policy = priority != 0 ? SCHED_FIFO : SCHED_NORMAL,
		.rt_priority = priority,
		.cpus_allowed = 1ull << cpu % cpu_count,
	});
}

void
world_boot(void)
{
	if (world_bug != NULL) {
		bug_choose(world_bug, strlen(world_bug));
	}
	for (unsigned int n = 0; n < WORLD_TASKS; n++) {
		init_completion(&starts[n]);
	}
	deeds_boot();
	rcu_init();
	for (unsigned int n = 0; n < EXITS_VCPUS; n++) {
		world_tasks[n] = add("runner", n, run, n, 0);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		world_tasks[EXITS_VCPUS + n] =
			add("worker", n, work, n + 1, n + 1 == WORLD_WORKERS ? URGENT_PRIO : 0);
	}
	for (unsigned int n = 0; n < WORLD_TASKS; n++) {
		task_get(world_tasks[n]); /* until the end, whoever joins it */
	}
	add("driver", 0, drive, 0, DRIVER_PRIO);
	timer_start_tick();
}

void
world_idle(void)
{
	if (raw_smp_processor_id() != 0) {
		timer_start_tick();
	}
	sched_idle_loop();
}

/* Of the exits of all machines. */
static void
order_errors(void)
{
	static const char *const names[] = { "nmi", "mce" };
	char order[32];

	for (unsigned int n = 0; n < operation_count; n++) {
		const uint8_t *args = operations[n].args;

		if (operations[n].kind == FUZZ_VCPU_INJECT) {
			snprintf(order, sizeof(order), "%s@exit=%u", names[args[0] % 2],
			         1 + args[1] % 32);
			watch_order(vcpu_inject_order(order, strlen(order)) ? 1 + args[1] % 32 : 0);
		}
	}
}

void
world_prepare(void)
{
	order_errors();
	world_vm->early = early;
	preempt_model_set((enum preempt_model)model);
}
