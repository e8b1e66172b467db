// SPDX-License-Identifier: ISC
/*
 * The guest's stack, walked along its frame pointers. Everything read is the guest's and may be
 * anything: the walk is bounded, must move up the stack, and ends where memory does.
 */
#pragma once

#include "vmm/cpu.h"
#include "vmm/memory.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKTRACE_MAX 32u

/* Return addresses, innermost first, without rip itself. Returns how many. */
size_t backtrace_walk(const struct memory *memory, const struct cpu *cpu, uint64_t rbp,
                      const struct kvm_sregs *sregs, uint64_t addresses[BACKTRACE_MAX]);

/* Reads guest-virtual memory as the cpu sees it now. All or nothing. */
bool backtrace_read(const struct memory *memory, const struct cpu *cpu, uint64_t address, void *buf,
                    size_t size);
