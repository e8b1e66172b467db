// SPDX-License-Identifier: ISC
/*
 * A program that leaves preemption off and lets itself be scheduled away.
 */
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/sched.h"

int
main(void)
{
	preempt_disable();
	schedule();
	return 0;
}
