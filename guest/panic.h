// SPDX-License-Identifier: ISC
/*
 * The end of a kernel that found itself broken.
 */
#pragma once

struct regs;

/*
 * Prints the message, the cpu, the task and a backtrace, and where the other cpus are, and ends the
 * machine with a crash. The first cpu to arrive wins; others halt. Any context.
 */
_Noreturn __attribute__((cold, format(printf, 1, 2))) void panic(const char *format, ...);

/* The same for a trap: prints regs, and the backtrace starts there. */
_Noreturn __attribute__((cold, format(printf, 2, 3))) void panic_regs(const struct regs *regs,
                                                                      const char *format, ...);

/* On in every build, one condition each. */
#define ASSERT(condition)                                              \
	do {                                                           \
		if (__builtin_expect(!(condition), 0)) {               \
			assert_failed(#condition, __FILE__, __LINE__); \
		}                                                      \
	} while (0)

/* The same on the shortest paths, of what somebody else asserts in every build: in debug images. */
#define DEBUG_ASSERT(condition)                                          \
	do {                                                             \
		if (CONFIG_DEBUG && __builtin_expect(!(condition), 0)) { \
			assert_failed(#condition, __FILE__, __LINE__);   \
		}                                                        \
	} while (0)

_Noreturn __attribute__((cold)) void assert_failed(const char *condition, const char *file,
                                                   int line);

/* Prints a backtrace: of the caller, or from regs on. Any context. */
void print_backtrace(const struct regs *regs);
