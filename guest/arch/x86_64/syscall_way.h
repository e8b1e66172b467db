// SPDX-License-Identifier: ISC
/*
 * Where SYSCALL leads to on this machine: found out at boot, before any program runs.
 *
 * There are machines (software KVM) whose SYSCALL jumps to the kernel's entry, with RCX and R11
 * right, but leaves the CPU in ring 3, so that the first fetch faults. There the fault is the
 * system call, and SYSRET, which faults too, is never used.
 */
#pragma once

#include <stdbool.h>

struct regs;

enum syscall_way {
	SYSCALL_UNKNOWN, /* until syscall_way_probe() has returned */
	SYSCALL_ENTERS,  /* ring 0, as the manual says */
	SYSCALL_FAULTS,
};

/* The same for all cpus, and fixed from boot on. */
extern enum syscall_way syscall_way;

/*
 * Tries it: a few instructions in ring 3. Boot cpu, whose MSRs are set; irqs off, and no interrupt
 * controller yet. Panics if ring 3 does not work.
 */
void syscall_way_probe(void);

/* An exception of ring 3 while syscall_way is unknown: regs go on in the probe. irqs off. */
void syscall_way_exception(struct regs *regs);
