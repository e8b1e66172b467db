// SPDX-License-Identifier: ISC
#include "tests/fuzz/vcpu_world.h"

#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/completion.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_halt.h"
#include "guest/vcpu_inject.h"
#include "guest/vcpu_request.h"
#include "guest/yield_to.h"
#include "tests/explore/probe.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu_watch.h"
#include "tests/host/guest.h"

#define OPERATIONS_MAX 256u
#define ARGS_MAX       4u
#define TURNS_MAX      24u /* of a runner */
#define LATERS         2u  /* timers of a worker */
#define TIME_UNIT_NS   500000ull
#define REST_NS        25000000ull /* more than a tick */
#define DRIVER_PRIO    98
#define URGENT_PRIO    50

struct operation {
	uint8_t kind;
	uint8_t args[ARGS_MAX];
};

/* What a timer's function does. */
struct later {
	struct timer timer;
	uint8_t what;
	struct vcpu *vcpu;
};

/* What a timer's function has called when all readers are over. */
struct callback {
	struct timer timer;
	struct rcu_head head;
	struct atomic is_busy;
};

HOST_STATE struct vm *world_vm;
HOST_STATE struct task *world_tasks[WORLD_TASKS];
const char *world_bug;

static struct operation operations[OPERATIONS_MAX];
static unsigned int operation_count;
static unsigned int model;
static enum vm_early early;

static HOST_STATE struct completion starts[WORLD_TASKS];
static HOST_STATE struct atomic is_started[WORLD_TASKS];
static HOST_STATE struct callback callbacks[WORLD_WORKERS];
static HOST_STATE struct later laters[WORLD_WORKERS][LATERS];
static HOST_STATE unsigned int immediate[EXITS_VCPUS]; /* runs to come that do not enter */
static HOST_STATE struct probe probes[EXITS_VCPUS];
static HOST_STATE uint8_t *next_owners[WORLD_WORKERS]; /* of a vcpu's memory: nobody writes it */

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

static struct vcpu *
vcpu_of(uint8_t arg)
{
	return vm_vcpu(world_vm, arg % EXITS_VCPUS);
}

static struct task *
task_of(uint8_t arg)
{
	return world_tasks[arg % WORLD_TASKS];
}

/* A set of cpus of this machine that is not empty. */
static uint64_t
cpus_of(uint8_t arg)
{
	uint64_t cpus = arg & ((1u << cpu_count) - 1);

	return cpus != 0 ? cpus : UINT64_MAX;
}

void
world_take_nmi(void)
{
	static const enum early_cause causes[] = { EARLY_NMI, EARLY_RECOVERABLE, EARLY_CORRECTED };

	exits_take_nmi(causes[early_fault_is_awaited() ? answer(3) : 0]);
}

/* ---- operations: requests ---- */

static enum vcpu_request
request_of(uint8_t arg)
{
	static const enum vcpu_request requests[] = {
		VCPU_REQ_FLUSH_ALL, VCPU_REQ_IRQ_PENDING,   VCPU_REQ_SLEEP,   VCPU_REQ_RESET,
		VCPU_REQ_STEAL,     VCPU_REQ_FLUSH_CURRENT, VCPU_REQ_SUSPEND, VCPU_REQ_UNBLOCK,
	};

	return requests[arg % 8];
}

/* For what a blocked vcpu is to look up, it is woken. */
static unsigned int
flags_of(uint8_t arg, enum vcpu_request request)
{
	unsigned int flags = arg % 8;

	return VCPU_REQS_THAT_WAKE & 1u << request ? flags & ~VCPU_REQ_NO_WAKEUP : flags;
}

static void
do_request(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);
	enum vcpu_request request = request_of(operation->args[2]);

	if (vcpu == NULL) {
		return;
	}
	if (request == VCPU_REQ_RESET) {
		watch_reset(vcpu->id);
	}
	vcpu_make_request(vcpu, request, flags_of(operation->args[3], request));
}

static void
do_request_all(const struct operation *operation)
{
	enum vcpu_request request = request_of(operation->args[1]);

	for (uint32_t id = 0; request == VCPU_REQ_RESET && id < EXITS_VCPUS; id++) {
		watch_reset(id);
	}
	vm_make_all_requests(world_vm, request, flags_of(operation->args[2], request));
}

static void
do_kick(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_kick(vcpu);
	}
}

static void
do_wake(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_wake_up(vcpu);
	}
}

