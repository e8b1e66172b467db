// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/program.h"

#include <string.h>

#include "guest/preempt_model.h"
#include "guest/exception.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/workqueue.h"
#include "tests/fuzz/sched/bell.h"
#include "tests/fuzz/sched/inquiry.h"
#include "tests/fuzz/sched/message.h"
#include "tests/fuzz/sched/operation.h"
#include "tests/fuzz/sched/oracle.h"
#include "tests/fuzz/sched/own.h"
#include "tests/fuzz/sched/reader.h"
#include "tests/fuzz/sched/section.h"
#include "tests/fuzz/sched/token.h"
#include "tests/host/machine.h"

#define POINTLESS 4u /* operations without a point of preemption, at most */
#define SPARES    (FUZZ_TASKS_MAX + 2)

/* What an operation gives. */
enum {
	RESULT_NONE,
	RESULT_DONE,
	RESULT_SKIPPED,
};

/* Made anew by each run: what stands in it of an earlier one means nothing. */
struct worker_state {
	struct worker worker;
	unsigned int pointless;
	uint16_t at; /* op */
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

uint64_t
program_cpus_of(unsigned int mask)
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
		.cpus_allowed = program_cpus_of(cpus),
	};
}

void
program_start(unsigned int number, unsigned int class, unsigned int cpus)
{
	struct task_params params = params_of(number, class, cpus);
	struct task *task = task_create(&params);

	HOST_EXPECT(task != NULL);
	states[number].started = true;
	tasks[number] = task;
	token_set_worker(number, task);
	wake_up_new_task(task);
}

/* Without a point now and then a request that came with interrupts off would rightly wait. */
static void
have_a_point(struct worker_state *state)
{
	if (++state->pointless == POINTLESS) {
		state->pointless = 0;
		operation_have_a_chance();
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
			operation_perform(&state->worker, op);
		}
		results[n] = op->skipped ? RESULT_SKIPPED : RESULT_DONE;
		oracle_look();
		have_a_point(state);
	}
	while (state->worker.depth != 0) {
		operation_end(&state->worker);
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

/* Nothing of its own answers what an interrupt has asked meanwhile: the return has to. */
static void
pass_exception(const struct regs *regs)
{
	(void)regs;
	preempt_disable();
	preempt_enable_no_resched();
}

static void
boot_in_task(void *unused)
{
	(void)unused;
	exception_probe = pass_exception;
	softirq_init();
	rcu_init();
	workqueue_init();
	token_boot();
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
	token_prepare(plan.has[FUZZ_TASK_FUTEX_MOVE]);
	inquiry_prepare(!plan.has[FUZZ_TASK_SIGNAL] && !plan.has[FUZZ_TASK_STOP]);
	memset(results, RESULT_NONE, plan.op_count);
	for (unsigned int n = 0; n < FUZZ_TASKS_MAX; n++) {
		const struct plan_task *task = &plan.tasks[n];
		const struct plan_op *first;
		bool says;

		operation_prepare(&states[n].worker, n);
		states[n].pointless = 0;
		states[n].started = false;
		states[n].finished = false;
		if (task->first == PLAN_NONE) {
			continue;
		}
		own_prepare(n);
		if (task->spawned) {
			continue;
		}
		first = &plan.ops[task->first];
		says = first->kind == FUZZ_TASK_CLASS;
		program_start(n, says ? first->args[0] : 0, says ? first->args[1] : 0);
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

struct task *
program_task(unsigned int number)
{
	return tasks[number];
}

enum preempt_model
program_model(void)
{
	return model;
}

const struct plan *
program_plan(void)
{
	return &plan;
}
