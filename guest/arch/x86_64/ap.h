// SPDX-License-Identifier: ISC
/*
 * Words between ap.c and the trampoline.
 */
#pragma once

#include <stdint.h>

#include "guest/atomic.h"

extern const char ap_trampoline[];
extern const char ap_trampoline_end[];

extern struct atomic ap_ticket; /* 1: the words below are for the next who comes; taken by xchg */
extern uint32_t ap_cpu;
extern void *ap_stack_top;

/* From the trampoline: final page tables, the idle task's stack. irqs off. */
_Noreturn void ap_main(unsigned int cpu);
