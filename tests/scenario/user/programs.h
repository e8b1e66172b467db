// SPDX-License-Identifier: ISC
/*
 * What the scenario's programs of ring 3 do for which argument.
 */
#pragma once

/* spin: its place in the shared page, and this. */
#define SPIN_CALLS 0x100u

/* registers: its place in the shared page, and this. */
#define REGISTERS_YIELDS 0x100u

/* costs: what it measures. */
#define COSTS_NOTHING 0u
#define COSTS_CALL    1u
#define COSTS_YIELD   2u
#define COSTS_PARTNER 0x100u

/* bases: its status, if not 0. */
#define BASES_NOT_OURS 1 /* no instructions for them on this machine */
#define BASES_NOT_NEW  2
#define BASES_NOT_KEPT 3

/* grow: pages of its stack but the first. */
#define GROW_PAGES 3u

/* faults: name, what a line on the console says of it. */
#define USER_FAULTS(X)                                                \
	X(null, "read of 0000000000000000, which is a null pointer")  \
	X(unmapped, "write to 0000000020000000, which is not mapped") \
	X(kernel, "which is protected")                               \
	X(text, "which is protected")                                 \
	X(data, "execution of ")                                      \
	X(stack, "which is below its stack: overflow")                \
	X(halt, "general protection fault")                           \
	X(port, "general protection fault")                           \
	X(return_address, "")                                         \
	X(divide, "division error")                                   \
	X(undefined, "invalid opcode")                                \
	X(trap_flag, "debug exception")

enum user_fault {
#define USER_FAULT_ENUM(name, words) FAULT_##name,
	USER_FAULTS(USER_FAULT_ENUM)
#undef USER_FAULT_ENUM
		FAULT_COUNT
};

/* calls: each checks one thing, and exits with 0 if it is so. */
#define USER_CALLS(X)                                                            \
	X(write_null, "write() of a null pointer is refused")                    \
	X(write_kernel, "write() of a pointer to the kernel is refused")         \
	X(write_across, "write() that runs into a hole is refused")              \
	X(write_wraps, "write() around the end of memory is refused")            \
	X(unknown, "an unknown system call is refused")                          \
	X(registers, "a system call keeps the registers that it may not change") \
	X(futex_misaligned, "a misaligned futex is refused")                     \
	X(futex_kernel, "a futex in the kernel is refused")                      \
	X(futex_value, "futex_wait() with another value returns at once")        \
	X(futex_timeout, "futex_wait() times out")                               \
	X(nice, "nice() takes -20 to 19")                                        \
	X(affinity, "affinity() takes cpus that are there")                      \
	X(sleep, "sleep() takes its time")                                       \
	X(getpid, "getpid() is the same each time")

enum user_call {
#define USER_CALL_ENUM(name, words) CALL_##name,
	USER_CALLS(USER_CALL_ENUM)
#undef USER_CALL_ENUM
		CALL_COUNT
};
