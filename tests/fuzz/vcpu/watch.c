// SPDX-License-Identifier: ISC
/*
 * At each moment, and when only time can pass. In the end: watch_end.c; at switches:
 * watch_switch.c.
 */
#include "tests/fuzz/vcpu/watch.h"

#include "guest/cputime.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/vcpu.h"
#include "guest/vcpu_halt.h"
#include "guest/vcpu_request.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu/world.h"
#include "tests/host/run.h"

#define PENDING_POINTS_MAX (20 * SCHEDULE_HOLD_MAX)

/* The explorer's: none of it is a point. */

/* Of each vcpu. */
static HOST_STATE struct seen {
	uint32_t mode;
	uint32_t requests;
	uint32_t pending;
	uint32_t work;     /* that it had when its mode came to be IN: it may not enter */
	uint32_t owed;     /* interrupts, by vector, that it has not been entered for */
	bool is_reset;     /* or may be: what it is owed is not known */
	bool is_dead;      /* it is to serve nothing any more */
	uint64_t asked_at; /* the point at which it was in its guest first with a request, or 0 */
	const struct task *asker; /* on whose cpu its mode came to be EXITING, or NULL */
	bool is_struck;
	uint64_t strikes; /* errors of machine checks in guests */
} seen[EXITS_VCPUS];

static HOST_STATE bool ends_guest[HOST_CPUS_MAX]; /* an interrupt that was not served yet */

/* A cpu that is about to send to itself, and how many it was sent. */
static HOST_STATE const struct host_cpu *sender;
static HOST_STATE unsigned int sent_before;

static const struct vcpu *
vcpu_at(uint32_t id)
{
	const struct atomic_ptr *chunk = world_vm->chunks[0].value;

	return chunk != NULL ? chunk[id].value : NULL;
}

/* ---- at each moment ---- */

static bool
is_in_guest(const struct vcpu *vcpu)
{
	uint32_t cpu = (uint32_t)vcpu->cpu.value;

	return cpu < machine.cpu_count && machine.cpus[cpu].guest == vcpu &&
	       machine.cpus[cpu].in_guest;
}

/* A machine check of the schedule's has not come to its exit yet. */
static void
note_strike(const struct vcpu *vcpu, struct seen *was)
{
	bool is_struck = is_in_guest(vcpu) && vcpu->arch.fault != EARLY_NONE;

	if (is_struck && !was->is_struck) {
		was->strikes += per_cpu(exit_record, vcpu->cpu.value).early.cause == EARLY_NONE;
	}
	was->is_struck = is_struck;
}

#define WORK (TIF_NOTIFY_RESUME | TIF_SIGPENDING | TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)

/* What is there when others can see that it is to enter, it finds in its last look. */
static void
check_entry(const struct vcpu *vcpu, struct seen *was)
{
	uint32_t mode = (uint32_t)vcpu->mode.value;

	if (mode == IN_GUEST_MODE && was->mode == OUTSIDE_GUEST_MODE) {
		was->work = (uint32_t)vcpu->task->flags.value & WORK;
		if (vcpu->requests.value != 0) {
			was->work |= 1;
		}
	}
	if (mode == OUTSIDE_GUEST_MODE) {
		was->work = 0;
		was->asker = NULL;
	}
	if (was->work != 0 && is_in_guest(vcpu)) {
		host_fail("vcpu %u has entered its guest with work to do: flags %#x, requests %#x",
		          vcpu->id, (unsigned int)vcpu->task->flags.value,
		          (unsigned int)vcpu->requests.value);
	}
	was->mode = mode;
}

/* In a machine that is dead nothing is served. Who is in the guest then has not begun to. */
static void
check_dead(const struct vcpu *vcpu, struct seen *was)
{
	const uint32_t dead = 1u << VCPU_REQ_VM_DEAD;
	uint32_t requests = (uint32_t)vcpu->requests.value;

	if (was->is_dead && (was->requests & ~requests & ~dead)) {
		host_fail("a dead machine's vcpu %u serves requests: %#x", vcpu->id,
		          was->requests & ~requests);
	}
	was->is_dead |= (requests & dead) && (vcpu->task == NULL || is_in_guest(vcpu));
	was->requests = requests;
}

/* Its guest is to be left by the time that everything has arrived and everybody had his turns. */
static void
check_asked(const struct vcpu *vcpu, struct seen *was)
{
	if (vcpu->requests.value == 0 || !is_in_guest(vcpu)) {
		was->asked_at = 0;
	} else if (was->asked_at == 0) {
		was->asked_at = schedule_points();
	} else if (schedule_points() - was->asked_at > PENDING_POINTS_MAX) {
		host_fail("vcpu %u is in its guest for %u points with a request pending: %#x",
		          vcpu->id, PENDING_POINTS_MAX, (unsigned int)vcpu->requests.value);
	}
}

