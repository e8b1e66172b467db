// SPDX-License-Identifier: ISC
/*
 * Scenes of ring 3: what is asked for, added and put off around the way back there. Its task is the
 * least important one, so that everybody's wakeup on its cpu is a request; it looks at itself
 * whenever it is back.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/entry_user.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/user.h"
#include "shared/user_abi.h"
#include "tests/fuzz/sched/oracle.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

#define ROUNDS   8u
#define DELAY_NS 300u
#define STATUS   4

#define COMPANY_STEPS 4u

enum {
	WORK_WAKES = 1, /* the urgent task; else who adds it does */
	CALLS_RCU = 2,  /* an interrupt; else it wakes the urgent task, too */
	IS_FIFO = 4,    /* the urgent task */
	IS_LATE = 8,    /* a work: it comes while user code is switched in */
};

static HOST_STATE unsigned int form_now;
static HOST_STATE struct task *user;
static HOST_STATE struct task *urgent;
static HOST_STATE struct timer timer;
static HOST_STATE struct rcu_head head;
static HOST_STATE struct task_work works[ROUNDS + 1];
static HOST_STATE struct atomic arrived;   /* the round that user code is in */
static HOST_STATE struct atomic let_on;    /* the round that it may leave */
static HOST_STATE struct atomic adds;      /* works, begun */
static HOST_STATE struct atomic added;     /* to the end */
static HOST_STATE struct atomic condition; /* of the urgent task */
static HOST_STATE struct atomic answered;  /* the condition that it has run for */
static HOST_STATE struct atomic calls;     /* of RCU, begun */
static HOST_STATE struct atomic called;
static HOST_STATE struct atomic over;

/* Whoever waits here is no more important than who spins: he would wait for ever. */
static bool
has_company(void)
{
	return atomic_load(&per_cpu(runqueue, host_this->id).nr_running) > 1;
}

/* ---- ring 3 ---- */

static void
step_and_look(void)
{
	host_user_step();
	oracle_look_in_user(adds.value == added.value);
}

static void
call_and_look(uint64_t number)
{
	oracle_look_around(number);
	oracle_look_in_user(adds.value == added.value);
}

/* Where it is asked lazily it stays for some steps. */
static void
wait_for_round(unsigned int n)
{
	unsigned int steps = 0;

	while (atomic_load(&let_on) < n) { /* bounded: it is let on */
		if (!has_company()) {
			arch_cpu_relax();
		} else if (++steps % COMPANY_STEPS == 0) {
			call_and_look(SYSCALL_yield);
		}
		step_and_look();
	}
}

static void
code(uint64_t unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		atomic_store(&arrived, n);
		step_and_look();
		wait_for_round(n);
		call_and_look(n % 2 ? SYSCALL_yield : SYSCALL_getpid);
		step_and_look();
		call_and_look(SYSCALL_getpid);
	}
	host_syscall(SYSCALL_exit, STATUS, 0, 0);
}

/* ---- what comes meanwhile ---- */

static void
wake_urgent(void)
{
	atomic_fetch_add(&condition, 1);
	wake_up_process(urgent);
}

/* Behind it are the last look at the flags, and the end of interrupts. */
static void
do_work(struct task_work *work)
{
	if (form_now & WORK_WAKES) {
		wake_urgent();
	} else if (!(form_now & IS_LATE)) {
		unsigned int cpu = smp_processor_id();

		timer_start(&timer, arch_clock_ns() + DELAY_NS);
		schedule_act_later((unsigned int)(work - works) * 2 + (form_now & 1),
		                   FUZZ_ACTION_TIMER, cpu);
	}
}

static void
note_call(struct rcu_head *unused)
{
	(void)unused;
	atomic_store(&called, atomic_load(&calls));
}

/* Mostly it interrupts user code. */
static void
expire(struct timer *unused)
{
	(void)unused;
	if (!(form_now & CALLS_RCU)) {
		wake_urgent();
	} else if (atomic_load(&called) == atomic_load(&calls)) {
		atomic_fetch_add(&calls, 1);
		call_rcu(&head, note_call);
	}
}

