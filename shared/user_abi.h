// SPDX-License-Identifier: ISC
/*
 * What the kernel offers to programs of ring 3. SYSCALL with the number in rax and arguments in
 * rdi, rsi, rdx, r10 returns its result, or an error number's negative, in rax; rcx and r11 are
 * lost, everything else stays. A program begins at its ELF entry with an argument in rdi and a
 * stack that is aligned as for a call.
 */
#pragma once

#include <stdint.h>

/* One line each: name, arguments. */
#define USER_SYSCALLS(X)                                                                   \
	X(exit, "status: 0-127; does not return")                                          \
	X(write, "text, bytes: to the console; returns bytes")                             \
	X(yield, "")                                                                       \
	X(sleep, "ns; -EINTR: a signal ended it")                                          \
	X(futex_wait,                                                                      \
	  "address of a word, value, ns or 0: no timeout; 0, -EAGAIN, -EINTR, -ETIMEDOUT") \
	X(futex_wake, "address of a word, how many at most; returns how many")             \
	X(nice, "-20 to 19")                                                               \
	X(affinity, "cpus, bit n: cpu n; -EINVAL: none of them is there")                  \
	X(time, "returns ns since boot")                                                   \
	X(getpid, "returns the task's number")

enum user_syscall {
#define USER_SYSCALL_ENUM(name, arguments) SYSCALL_##name,
	USER_SYSCALLS(USER_SYSCALL_ENUM)
#undef USER_SYSCALL_ENUM
		SYSCALL_COUNT
};

/* Exit status of a task that a fault or a signal has ended: this and Linux's signal number. */
#define USER_STATUS_KILLED 128
