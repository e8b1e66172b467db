// SPDX-License-Identifier: ISC
/*
 * Workers, and the operations that are one call. Sections are section.c's, posts and waits
 * message.c's.
 */
#include "tests/fuzz/sched/program.h"

#include <string.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/timer.h"
#include "guest/workqueue.h"
#include "guest/yield_to.h"
#include "tests/fuzz/sched/bell.h"
#include "tests/fuzz/sched/message.h"
#include "tests/fuzz/sched/oracle.h"
#include "tests/fuzz/sched/own.h"
#include "tests/fuzz/sched/reader.h"
#include "tests/fuzz/sched/promises.h"
#include "tests/fuzz/sched/section.h"
#include "tests/fuzz/sched/users.h"
#include "tests/host/machine.h"

#define TICK_NS   10000u
#define NAP_NS    1000u
#define POINTLESS 4u /* operations without a point of preemption, at most */
#define BELLS     8
#define SPARES    (FUZZ_TASKS_MAX + 2)

/* What an operation gives. */
enum {
	RESULT_NONE,
	RESULT_DONE,
	RESULT_SKIPPED,
};

/* Made anew by each run: what stands in it of an earlier one means nothing. */
struct worker_state {
	struct section_open sections[PLAN_DEPTH_MAX];
	unsigned int depth;
	unsigned int pointless;
	struct timer tick;
	struct atomic ticks_left;
	uint32_t rung[BELLS]; /* the number of the last ring of each bell */
	uint16_t at;          /* op */
	bool started;
	bool finished;
};

static struct plan plan;
static struct worker_state states[FUZZ_TASKS_MAX];
static uint8_t results[PLAN_OPS_MAX];
static enum preempt_model model;

static HOST_STATE struct task *tasks[FUZZ_TASKS_MAX]; /* with a reference */

/* ---- workers ---- */

static void work(void *arg);

static uint64_t
cpus_of(unsigned int mask)
{
	uint64_t cpus = mask & cpus_online;

	return cpus != 0 ? cpus : cpus_online;
}

/* class: 0 to 3: more and more nice; 4 to 7: more and more important. */
static struct task_params
params_of(unsigned int number, unsigned int class, unsigned int cpus)
{
	static const int8_t nices[] = { 0, -10, 5, 19 };
	static const uint8_t priorities[] = { 1, 10, 50, 99 };
	static const char *const names[FUZZ_TASKS_MAX] = { "task 0", "task 1", "task 2", "task 3",
		                                           "task 4", "task 5", "task 6", "task 7" };

	return (struct task_params){
		.comm = names[number],
		.fn = work,
		.arg = &states[number],
		.policy = class < 4 ? SCHED_NORMAL : SCHED_FIFO,
		.nice = class < 4 ? nices[class] : 0,
		.rt_priority = class < 4 ? 0 : priorities[class - 4],
		.cpus_allowed = cpus_of(cpus),
	};
}

static void
start(unsigned int number, unsigned int class, unsigned int cpus)
{
	struct task_params params = params_of(number, class, cpus);
	struct task *task = task_create(&params);

	HOST_EXPECT(task != NULL);
	states[number].started = true;
	tasks[number] = task;
	message_set_worker(number, task);
	wake_up_new_task(task);
}

/* ---- operations ---- */

/*
 * Right behind an end of what kept the task from being preempted no request may stand, folded as
 * they are by then. A change of the model may fall in between.
 */
static void
expect_answered(const char *where)
{
	if (plan.has[FUZZ_TASK_MODEL] || !preempt_model_preempts(model) || !preemptible()) {
		return;
	}
	if (should_resched(0)) {
		host_fail("a request stands behind the end of %s", where);
	}
}

static void
have_a_chance(void)
{
	preempt_disable();
	preempt_enable();
	expect_answered("preempt_off");
}

