// SPDX-License-Identifier: ISC
/*
 * Scenes in which one task is cut off at each point of what it does, a point later in each round,
 * and another does its part there.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/futex.h"
#include "guest/kthread.h"
#include "guest/mutex.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

#define ROUNDS 16
#define FORMS  8
#define TURN   2000u /* points: as long as a part takes */

static HOST_STATE unsigned int first_cpu;
static HOST_STATE unsigned int second_cpu;
static HOST_STATE unsigned int chosen_form;
static HOST_STATE struct task *first_task;
static HOST_STATE struct task *second_task;
/* Rounds: of the second one, who is there, and of the first one, who has begun. */
static HOST_STATE struct atomic ready;
static HOST_STATE struct atomic gate;
static HOST_STATE struct atomic through; /* the round that the first one is through with */

static HOST_STATE DEFINE_MUTEX(mutex);
static HOST_STATE struct atomic owned; /* the round that its owner has begun */

static void
prepare(unsigned int cpu, unsigned int form)
{
	first_cpu = cpu;
	second_cpu = (cpu + 1) % cpu_count;
	chosen_form = form;
	atomic_store(&ready, 0);
	atomic_store(&gate, 0);
	atomic_store(&through, 0);
	atomic_store(&owned, 0);
}

static void
cast_both(void (*first)(void *), void (*second)(void *), void *arg)
{
	first_task = scene_cast(first, arg, first_cpu);
	second_task = scene_cast(second, arg, second_cpu);
	scene_join();
}

/* So many points later the cpu has its turn, until it can do no more. */
static void
switch_later(unsigned int points, unsigned int cpu)
{
	schedule_press(0, TURN);
	schedule_act_later(points, FUZZ_ACTION_SWITCH, cpu);
}

/* Each point once, by all forms, of which so many are the same but for that. */
static unsigned int
point_of(unsigned int n, unsigned int kinds)
{
	return (n - 1) * (FORMS / kinds) + chosen_form / kinds % (FORMS / kinds);
}

/* What the task waits for has come: it does not sleep before it is through. */
static void
await_through(const struct task *task, const struct atomic *word, unsigned int n)
{
	for (uint64_t ns = 500; atomic_load(word) < n; ns += ns) { /* bounded: it comes to be */
		if (atomic_load(&task->state) & TASK_NORMAL && !atomic_load(&task->on_rq) &&
		    !atomic_load(&task->on_cpu) && atomic_load(word) < n) {
			host_fail("a task sleeps, and what it waits for has come");
		}
		timer_sleep(ns);
	}
}

/* ---- a wait, and what it waits for ---- */

static HOST_STATE struct atomic word;
static HOST_STATE DEFINE_SEMAPHORE(semaphore, 0);

struct contest {
	void (*first)(unsigned int n);
	void (*second)(unsigned int n);
};

static void
wait_for_word(unsigned int n)
{
	futex_wait(&word, n - 1, FUTEX_BITSET_MATCH_ANY, MAX_SCHEDULE_TIMEOUT);
}

static void
write_word(unsigned int n)
{
	atomic_store(&word, n);
	futex_wake(&word, 1, FUTEX_BITSET_MATCH_ANY);
}

static void
take_semaphore(unsigned int unused)
{
	(void)unused;
	down(&semaphore);
}

static void
give_semaphore(unsigned int unused)
{
	(void)unused;
	up(&semaphore);
}

static void
take_signal(unsigned int unused)
{
	(void)unused;
	get_signal();
}

static void
send_second_signal(unsigned int unused)
{
	(void)unused;
	send_sig(SIGUSR1, first_task);
}

static const struct contest contests[] = {
	{ wait_for_word, write_word },
	{ take_semaphore, give_semaphore },
	{ take_signal, send_second_signal },
	{ take_signal, send_second_signal },
};

#define CONTESTS (sizeof(contests) / sizeof(contests[0]))

/* Nobody sends any now. */
static void
check_signals(void)
{
	if (atomic_load(&current->signals) != 0 && !signal_pending(current)) {
		host_fail("a signal is there, and its task is not told");
	}
	flush_signals(current);
}

static void
play_first(void *arg)
{
	const struct contest *contest = arg;

	allow_signal(SIGINT);
	allow_signal(SIGUSR1);
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		if (contest->first == take_signal) {
			send_sig(SIGINT, current);
		}
		scene_await(&ready, n);
		atomic_store(&gate, n);
		switch_later(point_of(n, CONTESTS), second_cpu);
		contest->first(n);
		atomic_store(&through, n);
		scene_meet(2);
		check_signals();
	}
}

static void
play_second(void *arg)
{
	const struct contest *contest = arg;

	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		atomic_store(&ready, n);
		while (atomic_load(&gate) < n) { /* bounded: the first one begins */
			arch_cpu_relax();
		}
		contest->second(n);
		await_through(first_task, &through, n);
		scene_meet(2);
	}
}

