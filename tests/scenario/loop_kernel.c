// SPDX-License-Identifier: ISC
/*
 * A program that computes for ever, interrupts on: only the VMM's timeout ends it.
 */
#include "guest/atomic.h"
#include "guest/main.h"

static struct atomic turns;

int
main(void)
{
	for (;;) { /* forever: so */
		atomic_fetch_add(&turns, 1);
	}
}
