// SPDX-License-Identifier: ISC
/*
 * The host that vmm/ sees while fuzz_exit runs it: the calls of the C library that reach for the
 * kernel (ioctl, poll, read, write, eventfd, pthread_sigmask) are answered from memory, so that a
 * run makes no system call and depends on its input only. It is a matter of linking: these
 * definitions stand in the C library's place. Calls for other descriptors go to the kernel.
 */
#pragma once

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors that no process has. */
enum {
	EXIT_FD_VM = 0x10000000,
	EXIT_FD_OUTPUT, /* the guest's output */
	EXIT_FD_ROOM,   /* the eventfd of vmm/input.c */
	EXIT_FD_ENDED,  /* readable: no longer wait for a slow reader */
	EXIT_FD_CPU,    /* and those of further cpus */
};

#define EXIT_OUTPUT_MAX 0x100000u /* bytes of an input's output: what goes beyond is a finding */
#define EXIT_REPORT_MAX 0x10000u  /* of its report */
#define EXIT_MSIS_MAX   64u       /* those that are looked at between two exits */

/* How whoever reads our output behaves. */
enum exit_reader {
	EXIT_READER_TAKES_ALL,
	EXIT_READER_TAKES_SOME, /* `amount` bytes at a time */
	EXIT_READER_INTERRUPTS, /* `amount` calls return EINTR or EAGAIN first */
	EXIT_READER_STOPS, /* takes nothing; the wait for it is cancelled, or out of patience */
	EXIT_READER_FAILS, /* `amount`: which errno */
	EXIT_READER_COUNT,
};

extern uint8_t exit_output[EXIT_OUTPUT_MAX];
extern char exit_report[EXIT_REPORT_MAX]; /* standard error */

struct exit_host {
	size_t output_size, report_size;
	enum exit_reader reader;
	uint32_t amount;
	bool was_cancelled; /* someone no longer waits for it */

	uint8_t input[256]; /* standard input that nobody has read */
	size_t input_size;
	bool input_is_over;
	uint64_t room_count; /* of the eventfd */

	struct kvm_msi msis[EXIT_MSIS_MAX];
	uint32_t msi_count;
	bool irq_level;
	uint32_t irq_repeats; /* the line was set to what it was */
	uint32_t nmi_count, mce_count, mce_fatal_count;

	uint32_t refused; /* calls that vmm/ has no business to make */
};

extern struct exit_host exit_host;

/* Once. */
void exit_host_begin(void);

/* From here on the calls are answered, and standard error is the report. */
void exit_host_enter(void);

/* No longer; the report is complete. */
void exit_host_leave(void);

/* The errno of EXIT_READER_FAILS. */
int exit_reader_error(void);

/* KVM's ioctls of a cpu, which is the target's: 0, or -1 with errno set. */
int exit_cpu_ioctl(uint32_t cpu, unsigned long request, void *argument);