static void
play_wait(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	prepare(cpu, form);
	atomic_store(&word, 0);
	cast_both(play_first, play_second, (void *)(uintptr_t)&contests[form % CONTESTS]);
}

/* ---- a mutex whose owner comes back ---- */

/* The flags' owner: whoever has taken it. */
static void
be_owner(void)
{
	if (!mutex_is_locked(&mutex)) {
		host_fail("a task is let in, and does not have the mutex");
	}
	scene_pass(2);
}

static void
await_sleep(const struct task *task)
{
	while (atomic_load(&task->on_rq) || atomic_load(&task->on_cpu)) { /* bounded: it sleeps */
		timer_sleep(500);
	}
}

/* Asleep with it, and woken when somebody has come; its unlock may be cut off as well. */
static void
own_asleep(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		mutex_lock(&mutex);
		atomic_store(&owned, n);
		for (;;) { /* bounded: it is woken */
			set_current_state(TASK_UNINTERRUPTIBLE);
			if (atomic_load(&gate) >= n) {
				break;
			}
			schedule();
		}
		__set_current_state(TASK_RUNNING);
		if (chosen_form & 1) {
			switch_later(1 + chosen_form / 2, first_cpu);
		}
		mutex_unlock(&mutex);
		await_through(first_task, &through, n);
		scene_meet(2);
	}
}

static void
want_from_sleeper(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		scene_await(&owned, n);
		await_sleep(second_task);
		schedule_press(0, TURN);
		atomic_store(&gate, n);
		wake_up_process(second_task);
		switch_later(chosen_form & 1 ? 2 * n : point_of(n, 2), second_cpu);
		mutex_lock(&mutex);
		be_owner();
		mutex_unlock(&mutex);
		atomic_store(&through, n);
		scene_meet(2);
	}
}

static void
play_owner(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	prepare(cpu, form);
	second_task = NULL;
	cast_both(want_from_sleeper, own_asleep, NULL);
}

/* ---- a spinner that is asked to give way ---- */

static HOST_STATE struct list first_place; /* of a spinner that does not get on */

/* Asked when it spins for its turn, with the mutex free. */
static void
unlock_and_ask(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		mutex_lock(&mutex);
		atomic_store(&ready, n);
		while (atomic_load(&gate) < n) { /* bounded: it comes */
			arch_cpu_relax();
		}
		mutex_unlock(&mutex);
		schedule_act(FUZZ_ACTION_SWITCH, first_cpu);
		resched_cpu(first_cpu);
		scene_meet(2);
	}
}

static void
spin_behind(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		scene_await(&ready, n);
		atomic_store(&gate, n);
		switch_later(point_of(n, 2), second_cpu);
		mutex_lock(&mutex);
		be_owner();
		mutex_unlock(&mutex);
		scene_meet(2);
	}
}

static HOST_STATE struct atomic urgent_wanted;
static HOST_STATE struct atomic urgent_ran;

static void
be_urgent(void *unused)
{
	(void)unused;
	for (;;) { /* bounded: it is woken */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&urgent_wanted)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	atomic_store(&urgent_ran, 1);
}

/* Goes on when the one has run that goes first where somebody spins for us. */
static void
own_and_need(void *urgent)
{
	mutex_lock(&mutex);
	atomic_store(&owned, 1);
	schedule_press(0, TURN);
	while (atomic_load(&gate) == 0) { /* bounded: it comes */
		arch_cpu_relax();
	}
	scene_pass(chosen_form * 4);
	atomic_store(&urgent_wanted, 1);
	wake_up_process(urgent);
	while (atomic_load(&urgent_ran) == 0) { /* bounded: it goes first there */
		arch_cpu_relax();
	}
	mutex_unlock(&mutex);
}