/* A few steps take as long as a tick. */
static void
compute(unsigned int steps)
{
	for (unsigned int n = 0; n < steps; n++) {
		host_clock_advance(TICK_NS / 4);
		have_a_chance();
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

/* As the kernel's own tick, but for as long as somebody wants it: a machine that ticks never rests.
 */
static void
tick(struct timer *timer)
{
	struct worker_state *state = container_of(timer, struct worker_state, tick);

	promises_begin_tick();
	sched_tick();
	promises_end_tick();
	rcu_tick();
	if (atomic_load(&state->ticks_left) != 0) {
		atomic_fetch_sub(&state->ticks_left, 1);
		timer_start(timer, arch_clock_ns() + TICK_NS);
	}
}

static void
have_ticks(struct worker_state *state, unsigned int count)
{
	atomic_store(&state->ticks_left, count);
	timer_start(&state->tick, arch_clock_ns() + TICK_NS);
}

static void
take_exception(void)
{
	bool is_mended = false;

	host_exception(&is_mended);
	HOST_EXPECT(is_mended);
}

static void
set_nice(unsigned int whom, unsigned int level)
{
	static const int nices[] = { 0, -20, 19, 5 };
	struct task *task = tasks[whom];

	if (task != NULL) {
		promises_renice(task, nices[level]);
	}
}

static void
set_cpus(unsigned int whom, unsigned int cpus)
{
	struct task *task = tasks[whom];

	if (task != NULL) {
		HOST_EXPECT(set_cpus_allowed(task, cpus_of(cpus)) == 0);
	}
}

static const unsigned int signals[] = { SIGINT, SIGUSR1, SIGKILL, SIGCONT };

static void
signal_task(unsigned int whom, unsigned int sig)
{
	if (tasks[whom] != NULL) {
		send_sig(sig, tasks[whom]);
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
static void
end_section(struct worker_state *state)
{
	struct section_open *section = &state->sections[--state->depth];
	unsigned int worker = (unsigned int)(state - states);

	switch (section->kind) {
	case FUZZ_TASK_NOTIFIER:
		own_end_notifier(worker);
		break;
	case FUZZ_TASK_KTHREAD:
		own_end_kthread(worker);
		break;
	case FUZZ_TASK_PARK:
		own_end_parking(worker);
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
			expect_answered(plan_kinds[section->kind].name);
		}
		break;
	}
}

/* What is no lock and no reader. */
static bool
begin_other(struct worker_state *state, const struct plan_op *op)
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
	state->sections[state->depth++] = (struct section_open){ .kind = op->kind, .n = args[0] };
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

static void
perform(struct worker_state *state, const struct plan_op *op)
{
	const uint8_t *args = op->args;

	if (begin_other(state, op)) {
		return;
	}
	if (is_section(op->kind)) {
		section_begin(&state->sections[state->depth++], op);
		return;
	}
	switch (op->kind) {
	case FUZZ_TASK_END:
		end_section(state);
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
		section_downgrade(&state->sections[state->depth - 1]);
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
		message_wait(args[0], args[1], op->surely);
		break;
	case FUZZ_TASK_WAKE:
		message_post(PLAN_OBJECT_COUNT + args[0], args[1], args[2]);
		break;
	case FUZZ_TASK_SLEEP:
		message_sleep(op->task, args[0], op->surely);
		break;
	case FUZZ_TASK_USER:
		users_run(op->task, args[0], args[1], cpus_of(args[2]));
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
		have_ticks(state, args[0]);
		break;
	case FUZZ_TASK_SPAWN:
		start(args[0], args[1], args[2]);
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
		state->rung[args[0]] = bell_ring(args[0], args[1]);
		break;
	case FUZZ_TASK_FLUSH:
		bell_flush(args[0], state->rung[args[0]]);
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
		message_move_waiters(args[0]);
		break;
	case FUZZ_TASK_WORKQUEUE:
		own_use_workqueue(op->task, args[0]);
		break;
	case FUZZ_TASK_YIELD_TO:
		if (tasks[args[0]] != NULL) {
			yield_to(tasks[args[0]]);
		}
		break;
	case FUZZ_TASK_EXCEPTION:
		take_exception();
		expect_answered("an exception");
		break;
	case FUZZ_TASK_LATCH_WRITE:
		reader_write_latch();
		break;
	case FUZZ_TASK_LATCH_READ:
		reader_read_latch();
		break;
	case FUZZ_TASK_ASK:
		message_ask(args[0], args[1], args[2]);
		break;
	case FUZZ_TASK_COMPLETE_ALL:
		message_complete_all();
		break;
	case FUZZ_TASK_WAIT_FOR_ALL:
		message_wait_for_all(args[0], op->surely);
		break;
	case FUZZ_TASK_COND_RESCHED_LOCK:
		section_cond_resched_lock(&state->sections[state->depth - 1]);
		break;
	default:
		break;
	}
}

/* Without a point now and then a request that came with interrupts off would rightly wait. */
static void
have_a_point(struct worker_state *state)
{
	if (++state->pointless == POINTLESS) {
		state->pointless = 0;
		have_a_chance();
	}
}

static void
work(void *arg)
{
	struct worker_state *state = arg;
	uint16_t n;

	if (plan.has[FUZZ_TASK_SIGNAL] || plan.has[FUZZ_TASK_STOP]) {
		allow_signal(SIGINT);
		allow_signal(SIGUSR1);
		allow_signal(SIGSTOP);
		allow_signal(SIGKILL);
	}
	for (n = plan.tasks[state - states].first; n != PLAN_NONE; n = plan.ops[n].next) {
		const struct plan_op *op = &plan.ops[n];

		state->at = n;
		HOST_EXPECT(arch_irqs_disabled() == op->irqs_off);
		HOST_EXPECT(!op->sleepable || preempt_count() == 0);
		if (!op->skipped) {
			perform(state, op);
		}
		results[n] = op->skipped ? RESULT_SKIPPED : RESULT_DONE;
		oracle_look();
		have_a_point(state);
	}
	while (state->depth != 0) {
		end_section(state);
	}
	state->finished = true;
}

/* ---- the runs ---- */

static void
end_at_once(void *unused)
{
	(void)unused;
}

/* Their stacks and memory are those of tasks to come: nothing is made in a run. */
static void
boot_spares(void)
{
	struct task *spares[SPARES];

	for (unsigned int n = 0; n < SPARES; n++) {
		spares[n] = task_run(&(struct task_params){ .comm = "spare", .fn = end_at_once });
	}
	for (unsigned int n = 0; n < SPARES; n++) {
		task_join(spares[n]);
	}
}

static void
boot_in_task(void *unused)
{
	(void)unused;
	softirq_init();
	rcu_init();
	workqueue_init();
	message_boot();
	reader_boot();
	bell_boot();
	boot_spares();
}

void
program_boot_image(void)
{
	task_put(task_run(&(struct task_params){ .comm = "boot", .fn = boot_in_task }));
}

void
program_load(const struct fuzz_input *input)
{
	plan_make(&plan, input, input->header.cpus + 1u);
}

void
program_set_model(enum fuzz_model wanted)
{
	static const enum preempt_model models[] = {
		[FUZZ_MODEL_NONE] = PREEMPT_NONE,
		[FUZZ_MODEL_VOLUNTARY] = PREEMPT_VOLUNTARY,
		[FUZZ_MODEL_FULL] = PREEMPT_FULL,
		[FUZZ_MODEL_LAZY] = PREEMPT_LAZY,
	};

	model = models[wanted];
}

void
program_prepare(void)
{
	preempt_model_set(model);
	message_prepare(plan.has[FUZZ_TASK_FUTEX_MOVE]);
	memset(results, RESULT_NONE, plan.op_count);
	for (unsigned int n = 0; n < FUZZ_TASKS_MAX; n++) {
		const struct plan_task *task = &plan.tasks[n];
		const struct plan_op *first;
		bool says;

		states[n].depth = 0;
		states[n].pointless = 0;
		states[n].started = false;
		states[n].finished = false;
		if (task->first == PLAN_NONE) {
			continue;
		}
		timer_init(&states[n].tick, tick);
		own_prepare(n);
		memset(states[n].rung, 0, sizeof(states[n].rung));
		if (task->spawned) {
			continue;
		}
		first = &plan.ops[task->first];
		says = first->kind == FUZZ_TASK_CLASS;
		start(n, says ? first->args[0] : 0, says ? first->args[1] : 0);
	}
}

static void
check_finished(void)
{
	char words[80];

	for (unsigned int n = 0; n < FUZZ_TASKS_MAX; n++) {
		const struct worker_state *state = &states[n];

		if (plan.tasks[n].first != PLAN_NONE && !state->started) {
			host_fail("task %u was never created", n);
		}
		if (state->started && !state->finished) {
			host_fail("%s: never ends",
			          plan_op_words(&plan.ops[state->at], words, sizeof(words)));
		}
		if (tasks[n] != NULL) {
			task_put(tasks[n]);
		}
		if (plan.tasks[n].first != PLAN_NONE) {
			own_check(n);
		}
	}
}

void
program_check(void)
{
	check_finished();
	message_check();
	bell_check();
	section_check(&plan);
	reader_check();
}

const uint8_t *
program_results(unsigned int *count)
{
	*count = plan.op_count;
	return results;
}

const struct plan *
program_plan(void)
{
	return &plan;
}
