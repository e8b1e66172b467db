// SPDX-License-Identifier: ISC
/*
 * A function called on another cpu, as soon as that takes interrupts. Follows Linux 6.18's
 * kernel/smp.c. A cpu that idles and looks at its flags gets no interrupt: its idle loop calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/list.h"
#include "guest/llist.h"

struct call_single_data {
	struct llist_node node; /* whoever set queued */
	struct atomic queued;
	void (*fn)(struct call_single_data *call);
};

#define CALL_SINGLE_DATA_INIT(function) \
	{                               \
		.fn = (function)        \
	}

/*
 * Has fn(call) called on the cpu, once, with irqs off: in its interrupt; in its idle loop, with
 * bottom halves off; on this one at once. -EBUSY: it is queued, and has not begun. What the caller
 * stored before is seen there, in both cases. Once it has begun it may be queued again, also by fn.
 * Any context but NMI.
 */
int smp_call_function_single_async(unsigned int cpu, struct call_single_data *call);

/* The interrupt's half: returns how many were called. irqs off. */
uint32_t smp_call_run(void);

/*
 * The same in the idle loop, and the softirqs that were raised; ksoftirqd is not asked (J26).
 * Count 1, irqs off at entry and at return.
 */
void flush_smp_call_function_queue(void);
