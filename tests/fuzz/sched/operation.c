// SPDX-License-Identifier: ISC
/*
 * Here are those that are one call; sections are section.c's, posts and waits message.c's and
 * token.c's, what each task has of its own own.c's.
 */
#include "tests/fuzz/sched/operation.h"

#include <string.h>

#include "guest/completion.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/yield_to.h"
#include "tests/fuzz/sched/bell.h"
#include "tests/fuzz/sched/inquiry.h"
#include "tests/fuzz/sched/message.h"
#include "tests/fuzz/sched/own.h"
#include "tests/fuzz/sched/program.h"
#include "tests/fuzz/sched/promises.h"
#include "tests/fuzz/sched/reader.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/sched/token.h"
#include "tests/fuzz/sched/users.h"
#include "tests/host/machine.h"

#define TICK_NS 10000u
#define NAP_NS  1000u

void
operation_expect_answered(const char *where)
{
	if (program_plan()->stops_preempting || !preempt_model_preempts(program_model()) ||
	    !preemptible()) {
		return;
	}
	if (should_resched(0)) {
		host_fail("a request stands behind the end of %s", where);
	}
}

void
operation_have_a_chance(void)
{
	preempt_disable();
	preempt_enable();
	operation_expect_answered("preempt_off");
}

/* A few steps take as long as a tick. */
static void
compute(unsigned int steps)
{
	for (unsigned int n = 0; n < steps; n++) {
		host_clock_advance(TICK_NS / 4);
		operation_have_a_chance();
	}
}

static void
nap(unsigned int form, unsigned int time)
{
	int64_t ns = (int64_t)NAP_NS * time;

	switch (form) {
	case 0:
		timer_sleep((uint64_t)ns);
		break;
	case 1:
		schedule_timeout_interruptible(ns);
		break;
	case 2:
		schedule_timeout_uninterruptible(ns);
		break;
	default:
		schedule_timeout_killable(ns);
		break;
	}
	if (signal_pending(current)) {
		flush_signals(current);
	}
}

/*
 * As the kernel's own tick, but for as long as somebody wants it: a machine that ticks never rests.
 * Whoever sets another count meanwhile starts it himself.
 */
static void
tick(struct timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, tick);
	uint32_t left;

	promises_begin_tick();
	sched_tick();
	promises_end_tick();
	rcu_tick();
	left = atomic_load(&worker->ticks_left);
	if (left != 0 && atomic_try_cmpxchg(&worker->ticks_left, &left, left - 1)) {
		timer_start(timer, arch_clock_ns() + TICK_NS);
	}
}

static void
have_ticks(struct worker *worker, unsigned int count)
{
	atomic_store(&worker->ticks_left, count);
	timer_start(&worker->tick, arch_clock_ns() + TICK_NS);
}

void
operation_take_exception(void)
{
	bool is_mended = false;

	host_exception(&is_mended);
	HOST_EXPECT(is_mended);
}

static void
set_nice(unsigned int whom, unsigned int level)
{
	static const int nices[] = { 0, -20, 19, 5 };
	struct task *task = program_task(whom);

	if (task != NULL) {
		promises_renice(task, nices[level]);
	}
}

static void
set_cpus(unsigned int whom, unsigned int cpus)
{
	struct task *task = program_task(whom);

	if (task != NULL) {
		HOST_EXPECT(set_cpus_allowed(task, program_cpus_of(cpus)) == 0);
	}
}

static void
yield_to_worker(unsigned int whom)
{
	struct task *task = program_task(whom);

	if (task != NULL) {
		yield_to(task);
	}
}

static const unsigned int signals[] = { SIGINT, SIGUSR1, SIGKILL, SIGCONT };

static void
signal_task(unsigned int whom, unsigned int sig)
{
	struct task *task = program_task(whom);

	if (task != NULL) {
		send_sig(sig, task);
	}
}

static void
complete_it(void *completion)
{
	complete(completion);
}

/* When the wait returns whoever has completed it must be through with it: it lies on our stack. */
static void
ask(unsigned int way, unsigned int cpu, unsigned int form)
{
	struct completion completion;

	init_completion(&completion);
	message_call(complete_it, &completion, way, cpu);
	token_wait_for_completion(&completion, form);
	if (raw_spin_is_locked(&completion.lock)) {
		host_fail("a completion is in use behind the wait for it");
	}
}

