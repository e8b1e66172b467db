// SPDX-License-Identifier: ISC
/*
 * For programs of ring 3: the system calls (shared/user_abi.h), and where main() begins. Include it
 * in one file, and write: int main(uint64_t arg).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/user_abi.h"

int main(uint64_t arg);

static inline int64_t
syscall3(enum user_syscall number, uint64_t a, uint64_t b, uint64_t c)
{
	int64_t result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"((uint64_t)number), "D"(a), "S"(b), "d"(c)
	                 : "rcx", "r11", "memory");
	return result;
}

static inline _Noreturn void
user_exit(int status)
{
	syscall3(SYSCALL_exit, (uint64_t)status, 0, 0);
	__builtin_unreachable();
}

static inline int64_t
user_write(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0') {
		length++;
	}
	return syscall3(SYSCALL_write, (uintptr_t)text, length, 0);
}

static inline void
user_yield(void)
{
	syscall3(SYSCALL_yield, 0, 0, 0);
}

static inline int64_t
user_sleep(uint64_t ns)
{
	return syscall3(SYSCALL_sleep, ns, 0, 0);
}

static inline int64_t
user_futex_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	return syscall3(SYSCALL_futex_wait, (uintptr_t)word, expected, timeout_ns);
}

static inline int64_t
user_futex_wake(const uint32_t *word, uint32_t count)
{
	return syscall3(SYSCALL_futex_wake, (uintptr_t)word, count, 0);
}

static inline int64_t
user_nice(int nice)
{
	return syscall3(SYSCALL_nice, (uint64_t)nice, 0, 0);
}

static inline int64_t
user_affinity(uint64_t cpus)
{
	return syscall3(SYSCALL_affinity, cpus, 0, 0);
}

static inline uint64_t
user_time(void)
{
	return (uint64_t)syscall3(SYSCALL_time, 0, 0, 0);
}

static inline int64_t
user_getpid(void)
{
	return syscall3(SYSCALL_getpid, 0, 0, 0);
}

_Noreturn void _start(uint64_t arg);

_Noreturn void
_start(uint64_t arg)
{
	user_exit(main(arg));
}
