// SPDX-License-Identifier: ISC
/*
 * The switch of stacks on x86-64: see guest/arch.h. Inline, so that the compiler saves what it
 * needs afterwards, and nothing is saved twice.
 */
#pragma once

#include "guest/task.h"

/* prev comes back in its register: it is the one that was left when this stack is resumed. */
static inline struct task *
arch_switch_to(struct task *prev, struct task *next)
{
	__asm__ volatile("call switch_stacks"
	                 : "+D"(prev), "+S"(next)
	                 :
	                 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
	                   "r14", "r15", "memory", "cc");
	return prev;
}
