// SPDX-License-Identifier: ISC
/*
 * In an instrumented kernel: when the machine ends, the counts leave it first. It is linked with
 * --wrap for both ways to the end; gcc's runtime makes the files.
 */
#include <gcov.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/atomic.h"
#include "guest/panic.h"
#include "guest/string.h"
#include "tests/cov/counts_abi.h"

/* -fprofile-info-section: one of each source. */
extern const struct gcov_info *const __start_gcov_info[];
extern const struct gcov_info *const __stop_gcov_info[];

void __real_doorbell_exit(int status);
void __real_doorbell_panic(uintptr_t preempt_disable_ip);
void __wrap_doorbell_exit(int status);
void __wrap_doorbell_panic(uintptr_t preempt_disable_ip);

/* What the runtime asks for, and these counts never need. */
_Noreturn void abort(void);
void *mmap(void *addr, size_t size, int prot, int flags, int fd, long offset);
void __gcov_merge_add(int64_t *counts, unsigned int count);

void
__gcov_merge_add(int64_t *counts, unsigned int count)
{
	(void)counts, (void)count;
	abort();
}

void
abort(void)
{
	panic("counts of a kind that is not counted");
}

void *
mmap(void *addr, size_t size, int prot, int flags, int fd, long offset)
{
	(void)addr, (void)size, (void)prot, (void)flags, (void)fd, (void)offset;
	abort();
}

static void *
allocate(unsigned int size, void *unused)
{
	(void)size, (void)unused;
	abort();
}

static struct counts_buffer buffer;

static void
flush(void)
{
	outl(COUNTS_PORT, (uint32_t)((uintptr_t)&buffer - KERNEL_BASE));
	buffer.size = 0;
}

static void
put_bytes(const uint8_t *bytes, size_t size)
{
	for (size_t n = 0; n < size; n++) {
		buffer.bytes[buffer.size++] = bytes[n];
		if (buffer.size == COUNTS_ROOM) {
			flush();
		}
	}
}

static void
put(uint32_t word, const void *bytes, size_t size)
{
	put_bytes((const uint8_t *)&word, sizeof(word));
	put_bytes(bytes, size);
}

static void
put_chunk(const void *bytes, unsigned int size, void *unused)
{
	(void)unused;
	put(size, bytes, size);
}

static void
put_name(const char *name, void *unused)
{
	(void)unused;
	put(COUNTS_NAME | (uint32_t)strlen(name), name, strlen(name));
}

/* Once, by the first cpu that ends the machine. Interrupts are off. */
static void
put_counts(void)
{
	static struct atomic done;
	const struct gcov_info *const *info;

	if (atomic_xchg(&done, 1) != 0) {
		return;
	}
	for (info = __start_gcov_info; info != __stop_gcov_info; info++) {
		__gcov_info_to_gcda(*info, put_name, put_chunk, allocate, NULL);
	}
	put(COUNTS_NAME, NULL, 0);
	flush();
}

void
__wrap_doorbell_exit(int status)
{
	put_counts();
	__real_doorbell_exit(status);
}

void
__wrap_doorbell_panic(uintptr_t preempt_disable_ip)
{
	put_counts();
	__real_doorbell_panic(preempt_disable_ip);
}
