// SPDX-License-Identifier: ISC
/*
 * Two locks, both leaves: run.lock guards run.end; the devices' lock is theirs. The main thread
 * takes no lock that a cpu's thread may hold while it waits.
 */
#define _GNU_SOURCE /* ppoll */
#include "vmm/run.h"

#include "vmm/die.h"
#include "vmm/finish.h"
#include "vmm/input.h"
#include "vmm/terminal.h"
#include "vmm/watchdog.h"

#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll

struct run;

struct runner { /* what a cpu's thread knows */
	struct run *run;
	struct cpu *cpu;
	pthread_t thread;
};

struct run {
	struct machine *machine;
	struct runner runners[BOOT_CPUS_MAX];
	uint32_t runner_count; /* threads that were started */
	struct input input;
	int signal_fd;
	int user_fd;         /* SIGUSR1, which must not cut the last output short as those may */
	int64_t deadline_ns; /* 0: none */
	struct watchdog watchdog;

	atomic_bool stop; /* set after end, before the cpus are kicked */
	int ended_fd;     /* readable from then on */

	pthread_mutex_t lock;
	struct end end; /* the first one */
};

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void
fill_user_signal(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGUSR1);
}

/* Those that we wait for: what our parent made us ignore (nohup) stays ignored. */
static void
fill_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTSTP);
	sigaddset(signals, SIGCONT);
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++) {
		struct sigaction action;

		if (sigaction(stop_signals[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN) {
			sigaddset(signals, stop_signals[i]);
		}
	}
}

void
run_block_signals(void)
{
	sigset_t signals;

	/* A closed stdout is an error of write(), which ends the run in order. */
	signal(SIGPIPE, SIG_IGN);
	fill_signals(&signals);
	/* The kick too: a thread takes it only once it can do something with it. */
	sigaddset(&signals, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fill_user_signal(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

static void
end_run(struct run *run, const struct end *end)
{
	uint64_t one = 1;

	pthread_mutex_lock(&run->lock);
	if (run->end.kind == END_NONE) {
		run->end = *end;
		atomic_store(&run->stop, true);
		(void)!write(run->ended_fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&run->lock);
}

static void *
cpu_thread(void *argument)
{
	struct runner *runner = argument;
	struct end end = cpu_run(runner->cpu, &runner->run->machine->devices, &runner->run->stop);

	if (end.kind != END_NONE) {
		end_run(runner->run, &end);
	}
	return NULL;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Cpu 0 last: until its thread is there, no instruction of the guest runs. */
static void
start_cpus(struct run *run)
{
	for (uint32_t i = run->machine->options->cpu_count; i > 0; i--) {
		struct runner *runner = &run->runners[run->runner_count];
		int error;

		runner->run = run;
		runner->cpu = &run->machine->cpus[i - 1];
		error = pthread_create(&runner->thread, NULL, cpu_thread, runner);
		if (error != 0) {
			end_run(run, &(struct end){ .kind = END_HOST, .error = error });
			return;
		}
		watchdog_add(&run->watchdog, runner->cpu, runner->thread);
		run->runner_count++;
	}
}

static void
join_cpus(struct run *run)
{
	for (uint32_t i = 0; i < run->runner_count; i++) {
		cpu_kick(run->runners[i].thread);
	}
	for (uint32_t i = 0; i < run->runner_count; i++) {
		pthread_join(run->runners[i].thread, NULL);
	}
}

/* Ctrl-Z: the shell gets its terminal as it was, and we take it again when we go on. */
static void
suspend(void)
{
	sigset_t stop;

	terminal_restore();
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
	/* Here we stand until SIGCONT. */
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	terminal_take();
}

static void
handle_signal(struct run *run)
{
	struct signalfd_siginfo info;

	if (read(run->signal_fd, &info, sizeof(info)) != sizeof(info)) {
		return;
	}
	switch (info.ssi_signo) {
	case SIGTSTP:
		suspend();
		break;
	case SIGCONT:
		terminal_take();
		break;
	default:
		end_run(run, &(struct end){ .kind = END_SIGNAL, .signal = (int)info.ssi_signo });
		break;
	}
}

/* However many of them came, it is one event: the guest cannot tell either. */
static void
handle_user_signal(struct run *run)
{
	struct signalfd_siginfo info;

	if (read(run->user_fd, &info, sizeof(info)) == sizeof(info)) {
		devices_raise_event(&run->machine->devices, DOORBELL_EVENT_MODEL);
	}
}

/* How long the main thread may sleep: NULL without a limit, else *timeout. */
static struct timespec *
sleep_limit(const struct run *run, struct timespec *timeout)
{
	int64_t limit_ns = INT64_MAX;

	if (run->deadline_ns != 0) {
		limit_ns = run->deadline_ns - now_ns();
	}
	if (run->input.retry_ns != 0 && limit_ns > run->input.retry_ns) {
		limit_ns = run->input.retry_ns;
	}
	if (run->watchdog.period_ns != 0 && limit_ns > run->watchdog.look_ns - now_ns()) {
		limit_ns = run->watchdog.look_ns - now_ns();
	}
	if (limit_ns == INT64_MAX) {
		return NULL;
	}
	if (limit_ns < 0) {
		limit_ns = 0;
	}
	timeout->tv_sec = limit_ns / NS_PER_S;
	timeout->tv_nsec = limit_ns % NS_PER_S;
	return timeout;
}

static void
wait_for_end(struct run *run)
{
	while (!atomic_load(&run->stop)) {
		struct timespec timeout;
		int ready;
		struct pollfd fds[] = {
			{ .fd = run->ended_fd, .events = POLLIN },
			{ .fd = run->signal_fd, .events = POLLIN },
			{ .fd = run->input.room_fd, .events = POLLIN },
			{ .fd = input_prepare(&run->input), .events = POLLIN },
			{ .fd = run->user_fd, .events = POLLIN },
		};

		ready = ppoll(fds, sizeof(fds) / sizeof(fds[0]), sleep_limit(run, &timeout), NULL);
		if (ready < 0) {
			continue;
		}
		if (fds[1].revents != 0) {
			handle_signal(run);
		}
		if (fds[3].revents != 0) {
			input_read(&run->input);
		}
		if (fds[4].revents != 0) {
			handle_user_signal(run);
		}
		watchdog_look(&run->watchdog, now_ns());
		if (run->deadline_ns != 0 && now_ns() >= run->deadline_ns) {
			end_run(run, &(struct end){ .kind = END_TIMEOUT });
		}
	}
}

static void
init(struct run *run, struct machine *machine)
{
	uint64_t timeout_ns = machine->options->timeout_ns;
	sigset_t signals;

	run->machine = machine;
	run->watchdog.period_ns = (int64_t)machine->options->nmi_watchdog_ns;
	pthread_mutex_init(&run->lock, NULL);
	fill_signals(&signals);
	run->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	fill_user_signal(&signals);
	run->user_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	run->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (run->signal_fd < 0 || run->user_fd < 0 || run->ended_fd < 0 ||
	    input_init(&run->input, &machine->devices) != 0) {
		die(EXIT_STATUS_OS, "descriptors to wait on:");
	}
	machine->devices.console.cancel_fd = run->ended_fd;
	cpu_init_kick();
	terminal_take();
	run->deadline_ns = timeout_ns == 0 ? 0 : now_ns() + (int64_t)timeout_ns;
}

struct end
run_machine(struct machine *machine)
{
	struct run run = { .end = { .kind = END_NONE } };

	init(&run, machine);
	start_cpus(&run);
	wait_for_end(&run);
	join_cpus(&run);
	/* A signal, a second one even, is the way out for whoever does not want to wait. */
	finish_output(machine, &run.end, run.signal_fd);
	/* The last one may be unread. */
	handle_user_signal(&run);
	finish_warnings(&machine->devices);
	terminal_restore();
	input_destroy(&run.input);
	close(run.ended_fd);
	close(run.signal_fd);
	close(run.user_fd);
	pthread_mutex_destroy(&run.lock);
	return run.end;
}
