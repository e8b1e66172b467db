// SPDX-License-Identifier: ISC
/*
 * snprintf for the kernel: %d %i %u %x %X %p %s %c %% with flags 0 - and width, precision for %s,
 * lengths h hh l ll z. Unknown conversions are copied as they stand.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Always NUL-terminates (size > 0). Returns the length written, terminator excluded. Any context.
 */
size_t format_to(char *buf, size_t size, const char *format, va_list args);

__attribute__((format(printf, 3, 4))) size_t format_string(char *buf, size_t size,
                                                           const char *format, ...);
