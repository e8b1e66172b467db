// SPDX-License-Identifier: ISC
#include "vmm/die.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
message(const char *format, va_list arguments)
{
	char line[512];
	int error = errno;
	size_t length = strlen(format);

	/* One write a line, so that lines of several processes do not mix. */
	vsnprintf(line, sizeof(line), format, arguments);
	if (length > 0 && format[length - 1] == ':') {
		fprintf(stderr, "vmm: %s %s\n", line, strerror(error));
	} else {
		fprintf(stderr, "vmm: %s\n", line);
	}
}

void
die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message(format, arguments);
	va_end(arguments);
	exit(status);
}

void
warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message(format, arguments);
	va_end(arguments);
}
