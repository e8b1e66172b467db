// SPDX-License-Identifier: ISC
/*
 * What the machine calls in the kernel: the ways in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "shared/trace_abi.h"

/*
 * Per-CPU areas, timers, run queues and idle tasks, as start_kernel() makes them, and every cpu
 * online on its idle task's stack. On the process's own stack, quiet.
 */
void kernel_prepare(unsigned int cpus);

/* Calls each() for state of the kernel that lies outside of its sections. */
void kernel_each_table(void (*each)(void *start, size_t size));

/* An interrupt of this kind, on the stack of what it interrupts. irqs off. */
void kernel_interrupt(unsigned int kind, bool irqs_were_on);

/* An exception of kernel code, which is mended by setting *mended. irqs off. */
void kernel_exception(bool irqs_were_on, bool *mended);

/* An NMI, likewise; host_nmi_handler is one of its handlers. irqs off. */
void kernel_nmi(bool irqs_were_on);