static void
note_interrupts(const struct vcpu *vcpu, struct seen *was)
{
	bool is_known;

	was->owed &= ~exits_take_delivered(vcpu->id, &is_known);
	was->owed |= was->pending | (uint32_t)vcpu->pending.value; /* raised anew meanwhile, too */
	was->pending = (uint32_t)vcpu->pending.value;
	was->is_reset |= !is_known;
}

static void
check_owed(const struct vcpu *vcpu)
{
	const struct seen *was = &seen[vcpu->id];

	for (unsigned int n = 0; !was->is_reset && n < PAYLOAD_VECTOR_COUNT; n++) {
		unsigned int vector = PAYLOAD_VECTOR_FIRST + n;

		if ((was->owed & ~(uint32_t)vcpu->pending.value & 1u << n) != 0 &&
		    !(vcpu->injected.valid && vcpu->injected.vector == vector) &&
		    !exits_is_delivered(vcpu, vector)) {
			host_fail("vcpu %u: interrupt %u of the guest was lost", vcpu->id, vector);
		}
	}
}

/* Requests for a switch need none, and other things have interrupts of their own. */
static void
check_sender(const struct host_transition *t)
{
	if (sender != NULL && machine.sent[sender->id][IRQ_RESCHEDULE] != sent_before) {
		host_fail("cpu %u sends a reschedule interrupt to itself", sender->id);
	}
	sender = NULL;
	if (t->actor == HOST_STEP && t->op.kind == HOST_OP_SEND &&
	    t->op.addr == &machine.cpus[t->cpu].pending) {
		sender = &machine.cpus[t->cpu];
		sent_before = machine.sent[t->cpu][IRQ_RESCHEDULE];
	}
}

/* Who is about to have this vcpu exit? */
static void
note_asker(const struct vcpu *vcpu, struct seen *was, const struct host_transition *t)
{
	if (t->actor == HOST_STEP && t->op.kind == HOST_OP_LOCKED && t->op.addr == &vcpu->mode &&
	    vcpu->mode.value == IN_GUEST_MODE) {
		was->asker = per_cpu(current_task, t->cpu);
	}
}

/* ---- when only time can pass ---- */

static void
check_idle(unsigned int cpu)
{
	const struct rq *rq = &per_cpu(runqueue, cpu);

	if (rq->curr == rq->idle && rq->nr_running.value != 0) {
		host_fail("cpu %u idles although a task is to run there", cpu);
	}
}

/* A task waits for a cpu: it may have made a request, and not have told the vcpu yet. */
static bool
is_any_put_off(void)
{
	for (unsigned int cpu = 0; cpu < machine.cpu_count; cpu++) {
		if (per_cpu(runqueue, cpu).nr_running.value > 1) {
			return true;
		}
	}
	return false;
}

/* What it was told of, if all has been told. */
static void
check_told(const struct vcpu *vcpu, const char *does, uint32_t requests)
{
	if (is_any_put_off()) {
		return;
	}
	if ((uint32_t)vcpu->requests.value & requests) {
		host_fail("vcpu %u %s with a request pending: %#x", vcpu->id, does,
		          (unsigned int)vcpu->requests.value);
	}
	if (vcpu_runnable(vcpu)) {
		host_fail("vcpu %u %s with an interrupt pending", vcpu->id, does);
	}
}

static void
check_in_guest(const struct vcpu *vcpu)
{
	uint32_t flags = (uint32_t)vcpu->task->flags.value;

	check_told(vcpu, "stays in its guest", ~0u);
	if (vcpu->mode.value == EXITING_GUEST_MODE) {
		host_fail("vcpu %u stays in its guest and is to exit", vcpu->id);
	}
	if (flags & (TIF_SIGPENDING | TIF_NEED_RESCHED)) {
		host_fail("vcpu %u stays in its guest, and its task has to do: flags %#x", vcpu->id,
		          flags);
	}
}

static bool
is_paused(const struct vcpu *vcpu)
{
	return vcpu->paused.value != 0 && vcpu->vm->dead.value == 0;
}

