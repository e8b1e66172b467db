// SPDX-License-Identifier: ISC
/*
 * Scenes of tasks that are stopped, woken, moved, asked and ended by others.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/mutex.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/preempt_policy.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/yield_to.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/program.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS 6
#define STOPS  12

static HOST_STATE struct task *whom;
static HOST_STATE struct atomic condition;
static HOST_STATE struct atomic step; /* the last round that somebody is through with */
static HOST_STATE struct atomic over;

static void
prepare(void)
{
	atomic_store(&condition, 0);
	atomic_store(&step, 0);
	atomic_store(&over, 0);
}

/* Somebody to switch to. */
static void
give_way(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < 2 * ROUNDS && !atomic_load(&over); n++) {
		scene_pass(n);
		yield();
	}
}

/* ---- signals ---- */

static void
allow_all(void)
{
	allow_signal(SIGINT);
	allow_signal(SIGUSR1);
	allow_signal(SIGSTOP);
}

/* One is there at once; the other comes meanwhile. */
static void
take_two(void)
{
	uint32_t wanted = sigmask(SIGINT) | sigmask(SIGUSR1);
	uint32_t taken = 0;

	while (taken != wanted) { /* bounded: they are sent */
		unsigned int sig;

		set_current_state(TASK_INTERRUPTIBLE);
		schedule();
		__set_current_state(TASK_RUNNING);
		while ((sig = get_signal()) != 0) { /* bounded: the pending ones */
			taken |= sigmask(sig);
		}
	}
}

/* Stopped it goes on when somebody says so, and when a waker of its sleep before is late. */
static void
sleep_and_stop(unsigned int n)
{
	scene_sleep(&condition, n);
	HOST_EXPECT(get_signal() == 0);
	if (atomic_load(&step) < n) {
		host_fail("a stop ends, and nobody has continued it");
	}
}

static void
be_signalled(void *form)
{
	allow_all();
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		send_sig((uintptr_t)form == 0 ? SIGINT : SIGSTOP, current);
		scene_meet(2);
		if ((uintptr_t)form == 0) {
			take_two();
		} else if ((uintptr_t)form == 1) {
			HOST_EXPECT(get_signal() == 0);
		} else {
			sleep_and_stop(n);
		}
	}
}

static void
send_signals(void *form)
{
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		if ((uintptr_t)form == 0) {
			send_sig(SIGUSR1, whom);
		} else if ((uintptr_t)form == 1) {
			send_sig(SIGCONT, whom);
		} else {
			atomic_store(&condition, n);
			wake_up_process(whom);
			scene_pass(30);
			atomic_store(&step, n);
			send_sig(SIGCONT, whom);
		}
	}
	atomic_store(&over, 1);
}

/* The stop was sent before: it is forgotten, or ended. */
static void
be_stopped(void *unused)
{
	(void)unused;
	contest.first = current;
	allow_all();
	for (unsigned int n = 1; n <= STOPS; n++) {
		send_sig(SIGSTOP, current);
		scene_face(true);
		contest_cut_off(contest_point(n, 4), contest.second_cpu);
		HOST_EXPECT(get_signal() == 0);
	}
}

static void
continue_stopped(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= STOPS; n++) {
		scene_face(false);
		send_sig(SIGCONT, contest.first);
	}
}

static void
play_signals(unsigned int cpu, unsigned int form)
{
	if (form % 4 == 3 && contest_prepare(cpu, form)) {
		contest_play(be_stopped, continue_stopped, NULL);
		return;
	}
	prepare();
	whom = scene_cast(be_signalled, (void *)(uintptr_t)(form % 3), cpu);
	scene_cast(give_way, NULL, cpu);
	scene_cast(send_signals, (void *)(uintptr_t)(form % 3), cpu + 1);
	scene_join();
}

/* ---- moves ---- */

