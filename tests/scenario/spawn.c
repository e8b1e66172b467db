// SPDX-License-Identifier: ISC
#define _GNU_SOURCE /* pipe2 */
#include "tests/scenario/spawn.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE 4096 /* bytes, the smallest that there is */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
make_pipe(int fds[2])
{
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
}

/* fds[0] is the child's stdin, fds[1] our side of it. */
static void
make_stdin(int fds[2], bool has_terminal)
{
	if (!has_terminal) {
		make_pipe(fds);
		return;
	}
	ck_assert_int_eq(openpty(&fds[1], &fds[0], NULL, NULL, NULL), 0);
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
}

static _Noreturn void
child(const struct spawn_options *options, const char *const *argv, int in, int out, int err)
{
	static const int usual[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1 };
	sigset_t none;

	/* What the test runner handles, blocks or ignores is no business of the program's. */
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		signal(usual[i], SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (options->has_terminal && (setsid() < 0 || ioctl(in, TIOCSCTTY, 0) < 0)) {
		_exit(126);
	}
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0) {
		_exit(126);
	}
	if (options->prepare != NULL) {
		options->prepare();
	}
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

void
spawn_start(struct spawn *spawn, const struct spawn_options *options, const char *const *argv)
{
	static const struct spawn_options none;
	int in[2], out[2], err[2];
	sigset_t all, before;

	options = options != NULL ? options : &none;
	make_stdin(in, options->has_terminal);
	make_pipe(out);
	make_pipe(err);
	memset(spawn, 0, sizeof(*spawn));
	spawn->deadline_ms = now_ms() + SPAWN_DEADLINE_MS;
	/* A signal that reaches the child early must not run the handlers of the test runner. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	spawn->pid = fork();
	ck_assert_int_ge(spawn->pid, 0);
	if (spawn->pid == 0) {
		child(options, argv, in[0], out[1], err[1]);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	spawn->pid_fd = pidfd_open(spawn->pid, 0);
	ck_assert_int_ge(spawn->pid_fd, 0);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	spawn->in_fd = in[1];
	spawn->out.fd = out[0];
	spawn->err.fd = err[0];
	spawn->unread_fd = -1;
	if (options->out_unread) {
		ck_assert_int_eq(fcntl(out[0], F_SETPIPE_SZ, PIPE_SIZE), PIPE_SIZE);
		spawn->unread_fd = out[0];
		spawn->out.fd = -1;
	}
}

static _Noreturn void
give_up(struct spawn *spawn, const char *what)
{
	kill(spawn->pid, SIGKILL);
	ck_abort_msg("%s\n--- stdout:\n%.2000s\n--- stderr:\n%.4000s", what, spawn->out.text,
	             spawn->err.text);
}

static void
stream_read(struct spawn_stream *stream)
{
	char dropped[4096];
	size_t room = SPAWN_OUTPUT_MAX - stream->size;
	ssize_t count = room > 0 ? read(stream->fd, stream->text + stream->size, room)
	                         : read(stream->fd, dropped, sizeof(dropped));

	if (count <= 0) {
		close(stream->fd);
		stream->fd = -1;
	} else if (room > 0) {
		stream->size += (size_t)count;
		stream->text[stream->size] = '\0';
	}
}

/* One wait for anything to happen. Returns false once all there is to wait for has ended. */
static bool
pump(struct spawn *spawn)
{
	struct pollfd fds[] = {
		{ .fd = spawn->out.fd, .events = POLLIN },
		{ .fd = spawn->err.fd, .events = POLLIN },
		{ .fd = spawn->pid_fd, .events = POLLIN },
	};
	int64_t left_ms = spawn->deadline_ms - now_ms();
	bool has_ended = spawn->out.fd < 0 && spawn->err.fd < 0;

	/* While there is output to come the end of the process is not news. */
	if (!has_ended) {
		fds[2].fd = -1;
	}
	if (left_ms <= 0) {
		give_up(spawn, "the deadline has passed");
	}
	if (poll(fds, 3, (int)left_ms) < 0) {
		ck_assert_int_eq(errno, EINTR);
		return true;
	}
	if (fds[0].revents != 0) {
		stream_read(&spawn->out);
	}
	if (fds[1].revents != 0) {
		stream_read(&spawn->err);
	}
	return fds[2].revents == 0;
}

void
spawn_expect(struct spawn *spawn, struct spawn_stream *stream, const char *text)
{
	while (memmem(stream->text, stream->size, text, strlen(text)) == NULL) {
		if (stream->fd < 0 || !pump(spawn)) {
			give_up(spawn, text);
		}
	}
}

void
spawn_expect_full(struct spawn *spawn)
{
	struct pollfd fd = { .fd = spawn->unread_fd, .events = POLLIN };

	/* A pipe of one page polls as full from its first byte on. */
	if (poll(&fd, 1, (int)(spawn->deadline_ms - now_ms())) != 1) {
		give_up(spawn, "nothing was written to stdout");
	}
}

void
spawn_send(struct spawn *spawn, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(spawn->in_fd, bytes, size);

		ck_assert_int_gt(count, 0);
		bytes += count;
		size -= (size_t)count;
	}
}

void
spawn_end_input(struct spawn *spawn)
{
	close(spawn->in_fd);
	spawn->in_fd = -1;
}

int
spawn_finish(struct spawn *spawn)
{
	int status;

	while (pump(spawn)) {
		continue;
	}
	ck_assert_int_eq(waitpid(spawn->pid, &status, 0), spawn->pid);
	spawn->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	return spawn->status;
}

int
spawn_run(struct spawn *spawn, const char *const *argv)
{
	int status;

	spawn_start(spawn, NULL, argv);
	status = spawn_finish(spawn);
	spawn_close(spawn);
	return status;
}

void
spawn_close(struct spawn *spawn)
{
	if (spawn->in_fd >= 0) {
		close(spawn->in_fd);
	}
	close(spawn->pid_fd);
	if (spawn->unread_fd >= 0) {
		close(spawn->unread_fd);
	}
}
