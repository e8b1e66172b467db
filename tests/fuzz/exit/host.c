// SPDX-License-Identifier: ISC
#define _GNU_SOURCE /* fopencookie */
#include "tests/fuzz/exit/host.h"

#include "vmm/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct exit_host exit_host;
uint8_t exit_output[EXIT_OUTPUT_MAX];
char exit_report[EXIT_REPORT_MAX];

static bool is_inside;
static FILE *report, *real_stderr;

static ssize_t
report_write(void *cookie, const char *bytes, size_t size)
{
	size_t room = EXIT_REPORT_MAX - exit_host.report_size;

	(void)cookie;
	memcpy(exit_report + exit_host.report_size, bytes, size < room ? size : room);
	exit_host.report_size += size < room ? size : room;
	return (ssize_t)size;
}

void
exit_host_begin(void)
{
	static char room[EXIT_REPORT_MAX];

	report = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = report_write });
	if (report == NULL) {
		abort();
	}
	setvbuf(report, room, _IOFBF, sizeof(room));
	real_stderr = stderr;
}

void
exit_host_enter(void)
{
	exit_host = (struct exit_host){ 0 };
	is_inside = true;
	stderr = report;
}

void
exit_host_leave(void)
{
	fflush(report);
	stderr = real_stderr;
	is_inside = false;
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

/* The terminal of vmm/terminal.h, in whose place this stands: there is none. */
void
terminal_take(void)
{
}

bool
terminal_is_readable(void)
{
	return true;
}

static int
vm_ioctl(unsigned long request, void *argument)
{
	struct exit_host *host = &exit_host;

	if (request == KVM_IRQ_LINE) {
		const struct kvm_irq_level *line = argument;

		host->irq_repeats += host->irq_level == (line->level != 0);
		host->irq_level = line->level != 0;
		return 0;
	}
	if (request == KVM_SIGNAL_MSI) {
		if (host->msi_count < EXIT_MSIS_MAX) {
			host->msis[host->msi_count] = *(const struct kvm_msi *)argument;
		}
		host->msi_count++;
		return 1;
	}
	host->refused++;
	return fail(ENOTTY);
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (fd == EXIT_FD_VM) {
		return vm_ioctl(request, argument);
	}
	if (fd >= EXIT_FD_CPU) {
		return exit_cpu_ioctl((uint32_t)(fd - EXIT_FD_CPU), request, argument);
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* The first of the two is the output, the second what cancels the wait for it. */
static int
poll_output(struct pollfd *fds, int timeout_ms)
{
	struct exit_host *host = &exit_host;

	fds[0].revents = 0;
	fds[1].revents = 0;
	if (host->reader == EXIT_READER_INTERRUPTS && host->amount > 0) {
		host->amount--;
		return fail(EINTR);
	}
	if (host->reader == EXIT_READER_STOPS) {
		if (timeout_ms >= 0) {
			return 0;
		}
		host->was_cancelled = true;
		fds[1].revents = POLLIN;
		return 1;
	}
	fds[0].revents = POLLOUT;
	return 1;
}

int
poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	/* Inside, only the output is waited for. */
	if (is_inside) {
		return poll_output(fds, timeout_ms);
	}
	return (int)syscall(SYS_poll, fds, count, timeout_ms);
}

int
exit_reader_error(void)
{
	static const int errors[] = { EPIPE, ENOSPC, EIO, EFBIG };

	return errors[exit_host.amount % (sizeof(errors) / sizeof(errors[0]))];
}

static ssize_t
write_output(const void *bytes, size_t size)
{
	struct exit_host *host = &exit_host;
	size_t room = EXIT_OUTPUT_MAX - host->output_size;

	if (host->reader == EXIT_READER_FAILS) {
		return fail(exit_reader_error());
	}
	if (host->reader == EXIT_READER_INTERRUPTS && host->amount > 0) {
		host->amount--;
		return fail(host->amount % 2 == 0 ? EINTR : EAGAIN);
	}
	if (host->reader == EXIT_READER_TAKES_SOME && size > host->amount + 1) {
		size = host->amount + 1;
	}
	if (size > room) {
		return fail(ENOSPC);
	}
	memcpy(exit_output + host->output_size, bytes, size);
	host->output_size += size;
	return (ssize_t)size;
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	if (fd == EXIT_FD_OUTPUT) {
		return write_output(bytes, size);
	}
	if (fd == EXIT_FD_ROOM) {
		exit_host.room_count++;
		return (ssize_t)size;
	}
	return syscall(SYS_write, fd, bytes, size);
}

static ssize_t
read_input(void *bytes, size_t size)
{
	struct exit_host *host = &exit_host;
	size_t count = size < host->input_size ? size : host->input_size;

	if (host->input_size == 0) {
		return host->input_is_over ? 0 : fail(EAGAIN);
	}
	memcpy(bytes, host->input, count);
	host->input_size -= count;
	memmove(host->input, host->input + count, host->input_size);
	return (ssize_t)count;
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	if (fd == EXIT_FD_ROOM) {
		uint64_t count = exit_host.room_count;

		exit_host.room_count = 0;
		memcpy(bytes, &count, sizeof(count));
		return count != 0 ? (ssize_t)sizeof(count) : fail(EAGAIN);
	}
	if (is_inside && fd == STDIN_FILENO) {
		return read_input(bytes, size);
	}
	return syscall(SYS_read, fd, bytes, size);
}

int
eventfd(unsigned int count, int flags)
{
	if (is_inside) {
		return EXIT_FD_ROOM;
	}
	return (int)syscall(SYS_eventfd2, count, flags);
}

int
pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	if (is_inside) {
		return 0;
	}
	return syscall(SYS_rt_sigprocmask, how, set, before, 8) == 0 ? 0 : errno;
}
