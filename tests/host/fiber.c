// SPDX-License-Identifier: ISC
#include "tests/host/fiber.h"

#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* The process's own stack, as the sanitizer told it when it was left. */
static const void *own_bottom;
static size_t own_size;
#endif

/* What fiber_swap() pops, lowest first. */
struct frame {
	uint64_t r15, r14, r13, r12, rbx, rbp;
	uint64_t ip;
};

void fiber_swap(void **save, void *load);
void fiber_first(void); /* fiber.S; not called from C */

void *
fiber_prepare(void *top, void (*fn)(void))
{
	struct frame *frame = (struct frame *)top - 1;

	*frame = (struct frame){ .r12 = (uintptr_t)fn, .ip = (uintptr_t)fiber_first };
	return frame;
}

#ifdef HAS_ASAN

static void
finish(void *fake)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(fake, &bottom, &size);
	if (own_bottom == NULL) {
		own_bottom = bottom; /* the first switch of all leaves it */
		own_size = size;
	}
}

void
fiber_switch(void **save, void *load, const void *bottom, size_t size)
{
	void *fake;

	if (size == 0) {
		bottom = own_bottom;
		size = own_size;
	}
	__sanitizer_start_switch_fiber(&fake, bottom, size);
	fiber_swap(save, load);
	finish(fake);
}

void
fiber_started(void)
{
	finish(NULL);
}

void
fiber_forget(const void *bottom, size_t size)
{
	__asan_unpoison_memory_region(bottom, size);
}

bool
fiber_is_only_bytes(void)
{
	return false;
}

#else

void
fiber_switch(void **save, void *load, const void *bottom, size_t size)
{
	(void)bottom;
	(void)size;
	fiber_swap(save, load);
}

void
fiber_started(void)
{
}

void
fiber_forget(const void *bottom, size_t size)
{
	(void)bottom;
	(void)size;
}

bool
fiber_is_only_bytes(void)
{
#ifdef SHORT_RUNS /* counts of lines add up only where what is called returns once at most */
	return false;
#else
	return true;
#endif
}

#endif