static void
do_interrupt(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_interrupt(vcpu,
		               PAYLOAD_VECTOR_FIRST + operation->args[2] % PAYLOAD_VECTOR_COUNT);
	}
}

static void
do_pause(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_pause(vcpu);
	}
}

static void
do_resume(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_resume(vcpu);
	}
}

static void
do_kill(const struct operation *operation)
{
	(void)operation;
	vm_kill(world_vm);
}

static void
flush_all(void)
{
	vm_make_all_requests(world_vm, VCPU_REQ_FLUSH_ALL, VCPU_REQ_WAIT | VCPU_REQ_NO_WAKEUP);
}

static void
do_remap(const struct operation *operation)
{
	(void)operation;
	exits_take_page_away(flush_all);
}

/* ---- operations: on tasks ---- */

static void
do_signal(const struct operation *operation)
{
	send_sig(SIGUSR1, world_tasks[operation->args[1] % EXITS_VCPUS]);
}

static void
do_nice(const struct operation *operation)
{
	struct task *task = task_of(operation->args[1]);

	if (task->class == &sched_class_fair) {
		set_user_nice(task, operation->args[2] % 40 - 20);
	}
}

static void
do_affinity(const struct operation *operation)
{
	set_cpus_allowed(task_of(operation->args[1]), cpus_of(operation->args[2]));
}

static void
do_model(const struct operation *operation)
{
	preempt_model_set((enum preempt_model)(operation->args[1] % PREEMPT_MODEL_COUNT));
}

static void
do_yield(const struct operation *operation)
{
	(void)operation;
	yield();
}

static void
do_yield_to(const struct operation *operation)
{
	yield_to(task_of(operation->args[1]));
}

static void
do_sleep(const struct operation *operation)
{
	timer_sleep(operation->args[1] % 64 * TIME_UNIT_NS);
}

static void
do_work(const struct operation *operation)
{
	for (unsigned int n = 0; n < operation->args[1] % 64u; n++) {
		preempt_disable();
		preempt_enable();
	}
}

static void
do_nothing(void *unused)
{
	(void)unused;
}

/* A child of a task with a notifier has none. */
static void
do_notifier(const struct operation *operation)
{
	struct probe probe;

	memset(&probe, 0, sizeof(probe));
	probe_register(&probe);
	if (operation->args[2] % 2 != 0) {
		task_join(task_run(&(struct task_params){ .comm = "child", .fn = do_nothing }));
	}
	timer_sleep(operation->args[1] % 64 * TIME_UNIT_NS);
	probe_check(&probe);
	probe_unregister(&probe);
}

/* ---- operations: in interrupts ---- */

static void
end_slice(void)
{
	if (current->class == &sched_class_fair) {
		current->slice_ticks = 1;
	}
	sched_tick();
}

static void
note_call(struct rcu_head *head)
{
	atomic_store(&container_of(head, struct callback, head)->is_busy, 0);
}

static void
later_expired(struct timer *timer)
{
	struct later *later = container_of(timer, struct later, timer);

	switch (later->what % 8) {
	case 0:
		vcpu_kick(later->vcpu);
		break;
	case 1:
		vcpu_interrupt(later->vcpu, PAYLOAD_VECTOR_DOORBELL);
		break;
	case 2:
		vcpu_make_request(later->vcpu, VCPU_REQ_FLUSH_ALL, 0);
		break;
	case 3:
		vcpu_wake_up(later->vcpu);
		break;
	case 4:
		end_slice();
		break;
	case 5:
		host_nmi_send(raw_smp_processor_id());
		break;
	case 6:
		resched_cpu(raw_smp_processor_id());
		break;
	default:
		vcpu_make_request(later->vcpu, VCPU_REQ_SUSPEND, 0);
		break;
	}
}

static void
do_later(const struct operation *operation)
{
	struct later *later =
		&laters[operation->args[0] % WORLD_WORKERS][operation->args[2] / 8 % LATERS];
	struct vcpu *vcpu = vcpu_of(operation->args[3]);

	if (vcpu == NULL) {
		return;
	}
	timer_cancel(&later->timer);
	later->what = operation->args[2];
	later->vcpu = vcpu;
	timer_start(&later->timer, arch_clock_ns() + operation->args[1] % 64 * TIME_UNIT_NS);
}

static void
call_later(struct timer *timer)
{
	struct callback *callback = container_of(timer, struct callback, timer);

	call_rcu(&callback->head, note_call);
}