static void
move_often(void *first)
{
	for (unsigned int n = 0; !atomic_load(&over); n++) { /* bounded: so many rounds of theirs */
		HOST_EXPECT(set_cpus_allowed(whom, 1ul << ((uintptr_t)first + n) % cpu_count) == 0);
		scene_pass(n * 5 % 17);
		yield();
		timer_sleep(500);
	}
}

static void
yield_to_it(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		yield_to(whom);
		scene_pass(n);
	}
	atomic_store(&over, 1);
}

static void
be_yielded_to(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < 4 * ROUNDS && !atomic_load(&over); n++) {
		yield();
		scene_pass(n % 8);
	}
}

static void
play_yield_to(unsigned int cpu, unsigned int form)
{
	(void)form;
	prepare();
	whom = scene_cast(be_yielded_to, NULL, cpu);
	scene_cast(yield_to_it, NULL, cpu);
	scene_cast(move_often, (void *)(uintptr_t)cpu, cpu + 1);
	scene_join();
}

/* ---- wakeups of who may move ---- */

static void
sleep_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_sleep(&condition, n);
		atomic_store(&step, n);
	}
	atomic_store(&over, 1);
}

/* Until it has gone on itself, whoever finds it running finds it queued. */
static void
wake_and_look(unsigned int n)
{
	uint32_t state;
	uint32_t queued;

	wake_up_process(whom);
	state = atomic_load(&whom->state);
	queued = atomic_load(&whom->on_rq);
	if (state == TASK_RUNNING && queued == 0 && atomic_load(&step) < n) {
		host_fail("a task is woken, and not queued");
	}
}

static void
wake_often(void *moves)
{
	unsigned int first = smp_processor_id();

	for (unsigned int n = 1; n <= ROUNDS; n++) {
		if (moves != NULL) {
			HOST_EXPECT(set_cpus_allowed(whom, 1ul << (first + n) % cpu_count) == 0);
		}
		scene_pass(n * 5 % 17);
		atomic_store(&condition, n);
		wake_and_look(n);
		if (n % 2 == 0) {
			scene_await(&step, n);
		}
	}
}

static void
play_wakeups(unsigned int cpu, unsigned int form)
{
	prepare();
	whom = scene_cast(sleep_often, NULL, cpu);
	scene_cast(wake_often, form & 1 ? &over : NULL, cpu + 1);
	scene_join();
}

/* ---- requests ---- */

#define PATIENCE_NS 5000u

static HOST_STATE unsigned int asked_cpu;
static HOST_STATE struct timer patience;
static HOST_STATE struct atomic given_up;

static void
lose_patience(struct timer *unused)
{
	(void)unused;
	atomic_store(&given_up, 1);
}

/* Who is to ask may be behind somebody that waits for this cpu to switch: so not for ever. */
static bool
is_asked(unsigned int n)
{
	while (atomic_load(&step) < n && !atomic_load(&given_up)) { /* bounded: by the timer */
		arch_cpu_relax();
	}
	return atomic_load(&step) >= n;
}

/* With preemption off a request that was made stands. */
static void
be_asked(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		atomic_store(&given_up, 0);
		timer_start(&patience, arch_clock_ns() + PATIENCE_NS);
		preempt_disable();
		asked_cpu = smp_processor_id();
		atomic_store(&condition, n);
		if (is_asked(n) && !(atomic_load(&current->flags) & TIF_NEED_RESCHED)) {
			host_fail("a request was not made");
		}
		preempt_enable();
		timer_cancel(&patience);
		scene_await(&step, n);
	}
	atomic_store(&over, 1);
}

static void
ask_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_await(&condition, n);
		scene_pass(n);
		resched_cpu(asked_cpu);
		atomic_store(&step, n);
	}
}

static void
hold_queue(void *cpu)
{
	struct rq *rq = &per_cpu(runqueue, (uintptr_t)cpu);

	while (!atomic_load(&over)) { /* bounded: they end */
		unsigned long flags = raw_spin_lock_irqsave(&rq->lock);

		scene_pass(6);
		raw_spin_unlock_irqrestore(&rq->lock, flags);
		timer_sleep(500);
	}
}