static void
spin_for_owner(void *unused)
{
	(void)unused;
	scene_await(&owned, 1);
	atomic_store(&gate, 1);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

static void
play_urgent(void)
{
	struct task *urgent;

	atomic_store(&urgent_wanted, 0);
	atomic_store(&urgent_ran, 0);
	urgent = task_run(&(struct task_params){
		.comm = "urgent",
		.fn = be_urgent,
		.policy = SCHED_FIFO,
		.rt_priority = 50,
		.cpus_allowed = 1ul << first_cpu,
	});
	cast_both(spin_for_owner, own_and_need, urgent);
	task_join(urgent);
}

static void
play_spinner(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	prepare(cpu, form);
	if (form & 1) {
		play_urgent();
		return;
	}
	list_add_tail(&mutex.spinners, &first_place);
	cast_both(spin_behind, unlock_and_ask, NULL);
	list_remove(&first_place);
}

/* ---- a mutex's first waiter ---- */

static HOST_STATE struct atomic had; /* the round in which the waiter has had it */

static unsigned int
count_waiters(void)
{
	unsigned int count = 0;

	raw_spin_lock(&mutex.wait_lock);
	for (const struct list *node = mutex.waiters.next; node != &mutex.waiters;
	     node = node->next) {
		count++;
	}
	raw_spin_unlock(&mutex.wait_lock);
	return count;
}

static void
await_waiters(unsigned int count)
{
	while (count_waiters() < count) { /* bounded: they come */
		timer_sleep(500);
	}
}

static void
be_interrupted(void *unused)
{
	(void)unused;
	allow_signal(SIGUSR1);
	for (unsigned int n = 1; n <= 3; n++) {
		scene_await(&owned, n);
		if (mutex_lock_interruptible(&mutex) == 0) {
			mutex_unlock(&mutex);
		}
		atomic_store(&had, n);
		scene_meet(3);
		flush_signals(current);
	}
}

static void
wait_behind(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		scene_await(&owned, n);
		await_waiters(1);
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		atomic_store(&through, n);
		scene_meet(3);
	}
}

/* It is woken, and has not run yet when the signal comes. */
static void
unlock_and_signal(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		mutex_lock(&mutex);
		atomic_store(&owned, n);
		await_waiters(2);
		schedule_press(0, TURN);
		mutex_unlock(&mutex);
		send_sig(SIGUSR1, first_task);
		scene_await(&had, n);
		await_through(second_task, &through, n);
		scene_meet(3);
	}
}

static void
wait_and_tell(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		scene_await(&owned, n);
		mutex_lock(&mutex);
		atomic_store(&had, n);
		mutex_unlock(&mutex);
		scene_meet(2);
	}
}

/* Who is woken, and finds it stolen, asks for it: it is not stolen again. */
static void
steal_once(unsigned int n)
{
	mutex_unlock(&mutex);
	if (!mutex_trylock(&mutex)) {
		return;
	}
	while (!(atomic_load(&mutex.owner) & MUTEX_HANDOFF) &&
	       !list_empty(&mutex.waiters)) { /* bounded: it asks */
		arch_cpu_relax();
	}
	mutex_unlock(&mutex);
	if (!mutex_trylock(&mutex)) {
		return;
	}
	if (atomic_load(&had) < n) {
		host_fail("a mutex is stolen that its first waiter has asked for");
	}
	mutex_unlock(&mutex);
}

static void
steal(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		mutex_lock(&mutex);
		atomic_store(&owned, n);
		await_waiters(1);
		schedule_press(0, TURN);
		steal_once(n);
		scene_meet(2);
	}
}

static void
play_waiter(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	prepare(cpu, form);
	atomic_store(&had, 0);
	if (form & 1) {
		cast_both(wait_and_tell, steal, NULL);
		return;
	}
	first_task = scene_cast(be_interrupted, NULL, first_cpu);
	second_task = scene_cast(wait_behind, NULL, first_cpu);
	scene_cast(unlock_and_signal, NULL, second_cpu);
	scene_join();
}

/* ---- a thread that parks ---- */

static HOST_STATE struct task *thread;

/* In the state of a sleep to which it does not come: whoever asks it finds that. */
static int
stand(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; !kthread_should_stop(); n++) { /* bounded: its rounds */
		set_current_state(TASK_UNINTERRUPTIBLE);
		atomic_store(&ready, n);
		while (!kthread_should_park() && !kthread_should_stop()) { /* bounded: asked */
			arch_cpu_relax();
		}
		kthread_parkme();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void
park_often(void *unused)
{
	(void)unused;
	wake_up_process(thread);
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_await(&ready, n);
		switch_later(point_of(n, 1), first_cpu);
		HOST_EXPECT(kthread_park(thread) == 0);
		if (atomic_load(&thread->state) != TASK_PARKED || atomic_load(&thread->on_cpu) ||
		    atomic_load(&thread->on_rq)) {
			host_fail("a thread is said to be parked, and is not");
		}
		kthread_unpark(thread);
	}
	kthread_stop(thread);
}

static void
play_park(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	prepare(cpu, form);
	thread = kthread_create_on_cpu(stand, NULL, first_cpu, "stands");
	HOST_EXPECT(thread != NULL);
	scene_cast(park_often, NULL, second_cpu);
	scene_join();
}

const struct scene scene_contests[] = {
	{ "a wait that is cut off", play_wait },
	{ "the owner of a mutex comes back", play_owner },
	{ "a spinner is asked to give way", play_spinner },
	{ "the first waiter of a mutex", play_waiter },
	{ "a thread parks", play_park },
	{ NULL, NULL },
};
