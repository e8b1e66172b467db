// SPDX-License-Identifier: ISC
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/panic.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "tests/fuzz/boot/readers.h"

#define OUTPUT_SIZE 8192u

static jmp_buf end;
static int status;
static char output[OUTPUT_SIZE];
static size_t output_length;
static const char *assertion;

static void
put(const char *format, va_list args)
{
	size_t room = OUTPUT_SIZE - output_length;
	int length = vsnprintf(output + output_length, room, format, args);

	output_length += (size_t)length < room ? (size_t)length : room - 1;
}

void
printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(format, args);
	va_end(args);
}

void
panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(format, args);
	va_end(args);
	longjmp(end, BOOT_PANICS);
}

void
assert_failed(const char *condition, const char *file, int line)
{
	(void)file;
	(void)line;
	assertion = condition;
	longjmp(end, BOOT_PANICS);
}

void
arch_exit(int its_status)
{
	status = its_status;
	longjmp(end, BOOT_EXITS);
}

/* The boot sets it to this. */
enum preempt_model
preempt_model(void)
{
	return boot_args.preempt;
}

enum boot_end
boot_try(void (*fn)(void))
{
	int how;

	output_length = 0;
	output[0] = '\0';
	assertion = NULL;
	how = setjmp(end);
	if (how == 0) {
		fn();
	}
	return (enum boot_end)how;
}

int
boot_status(void)
{
	return status;
}

const char *
boot_output(void)
{
	return output;
}

const char *
boot_assertion(void)
{
	return assertion;
}