/* One at a time: until it was called it may not be queued again. */
static void
do_rcu(const struct operation *operation)
{
	struct callback *callback = &callbacks[operation->args[0] % WORLD_WORKERS];

	if (!atomic_xchg(&callback->is_busy, 1)) {
		timer_start(&callback->timer,
		            arch_clock_ns() + operation->args[1] % 64 * TIME_UNIT_NS);
	}
}

/* ---- operations: machines ---- */

static void
start(unsigned int n)
{
	if (!atomic_xchg(&is_started[n], 1)) {
		complete(&starts[n]);
	}
}

static void
do_create(const struct operation *operation)
{
	struct vcpu *vcpu;

	(void)operation;
	if (atomic_load(&world_vm->vcpu_count) >= EXITS_VCPUS - WORLD_WORKERS + 1) {
		return; /* each worker may be as far at this moment */
	}
	vcpu = vcpu_create(world_vm, 0);
	HOST_EXPECT(vcpu != NULL);
	start(vcpu->id);
}

#define MACHINE_RUNS    0x1u
#define MACHINE_TIMER   0x2u
#define MACHINE_MOVES   0x4u
#define MACHINE_EXPIRES 0x8u /* its timer, elsewhere if it has moved */

static void
do_machine(const struct operation *operation)
{
	unsigned int what = operation->args[2];
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
	}
	watch_stopped(vcpu);
	vm_destroy(vm);
	if (*owner == NULL) {
		*owner = object_alloc(sizeof(struct vcpu));
	}
}

static void (*const deeds[])(const struct operation *operation) = {
	[FUZZ_VCPU_REQUEST] = do_request,     [FUZZ_VCPU_REQUEST_ALL] = do_request_all,
	[FUZZ_VCPU_KICK] = do_kick,           [FUZZ_VCPU_WAKE] = do_wake,
	[FUZZ_VCPU_INTERRUPT] = do_interrupt, [FUZZ_VCPU_PAUSE] = do_pause,
	[FUZZ_VCPU_RESUME] = do_resume,       [FUZZ_VCPU_KILL] = do_kill,
	[FUZZ_VCPU_REMAP] = do_remap,         [FUZZ_VCPU_SIGNAL] = do_signal,
	[FUZZ_VCPU_NICE] = do_nice,           [FUZZ_VCPU_AFFINITY] = do_affinity,
	[FUZZ_VCPU_MODEL] = do_model,         [FUZZ_VCPU_YIELD] = do_yield,
	[FUZZ_VCPU_YIELD_TO] = do_yield_to,   [FUZZ_VCPU_SLEEP] = do_sleep,
	[FUZZ_VCPU_CREATE] = do_create,       [FUZZ_VCPU_MACHINE] = do_machine,
	[FUZZ_VCPU_NOTIFIER] = do_notifier,   [FUZZ_VCPU_LATER] = do_later,
	[FUZZ_VCPU_WORK] = do_work,           [FUZZ_VCPU_RCU] = do_rcu,
};

static bool
is_deed(const struct operation *operation)
{
	return operation->kind < sizeof(deeds) / sizeof(deeds[0]) && deeds[operation->kind] != NULL;
}

static bool
is_of(const struct operation *operation, unsigned int worker)
{
	return is_deed(operation) && operation->args[0] % WORLD_WORKERS == worker;
}

static void
work(void *arg)
{
	unsigned int worker = (unsigned int)(uintptr_t)arg;

	wait_for_completion(&starts[EXITS_VCPUS + worker]);
	for (unsigned int n = 0; n < operation_count; n++) {
		if (is_of(&operations[n], worker)) {
			deeds[operations[n].kind](&operations[n]);
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
	start(0);
	if (exits_has_program(1)) {
		start(1);
	}
	for (unsigned int n = 0; n < operation_count; n++) {
		if (is_deed(&operations[n])) {
			start(EXITS_VCPUS + operations[n].args[0] % WORLD_WORKERS);
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
	for (unsigned int n = 0; n < WORLD_WORKERS * LATERS; n++) {
		timer_cancel(&laters[n / LATERS][n % LATERS].timer);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		timer_cancel(&callbacks[n].timer);
	}
	rcu_barrier();
	watch_end();
	world_vm = NULL;
	vm_destroy(vm);
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		watch_unwritten(next_owners[n]);
	}
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
	for (unsigned int n = 0; n < WORLD_WORKERS * LATERS; n++) {
		timer_init(&laters[n / LATERS][n % LATERS].timer, later_expired);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		timer_init(&callbacks[n].timer, call_later);
	}
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