/* The end of such a section looks for a request; interrupts that are switched on do not. */
static bool
ends_at_point(const struct section_open *section)
{
	switch (section->kind) {
	case FUZZ_TASK_PREEMPT_OFF:
	case FUZZ_TASK_BH_OFF:
	case FUZZ_TASK_RAW_LOCK:
	case FUZZ_TASK_SPIN_LOCK:
	case FUZZ_TASK_READ_LOCK:
	case FUZZ_TASK_WRITE_LOCK:
	case FUZZ_TASK_SEQ_WRITE:
	case FUZZ_TASK_LOCAL_LOCK:
		return true;
	default:
		return false;
	}
}

/* Whom it stopped goes on, too, if that had not come to be when it was to be stopped. */
void
operation_end(struct worker *worker)
{
	struct section_open *section = &worker->sections[--worker->depth];

	switch (section->kind) {
	case FUZZ_TASK_NOTIFIER:
		own_end_notifier(worker->number);
		break;
	case FUZZ_TASK_KTHREAD:
		own_end_kthread(worker->number);
		break;
	case FUZZ_TASK_PARK:
		own_end_parking(worker->number);
		break;
	case FUZZ_TASK_LINE_OFF:
		bell_end_line_off(section->n);
		break;
	case FUZZ_TASK_STOP:
		signal_task(section->n, SIGCONT);
		break;
	default:
		section_end(section);
		if (ends_at_point(section)) {
			operation_expect_answered(plan_kinds[section->kind].name);
		}
		break;
	}
}

/* What is no lock and no reader. */
static bool
begin_other(struct worker *worker, const struct plan_op *op)
{
	const uint8_t *args = op->args;

	switch (op->kind) {
	case FUZZ_TASK_NOTIFIER:
		own_begin_notifier(op->task);
		break;
	case FUZZ_TASK_KTHREAD:
		own_begin_kthread(op->task, args[0], args[1]);
		break;
	case FUZZ_TASK_PARK:
		own_begin_parking(op->task);
		break;
	case FUZZ_TASK_LINE_OFF:
		bell_begin_line_off(args[0]);
		break;
	case FUZZ_TASK_STOP:
		signal_task(args[0], SIGSTOP);
		break;
	default:
		return false;
	}
	worker->sections[worker->depth++] = (struct section_open){ .kind = op->kind, .n = args[0] };
	return true;
}

static bool
is_section(unsigned int kind)
{
	switch (kind) {
	case FUZZ_TASK_PREEMPT_OFF:
	case FUZZ_TASK_IRQS_OFF:
	case FUZZ_TASK_BH_OFF:
	case FUZZ_TASK_RAW_LOCK:
	case FUZZ_TASK_SPIN_LOCK:
	case FUZZ_TASK_READ_LOCK:
	case FUZZ_TASK_WRITE_LOCK:
	case FUZZ_TASK_SEQ_WRITE:
	case FUZZ_TASK_LOCAL_LOCK:
	case FUZZ_TASK_MUTEX:
	case FUZZ_TASK_RWSEM_READ:
	case FUZZ_TASK_RWSEM_WRITE:
	case FUZZ_TASK_SEMAPHORE:
	case FUZZ_TASK_RCU_READ:
	case FUZZ_TASK_SRCU_READ:
		return true;
	default:
		return false;
	}
}

