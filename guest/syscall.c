// SPDX-License-Identifier: ISC
/*
 * Numbers and pointers come from programs that may be wrong, or hostile: each is checked here.
 */
#include "guest/syscall.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/futex.h"
#include "guest/mm.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/user.h"

#define WRITE_CHUNK 128u /* bytes, so that a line of text is written in one piece */
#define NICE_LEAST  (-20)
#define NICE_MOST   19

typedef int64_t syscall_fn(uint64_t a, uint64_t b, uint64_t c);

static int64_t
call_exit(uint64_t status, uint64_t b, uint64_t c)
{
	(void)b;
	(void)c;
	user_exit((int)(status & 0x7f));
}

static int64_t
call_write(uint64_t text, uint64_t size, uint64_t c)
{
	uint64_t done = 0;

	(void)c;
	if (size > INT32_MAX) {
		return -EINVAL;
	}
	while (done < size) { /* bounded: by size, and a signal ends it */
		char chunk[WRITE_CHUNK + 1];
		uint64_t left = size - done;
		size_t length = left < WRITE_CHUNK ? (size_t)left : WRITE_CHUNK;

		if (fatal_signal_pending(current)) {
			break;
		}
		if (copy_from_user(chunk, text + done, length) != 0) {
			return done != 0 ? (int64_t)done : -EFAULT;
		}
		chunk[length] = '\0';
		printk("%s", chunk);
		done += length;
		cond_resched();
	}
	return (int64_t)done;
}

static int64_t
call_yield(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	yield();
	return 0;
}

static int64_t
call_sleep(uint64_t ns, uint64_t b, uint64_t c)
{
	int64_t timeout = ns < INT64_MAX ? (int64_t)ns : INT64_MAX - 1;

	(void)b;
	(void)c;
	return schedule_timeout_interruptible(timeout) > 0 ? -EINTR : 0;
}

/* A futex is the page that it lies in, so that it is the same for all who have it mapped. */
static const struct atomic *
futex_word(uint64_t address)
{
	return address % sizeof(uint32_t) == 0 ? mm_find(current->mm, address, false) : NULL;
}

static int64_t
call_futex_wait(uint64_t address, uint64_t expected, uint64_t ns)
{
	const struct atomic *word = futex_word(address);

	if (word == NULL) {
		return -EFAULT;
	}
	return futex_wait(word, (uint32_t)expected, FUTEX_BITSET_MATCH_ANY,
	                  ns == 0 || ns > INT64_MAX ? MAX_SCHEDULE_TIMEOUT : (int64_t)ns);
}

static int64_t
call_futex_wake(uint64_t address, uint64_t count, uint64_t c)
{
	const struct atomic *word = futex_word(address);

	(void)c;
	if (word == NULL) {
		return -EFAULT;
	}
	return futex_wake(word, count < INT32_MAX ? (unsigned int)count : INT32_MAX,
	                  FUTEX_BITSET_MATCH_ANY);
}

static int64_t
call_nice(uint64_t nice, uint64_t b, uint64_t c)
{
	int64_t wanted = (int64_t)nice;

	(void)b;
	(void)c;
	if (wanted < NICE_LEAST || wanted > NICE_MOST) {
		return -EINVAL;
	}
	set_user_nice(current, (int)wanted);
	return 0;
}

static int64_t
call_affinity(uint64_t cpus, uint64_t b, uint64_t c)
{
	(void)b;
	(void)c;
	return set_cpus_allowed(current, cpus);
}

static int64_t
call_time(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	return (int64_t)arch_clock_ns();
}

static int64_t
call_getpid(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	if (bug(LEAK_IN_SYSCALL)) {
		preempt_disable();
	}
	return current->pid;
}

static const struct {
	syscall_fn *fn;
	const char *name;
} calls[SYSCALL_COUNT] = {
#define CALL_ENTRY(name, arguments) [SYSCALL_##name] = { call_##name, #name },
	USER_SYSCALLS(CALL_ENTRY)
#undef CALL_ENTRY
};

int64_t
syscall_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	return number < SYSCALL_COUNT ? calls[number].fn(a, b, c) : -ENOSYS;
}

const char *
syscall_name(uint64_t number)
{
	return number < SYSCALL_COUNT ? calls[number].name : "unknown";
}
