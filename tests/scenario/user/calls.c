// SPDX-License-Identifier: ISC
/*
 * Tries the system calls, one thing by argument: exits with 0 if it is as it should be.
 */
#include "guest/errno.h"
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/user.h"

#define KERNEL   0xffffffff80200000u
#define SLEEP_NS 2000000u

static uint32_t word = 5;
static const char text[] = "text";

static bool
call_write_null(void)
{
	return syscall3(SYSCALL_write, 0, 4, 0) == -EFAULT;
}

static bool
call_write_kernel(void)
{
	return syscall3(SYSCALL_write, KERNEL, 4, 0) == -EFAULT;
}

/* Behind the last page of the stack. */
static bool
call_write_across(void)
{
	uintptr_t end = ((uintptr_t)__builtin_frame_address(0) | 0xfff) + 1;

	return syscall3(SYSCALL_write, end - 1, 64, 0) == -EFAULT;
}

static bool
call_write_wraps(void)
{
	return syscall3(SYSCALL_write, (uint64_t)-2, 64, 0) == -EFAULT &&
	       syscall3(SYSCALL_write, (uintptr_t)text, UINT64_MAX, 0) == -EINVAL;
}

static bool
call_unknown(void)
{
	return syscall3(SYSCALL_COUNT, 0, 0, 0) == -ENOSYS &&
	       syscall3((enum user_syscall) - 1, 0, 0, 0) == -ENOSYS;
}

static bool
call_registers(void)
{
	uint64_t changed;

	__asm__ volatile("movq $1, %%rbx; movq $2, %%r8; movq $3, %%r9; movq $4, %%r10\n"
	                 "movq $5, %%r12; movq $6, %%r13; movq $7, %%r14; movq $8, %%r15\n"
	                 "movq $9, %%rdi; movq $10, %%rsi; movq $11, %%rdx\n"
	                 "syscall\n"
	                 "xorq $1, %%rbx; xorq $2, %%r8; xorq $3, %%r9; xorq $4, %%r10\n"
	                 "xorq $5, %%r12; xorq $6, %%r13; xorq $7, %%r14; xorq $8, %%r15\n"
	                 "xorq $9, %%rdi; xorq $10, %%rsi; xorq $11, %%rdx\n"
	                 "movq %%rbx, %%rax; orq %%r8, %%rax; orq %%r9, %%rax; orq %%r10, %%rax\n"
	                 "orq %%r12, %%rax; orq %%r13, %%rax; orq %%r14, %%rax; orq %%r15, %%rax\n"
	                 "orq %%rdi, %%rax; orq %%rsi, %%rax; orq %%rdx, %%rax\n"
	                 : "=a"(changed)
	                 : "a"((uint64_t)SYSCALL_getpid)
	                 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
	                   "r13", "r14", "r15", "memory", "cc");
	return changed == 0;
}

static bool
call_futex_misaligned(void)
{
	const uint32_t *wrong = (const uint32_t *)((uintptr_t)&word + 1);

	return user_futex_wait(wrong, 5, 0) == -EFAULT && user_futex_wake(wrong, 1) == -EFAULT;
}

static bool
call_futex_kernel(void)
{
	return user_futex_wait((const uint32_t *)KERNEL, 0, 0) == -EFAULT;
}

static bool
call_futex_value(void)
{
	return user_futex_wait(&word, 6, 0) == -EAGAIN && user_futex_wake(&word, 1) == 0;
}

static bool
call_futex_timeout(void)
{
	return user_futex_wait(&word, 5, SLEEP_NS) == -ETIMEDOUT;
}

static bool
call_nice(void)
{
	return user_nice(20) == -EINVAL && user_nice(-21) == -EINVAL && user_nice(-20) == 0 &&
	       user_nice(19) == 0 && user_nice(0) == 0;
}

static bool
call_affinity(void)
{
	return user_affinity(0) == -EINVAL && user_affinity(1ull << 63) == -EINVAL &&
	       user_affinity(UINT64_MAX) == 0 && user_affinity(1) == 0;
}

static bool
call_sleep(void)
{
	uint64_t before = user_time();

	return user_sleep(SLEEP_NS) == 0 && user_time() - before >= SLEEP_NS;
}

static bool
call_getpid(void)
{
	int64_t pid = user_getpid();

	user_yield();
	return pid > 0 && user_getpid() == pid;
}

int
main(uint64_t arg)
{
	static bool (*const calls[CALL_COUNT])(void) = {
#define CALL_ENTRY(name, words) [CALL_##name] = call_##name,
		USER_CALLS(CALL_ENTRY)
#undef CALL_ENTRY
	};

	return calls[arg % CALL_COUNT]() ? 0 : 1;
}
