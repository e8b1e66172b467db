// SPDX-License-Identifier: ISC
/*
 * Ring 3: its registers, the way in by SYSCALL, and its exceptions.
 *
 * Where SYSCALL faults (syscall_way.h) user code that jumps to the entry makes a system call; on
 * the other machines it is killed.
 */
#pragma once

#include <stdbool.h>

#include "guest/arch.h"

/* entry.S; not called from C */
void syscall_entry(void);
void syscall32_entry(void);

/* The calling cpu: MSRs and control registers. Boot and AP start. */
void user_init_cpu(void);

/*
 * From entry.S, on current's stack, irqs off: carries out the call, and returns whether SYSRET is
 * safe: it would load just these registers, and does not fault in ring 0.
 */
bool syscall_handle(struct regs *regs);

/*
 * Is this exception of ring 3 a SYSCALL, on a machine where it is one? Then completing it makes of
 * regs what they are behind the instruction.
 */
bool user_is_syscall(const struct regs *regs);
void user_complete_syscall(struct regs *regs);

/* Makes of 512 zeroed bytes what FXRSTOR loads for a program's start. */
void user_init_fpu(void *image);

/* An exception of ring 3: a system call, a stack that grows, or the end of the task. irqs off. */
void user_exception(struct regs *regs);

/*
 * An exception of the IRETQ to ring 3, whose frame it could not load: GS is the kernel's again, but
 * the context is the user's still. Ends the task. irqs off.
 */
_Noreturn void user_return_failed(struct regs *regs);

/* What an exception is called, or NULL. */
const char *exception_name(unsigned int vector);
