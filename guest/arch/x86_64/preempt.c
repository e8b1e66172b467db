// SPDX-License-Identifier: ISC
/*
 * The preempt counter's word: 1 until the boot code has become the idle task, no reschedule wanted.
 */
#include "guest/preempt.h"

DEFINE_PER_CPU(uint32_t, preempt_count_word) = INIT_PREEMPT_COUNT | PREEMPT_ENABLED;
