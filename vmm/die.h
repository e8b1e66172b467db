// SPDX-License-Identifier: ISC
/*
 * Messages of the VMM, all on stderr and all beginning with "vmm: ".
 */
#pragma once

#include <stdarg.h>

/*
 * One line of message, then exit(status). For use before the guest runs only: afterwards whatever
 * happens is an end of the run (end.h). A format that ends in ':' gets strerror(errno) appended.
 */
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same line without the exit. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