/* The queue's lock is somebody else's now and then. */
static void
play_requests(unsigned int cpu, unsigned int form)
{
	(void)form;
	if (cpu_count < 2) {
		return;
	}
	prepare();
	timer_init(&patience, lose_patience);
	scene_cast(be_asked, NULL, cpu);
	scene_cast(ask_often, NULL, cpu + 1);
	scene_cast(hold_queue, (void *)(uintptr_t)cpu, cpu + 1 + (cpu_count > 2));
	scene_join();
}

/* ---- where the count changes ---- */

#define CHANGES 10

/*
 * What is requested while the count is up is answered by the last end; what comes behind that, by
 * the interrupt.
 */
static void
change_count(void *unused)
{
	bool preempts = (preempt_policy_now.value & POLICY_PREEMPT_SCHEDULE) &&
	                !program_plan()->has[FUZZ_TASK_MODEL];

	(void)unused;
	for (unsigned int n = 0; n < CHANGES; n++) {
		scene_meet(2);
		for (unsigned int i = 0; i < 4; i++) {
			(void)atomic_load(&condition);
			preempt_disable();
			preempt_enable();
			if (preempts && preemptible() && should_resched(0)) {
				host_fail("a request stands where preemption is on");
			}
		}
	}
}

static void
interfere(void *moves)
{
	for (unsigned int n = 0; n < CHANGES; n++) {
		scene_meet(2);
		if (moves != NULL) {
			HOST_EXPECT(set_cpus_allowed(whom, 1ul << n % cpu_count) == 0);
		} else {
			resched_cpu(atomic_load(&whom->cpu));
		}
		scene_pass(n);
		scene_let_go();
	}
}

static void
play_count(unsigned int cpu, unsigned int form)
{
	prepare();
	whom = scene_cast(change_count, NULL, cpu);
	scene_cast(interfere, form & 1 ? &over : NULL, cpu + 1);
	scene_join();
}

/* ---- the end of an owner ---- */

static HOST_STATE DEFINE_MUTEX(mutex);
static HOST_STATE unsigned int own_cpu; /* the spinner's */
static HOST_STATE unsigned int other_cpu;

static void
own_and_end(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	scene_hand_over(own_cpu);
	scene_pass(4);
	mutex_unlock(&mutex);
}

/* Looks whether the owner runs, who ends before that is read. */
static void
want_mutex(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_face(false);
		scene_hand_over_at(&whom->on_cpu, 1, other_cpu);
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		atomic_store(&step, n);
	}
}

static void
end_owner(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		void *memory;

		whom = task_create(&(struct task_params){
			.comm = "owner",
			.fn = own_and_end,
			.cpus_allowed = 1ul << other_cpu,
		});
		HOST_EXPECT(whom != NULL);
		scene_face(true);
		wake_up_new_task(whom);
		task_join(whom);
		memory = object_alloc(sizeof(struct task));
		HOST_EXPECT(memory != NULL);
		__builtin_memset(memory, 0x5a, sizeof(struct task));
		scene_await(&step, n);
		object_free(memory, sizeof(struct task));
	}
}

static void
play_owner(unsigned int cpu, unsigned int form)
{
	(void)form;
	if (cpu_count < 2) {
		return;
	}
	prepare();
	own_cpu = cpu;
	other_cpu = (cpu + 1) % cpu_count;
	scene_cast(want_mutex, NULL, own_cpu);
	scene_cast(end_owner, NULL, other_cpu);
	scene_join();
}

const struct scene scene_tasks[] = {
	{ "a task takes signals while they come", play_signals },
	{ "a yield to a task that is moved", play_yield_to },
	{ "a task that is moved and woken", play_wakeups },
	{ "a request while the queue is locked", play_requests },
	{ "requests where the count changes", play_count },
	{ "the owner of a mutex ends", play_owner },
	{ NULL, NULL },
};
