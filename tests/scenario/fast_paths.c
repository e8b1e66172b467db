// SPDX-License-Identifier: ISC
/*
 * The fast paths alone, for a look at what the compiler makes of them: never run.
 */
#include "guest/preempt.h"

void probe_preempt_disable(void);
void probe_preempt_enable(void);

void
probe_preempt_disable(void)
{
	preempt_disable();
}

void
probe_preempt_enable(void)
{
	preempt_enable();
}
