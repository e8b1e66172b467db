// SPDX-License-Identifier: ISC
/* Ends as a panic does that knows where preemption was disabled. */
#include "guest/arch.h"
#include "guest/main.h"

int
main(void)
{
	arch_panic_end((uintptr_t)main + 1);
}
