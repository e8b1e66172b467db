// SPDX-License-Identifier: ISC
/* Who is told what the schedule and the replies of a run do, beside its transitions. */
#pragma once

#include "shared/fuzz_abi.h"

/* In a run, at once. No point. */
struct schedule_ear {
	void (*action)(enum fuzz_action action, unsigned int cpu); /* before it takes place */
	void (*value)(unsigned int value, unsigned int n);         /* of 0 .. n - 1 */
};

extern const struct schedule_ear *schedule_ear; /* NULL: nobody */
