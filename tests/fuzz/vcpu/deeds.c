// SPDX-License-Identifier: ISC
#include "tests/fuzz/vcpu/deeds.h"

#include <string.h>

#include "guest/mm.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_request.h"
#include "guest/yield_to.h"
#include "tests/explore/probe.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu/watch.h"

#define LATERS 2u /* timers of a worker */

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

static HOST_STATE struct callback callbacks[WORLD_WORKERS];
static HOST_STATE struct later laters[WORLD_WORKERS][LATERS];
static HOST_STATE uint8_t *next_owners[WORLD_WORKERS]; /* of a vcpu's memory: nobody writes it */

static struct vcpu *
vcpu_of(uint8_t arg)
{
	return vm_vcpu(world_vm, arg % EXITS_VCPUS);
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

#define CHASES 4u

/* To each cpu of this machine in turn. */
static void
move(void *whom)
{
	for (unsigned int n = 0; n < CHASES; n++) {
		set_cpus_allowed(whom, 1ull << n % cpu_count);
	}
}

/* Who asks is left, at a point later each time, for the one who moves the vcpu's runner. */
static void
do_chase(const struct operation *operation)
{
	struct vcpu *vcpu = vcpu_of(operation->args[1]);
	struct task *mover;

	if (vcpu == NULL) {
		return;
	}
	mover = task_run(&(struct task_params){ .comm = "mover",
	                                        .fn = move,
	                                        .arg = world_tasks[vcpu->id],
	                                        .cpus_allowed = cpus_of(operation->args[3]) });
	for (unsigned int n = 0; n < CHASES; n++) {
		schedule_act_later(operation->args[2] % 64u + n, FUZZ_ACTION_SWITCH,
		                   host_this->id + 1);
		vcpu_make_request(vcpu, VCPU_REQ_FLUSH_ALL, 0);
		watch_behind_asker();
	}
	task_join(mover);
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
do_interrupts(const struct operation *operation)
{
	struct operation one = *operation;

	for (unsigned int n = 0; n < operation->args[3] % PAYLOAD_VECTOR_COUNT; n++) {
		do_interrupt(&one);
		one.args[2]++;
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
do_create(const struct operation *operation)
{
	struct vcpu *vcpu;

	(void)operation;
	if (atomic_load(&world_vm->vcpu_count) >= EXITS_VCPUS - WORLD_WORKERS + 1) {
		return; /* each worker may be as far at this moment */
	}
	vcpu = vcpu_create(world_vm, 0);
	HOST_EXPECT(vcpu != NULL);
	world_start(vcpu->id);
}

#define MACHINE_RUNS    0x1u
#define MACHINE_TIMER   0x2u
#define MACHINE_MOVES   0x4u
#define MACHINE_EXPIRES 0x8u /* its timer, elsewhere if it has moved */

/* The cpu of the timer takes its interrupt, for so many points; then this one goes on. */
static void
expire(unsigned int cpu, unsigned int points)
{
	if (points != 0) {
		schedule_act(FUZZ_ACTION_SWITCH, cpu);
		schedule_act_later(points, FUZZ_ACTION_SWITCH, host_this->id);
	}
}

static void
do_machine(const struct operation *operation)
{
	unsigned int what = operation->args[2];
	unsigned int cpu = raw_smp_processor_id();
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
		expire(cpu, operation->args[3] % 64u);
	}
	watch_stopped(vcpu);
	vm_destroy(vm);
	if (*owner == NULL) {
		*owner = object_alloc(sizeof(struct vcpu));
	}
}

static void (*const deeds[])(const struct operation *operation) = {
	[FUZZ_VCPU_REQUEST] = do_request,
	[FUZZ_VCPU_REQUEST_ALL] = do_request_all,
	[FUZZ_VCPU_KICK] = do_kick,
	[FUZZ_VCPU_WAKE] = do_wake,
	[FUZZ_VCPU_INTERRUPT] = do_interrupt,
	[FUZZ_VCPU_PAUSE] = do_pause,
	[FUZZ_VCPU_RESUME] = do_resume,
	[FUZZ_VCPU_KILL] = do_kill,
	[FUZZ_VCPU_REMAP] = do_remap,
	[FUZZ_VCPU_SIGNAL] = do_signal,
	[FUZZ_VCPU_NICE] = do_nice,
	[FUZZ_VCPU_AFFINITY] = do_affinity,
	[FUZZ_VCPU_MODEL] = do_model,
	[FUZZ_VCPU_YIELD] = do_yield,
	[FUZZ_VCPU_YIELD_TO] = do_yield_to,
	[FUZZ_VCPU_SLEEP] = do_sleep,
	[FUZZ_VCPU_CREATE] = do_create,
	[FUZZ_VCPU_MACHINE] = do_machine,
	[FUZZ_VCPU_NOTIFIER] = do_notifier,
	[FUZZ_VCPU_LATER] = do_later,
	[FUZZ_VCPU_WORK] = do_work,
	[FUZZ_VCPU_RCU] = do_rcu,
	[FUZZ_VCPU_INTERRUPTS] = do_interrupts,
	[FUZZ_VCPU_CHASE] = do_chase,
};

bool
deeds_has(const struct operation *operation)
{
	return operation->kind < sizeof(deeds) / sizeof(deeds[0]) && deeds[operation->kind] != NULL;
}

void
deeds_do(const struct operation *operation)
{
	deeds[operation->kind](operation);
}

/* ---- the begin, and the end ---- */

void
deeds_boot(void)
{
	for (unsigned int n = 0; n < WORLD_WORKERS * LATERS; n++) {
		timer_init(&laters[n / LATERS][n % LATERS].timer, later_expired);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		timer_init(&callbacks[n].timer, call_later);
	}
}

void
deeds_end(void)
{
	for (unsigned int n = 0; n < WORLD_WORKERS * LATERS; n++) {
		timer_cancel(&laters[n / LATERS][n % LATERS].timer);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		timer_cancel(&callbacks[n].timer);
	}
}

void
deeds_check_memory(void)
{
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		watch_unwritten(next_owners[n]);
	}
}
