// SPDX-License-Identifier: ISC
/*
 * Requests, and what is done to tasks. In interrupts: deeds_later.c; machines: deeds_machine.c.
 */
#include "tests/fuzz/vcpu/deeds.h"

#include <string.h>

#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "guest/yield_to.h"
#include "tests/explore/probe.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu/watch.h"

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
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);
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
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);
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
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_kick(vcpu);
	}
}

static void
do_wake(const struct operation *operation)
{
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_wake_up(vcpu);
	}
}

static void
do_interrupt(const struct operation *operation)
{
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);

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
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);

	if (vcpu != NULL) {
		vcpu_pause(vcpu);
	}
}

static void
do_resume(const struct operation *operation)
{
	struct vcpu *vcpu = deeds_vcpu(operation->args[1]);

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
	[FUZZ_VCPU_CREATE] = deeds_create,
	[FUZZ_VCPU_MACHINE] = deeds_machine,
	[FUZZ_VCPU_NOTIFIER] = do_notifier,
	[FUZZ_VCPU_LATER] = deeds_later,
	[FUZZ_VCPU_WORK] = do_work,
	[FUZZ_VCPU_RCU] = deeds_rcu,
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