void
operation_perform(struct worker *worker, const struct plan_op *op)
{
	const uint8_t *args = op->args;

	if (begin_other(worker, op)) {
		return;
	}
	if (is_section(op->kind)) {
		section_begin(&worker->sections[worker->depth++], op);
		return;
	}
	switch (op->kind) {
	case FUZZ_TASK_END:
		operation_end(worker);
		break;
	case FUZZ_TASK_YIELD:
		yield();
		break;
	case FUZZ_TASK_COMPUTE:
		compute(args[0]);
		break;
	case FUZZ_TASK_COND_RESCHED:
		cond_resched();
		break;
	case FUZZ_TASK_MIGHT_SLEEP:
		might_sleep();
		break;
	case FUZZ_TASK_SEQ_READ:
		reader_read_seq();
		break;
	case FUZZ_TASK_RWSEM_DOWNGRADE:
		section_downgrade(&worker->sections[worker->depth - 1]);
		break;
	case FUZZ_TASK_RCU_UPDATE:
		reader_update_rcu(args[0], op->sleepable);
		break;
	case FUZZ_TASK_SRCU_UPDATE:
		reader_update_srcu();
		break;
	case FUZZ_TASK_POST:
		message_post(args[0], args[1], args[2]);
		break;
	case FUZZ_TASK_WAIT:
		token_wait(args[0], args[1], op->surely);
		break;
	case FUZZ_TASK_WAKE:
		message_post(PLAN_OBJECT_COUNT + args[0], args[1], args[2]);
		break;
	case FUZZ_TASK_SLEEP:
		token_sleep(op->task, args[0], op->surely);
		break;
	case FUZZ_TASK_USER:
		users_run(op->task, args[0], args[1], program_cpus_of(args[2]));
		break;
	case FUZZ_TASK_SCENE:
		scene_play(args[0], args[1], args[2], args[3], args[4]);
		break;
	case FUZZ_TASK_VETO:
		promises_veto(args[0]);
		break;
	case FUZZ_TASK_NAP:
		nap(args[0], args[1]);
		break;
	case FUZZ_TASK_RESCHED:
		resched_cpu(args[0] % cpu_count);
		break;
	case FUZZ_TASK_NMI:
		message_send_nmi(args[0]);
		break;
	case FUZZ_TASK_TICKS:
		have_ticks(worker, args[0]);
		break;
	case FUZZ_TASK_SPAWN:
		program_start(args[0], args[1], args[2]);
		break;
	case FUZZ_TASK_NICE:
		set_nice(args[0], args[1]);
		break;
	case FUZZ_TASK_AFFINITY:
		set_cpus(args[0], args[1]);
		break;
	case FUZZ_TASK_MODEL:
		preempt_model_set((enum preempt_model)args[0]);
		break;
	case FUZZ_TASK_RING:
		worker->rung[args[0]] = bell_ring(args[0], args[1]);
		break;
	case FUZZ_TASK_FLUSH:
		bell_flush(args[0], worker->rung[args[0]]);
		break;
	case FUZZ_TASK_OWN_WORK:
		own_queue_work(op->task, args[0], args[1]);
		break;
	case FUZZ_TASK_CANCEL_WORK:
		own_cancel_work(op->task, args[0]);
		break;
	case FUZZ_TASK_OWN_TIMER:
		own_start_timer(op->task, args[0]);
		break;
	case FUZZ_TASK_CANCEL_TIMER:
		own_cancel_timer(op->task);
		break;
	case FUZZ_TASK_SIGNAL:
		signal_task(args[0], signals[args[1]]);
		break;
	case FUZZ_TASK_TAKE_SIGNALS:
		while (get_signal() != 0) { /* bounded: signals */
		}
		break;
	case FUZZ_TASK_FUTEX_MOVE:
		token_move_waiters(args[0]);
		break;
	case FUZZ_TASK_WORKQUEUE:
		own_use_workqueue(op->task, args[0]);
		break;
	case FUZZ_TASK_YIELD_TO:
		yield_to_worker(args[0]);
		break;
	case FUZZ_TASK_EXCEPTION:
		operation_take_exception();
		operation_expect_answered("an exception");
		break;
	case FUZZ_TASK_LATCH_WRITE:
		reader_write_latch();
		break;
	case FUZZ_TASK_LATCH_READ:
		reader_read_latch();
		break;
	case FUZZ_TASK_ASK:
		ask(args[0], args[1], args[2]);
		break;
	case FUZZ_TASK_COMPLETE_ALL:
		token_complete_all();
		break;
	case FUZZ_TASK_WAIT_FOR_ALL:
		token_wait_for_all(args[0], op->surely);
		break;
	case FUZZ_TASK_COND_RESCHED_LOCK:
		section_cond_resched_lock(&worker->sections[worker->depth - 1]);
		break;
	case FUZZ_TASK_INQUIRE:
		inquiry_make(args[0], args[1], args[2]);
		break;
	default:
		break;
	}
}

void
operation_prepare(struct worker *worker, unsigned int number)
{
	worker->number = number;
	worker->depth = 0;
	timer_init(&worker->tick, tick);
	memset(worker->rung, 0, sizeof(worker->rung));
}
