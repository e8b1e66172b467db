// SPDX-License-Identifier: ISC
/*
 * A program whose assertion fails, two calls deep: the report must name both callers.
 */
#include "guest/main.h"
#include "guest/panic.h"

__attribute__((noinline)) static void
fail_inner(int one)
{
	ASSERT(one == 2);
	__asm__ volatile("");
}

__attribute__((noinline)) static void
fail_outer(int one)
{
	fail_inner(one);
	__asm__ volatile("");
}

int
main(void)
{
	fail_outer(1);
	return 0;
}