/* To who adds works, when user code has been switched in, or nearly. */
static void
give_way_late(uint32_t seen)
{
	unsigned int cpu = smp_processor_id() + 1;

	atomic_xchg(&answered, seen);
	schedule_act_later(form_now % IS_LATE * 2 + seen * 16, FUZZ_ACTION_SWITCH, cpu);
}

/* On user code's cpu, where the timer is, too. */
static void
be_urgent(void *unused)
{
	(void)unused;
	for (uint32_t seen = 0;;) { /* bounded: until it is over */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&over)) {
			break;
		}
		if (atomic_load(&condition) == seen) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		seen = atomic_load(&condition);
		if (form_now & IS_LATE) {
			give_way_late(seen);
		} else {
			timer_start(&timer, arch_clock_ns() + DELAY_NS);
		}
	}
	__set_current_state(TASK_RUNNING);
	timer_cancel(&timer);
}

static void
add_work(unsigned int n)
{
	int error;

	atomic_fetch_add(&adds, 1);
	error = task_work_add(user, &works[n]);
	atomic_fetch_add(&added, 1);
	HOST_EXPECT(error == 0 || error == -ESRCH);
}

static void
drive(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_await(&arrived, n);
		scene_meet(1);
		atomic_store(&let_on, n);
		scene_pass(n * 13 % 60);
		add_work(n);
		scene_pass(n % 4);
		if (!(form_now & WORK_WAKES)) {
			wake_urgent();
		}
	}
}

/*
 * User code is in ring 3, from where it is put off its cpu and comes back. Who goes on for the
 * company's sake may wake who has not run yet: he runs once for both.
 */
static void
drive_late(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_await(&arrived, n);
		scene_meet(1);
		wake_urgent();
		while (atomic_load(&answered) < n && !has_company()) { /* bounded: it runs */
			arch_cpu_relax();
			cond_resched();
		}
		add_work(n);
		atomic_store(&let_on, n);
	}
}

/* ---- the scene ---- */

static void
prepare(unsigned int form)
{
	struct atomic *const words[] = { &arrived,  &let_on, &adds,   &added, &condition,
		                         &answered, &calls,  &called, &over };

	form_now = form;
	for (size_t n = 0; n < sizeof(words) / sizeof(words[0]); n++) {
		atomic_store(words[n], 0);
	}
	for (unsigned int n = 0; n <= ROUNDS; n++) {
		works[n].fn = do_work;
	}
	timer_init(&timer, expire);
}

static void
play_return(unsigned int cpu, unsigned int form)
{
	struct user_program program = { .mm = mm_create(), .entry = (uintptr_t)code };
	unsigned long cpus = 1ul << cpu;

	HOST_EXPECT(program.mm != NULL);
	prepare(form);
	urgent = task_run(&(struct task_params){
		.comm = "urgent",
		.fn = be_urgent,
		.policy = form & IS_FIFO ? SCHED_FIFO : SCHED_NORMAL,
		.rt_priority = form & IS_FIFO ? 20 : 0,
		.cpus_allowed = cpus,
	});
	user = user_run(&program,
	                &(struct task_params){ .comm = "user", .nice = 19, .cpus_allowed = cpus },
	                0);
	HOST_EXPECT(urgent != NULL && user != NULL);
	user_unload(&program);
	task_get(user);
	scene_cast(form & IS_LATE ? drive_late : drive, NULL, cpu + 1);
	scene_join();
	HOST_EXPECT(task_join(user) == STATUS);
	task_put(user);
	atomic_store(&over, 1);
	wake_up_process(urgent);
	task_join(urgent);
	scene_await(&called, atomic_load(&calls));
}

static void
play_switch_in(unsigned int cpu, unsigned int form)
{
	play_return(cpu, form | IS_LATE);
}

const struct scene scene_users[] = {
	{ "requests and works around the way to user code", play_return },
	{ "a work that comes when user code is switched in", play_switch_in },
	{ NULL, NULL },
};