/* It waits for an interrupt, or to be resumed. */
static void
check_asleep(const struct vcpu *vcpu)
{
	if (vcpu->task->flags.value & TIF_SIGPENDING) {
		host_fail("vcpu %u sleeps with a signal pending", vcpu->id);
	}
	if (!vcpu->in_wfi && !is_paused(vcpu)) {
		host_fail("vcpu %u sleeps and is not paused", vcpu->id);
	}
	if (vcpu->in_wfi) {
		check_told(vcpu, "sleeps", VCPU_REQS_THAT_WAKE);
	}
	if (vcpu->preempted.value != 0) {
		host_fail("vcpu %u sleeps and is told to be preempted", vcpu->id);
	}
}

static void
check_at_rest(const struct vcpu *vcpu)
{
	check_owed(vcpu);
	if (vcpu->task == NULL) {
		return;
	}
	if (is_in_guest(vcpu)) {
		check_in_guest(vcpu);
	} else if (vcpu->task->state.value == TASK_INTERRUPTIBLE && vcpu->task->on_rq.value == 0) {
		check_asleep(vcpu);
	}
}

static bool
is_interrupt(const struct host_transition *t)
{
	return t->actor >= HOST_IRQ && t->actor < HOST_NMI;
}

static bool
is_as_seen(const struct vcpu *vcpu, const struct seen *was)
{
	return vcpu->mode.value == was->mode && vcpu->requests.value == was->requests &&
	       vcpu->pending.value == was->pending && vcpu->arch.fault == EARLY_NONE &&
	       !was->is_struck && was->work == 0 && was->asked_at == 0;
}

static void
look(const struct vcpu *vcpu, struct seen *was, bool at_rest)
{
	unsigned long flags = host_step_begin();

	note_strike(vcpu, was);
	note_interrupts(vcpu, was);
	check_entry(vcpu, was);
	check_dead(vcpu, was);
	check_asked(vcpu, was);
	if (at_rest) {
		check_at_rest(vcpu);
	}
	host_step_end(flags);
}

void
watch_transition(const struct host_transition *t)
{
	bool at_rest = t->actor == HOST_CLOCK;
	uint32_t count = world_vm != NULL ? (uint32_t)world_vm->vcpu_count.value : 0;

	check_sender(t);
	for (unsigned int cpu = 0; at_rest && cpu < machine.cpu_count; cpu++) {
		check_idle(cpu);
	}
	ends_guest[t->cpu] |= is_interrupt(t) && machine.cpus[t->cpu].in_guest;
	for (uint32_t id = 0; id < count; id++) {
		const struct vcpu *vcpu = vcpu_at(id);

		note_asker(vcpu, &seen[id], t);
		if (at_rest || !is_as_seen(vcpu, &seen[id])) {
			look(vcpu, &seen[id], at_rest);
		}
	}
}

/* ---- at interrupts ---- */

/* What ended a guest, or comes in the window behind it, is served in its time; nothing else is. */
void
watch_interrupt(unsigned int cpu)
{
	bool is_guests = ends_guest[cpu] || machine.cpus[cpu].op.kind == HOST_OP_SETTLED;
	bool is_timed = per_cpu(timed_vcpu, cpu) != NULL;

	if (is_guests != is_timed) {
		host_fail("an interrupt that %s a guest is served in %s time",
		          is_guests ? "ended" : "came outside of",
		          is_timed ? "its" : "the system's");
	}
	ends_guest[cpu] = false;
}

/* ---- behind what a task has asked for ---- */

static void
check_asker(const struct vcpu *vcpu, const struct seen *was)
{
	if (was->asker == current && vcpu->mode.value == EXITING_GUEST_MODE && is_in_guest(vcpu) &&
	    machine.cpus[vcpu->cpu.value].pending == 0) {
		host_fail("vcpu %u stays in its guest: it was asked to exit, and sent nothing",
		          vcpu->id);
	}
}

void
watch_behind_asker(void)
{
	unsigned long flags = host_step_begin();

	for (uint32_t id = 0; id < (uint32_t)world_vm->vcpu_count.value; id++) {
		check_asker(vcpu_at(id), &seen[id]);
	}
	host_step_end(flags);
}

uint64_t
watch_strikes(uint32_t id)
{
	return seen[id].strikes;
}

/* ---- behind vcpu_run() ---- */

void
watch_reset(uint32_t id)
{
	seen[id].is_reset = true;
}

void
watch_outside(const struct vcpu *vcpu)
{
	unsigned long flags = host_step_begin();

	HOST_EXPECT(!vcpu->injected.valid);
	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(flags & HOST_STEP_IRQS_ON);
	note_interrupts(vcpu, &seen[vcpu->id]);
	check_owed(vcpu);
	host_step_end(flags);
}
