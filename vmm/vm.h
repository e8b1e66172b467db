// SPDX-License-Identifier: ISC
/*
 * The virtual machine as KVM knows it: its descriptors, what this host's KVM can do, the interrupt
 * controllers and timer that KVM emulates, and the memory slots behind struct memory.
 */
#pragma once

#include "vmm/cpuid.h"
#include "vmm/inject.h"
#include "vmm/memory.h"

#include <stdbool.h>
#include <stdint.h>

struct vm {
	int kvm_fd;
	int fd;
	uint32_t run_size; /* bytes of a cpu's struct kvm_run and what follows it */
	bool has_tsc_deadline;
	struct memory memory;
	struct cpuid_table cpuid; /* cpuid_set_cpu() before each use */
};

/*
 * A machine without cpus. Dies with EXIT_STATUS_NO_KVM if KVM is not there, is not for us, or lacks
 * a capability (all that it lacks in one message), with EXIT_STATUS_OS if the host has no memory.
 */
void vm_create(struct vm *vm, uint32_t cpu_count, uint64_t memory_size);
void vm_destroy(struct vm *vm);

/* Dies with EXIT_STATUS_NO_KVM if this KVM cannot give a cpu what is ordered. */
void vm_check_inject(const struct vm *vm, const struct inject *inject);

/* Frequency of the TSC that a guest would see, without a machine. 0 if KVM does not tell. */
uint64_t vm_probe_tsc_hz(void);

/* The same of this machine; cpu_fd is any cpu of it, for a KVM that tells it only per cpu. */
uint64_t vm_tsc_hz(const struct vm *vm, int cpu_fd);

/* For -v: each capability with what this host says, on stderr. */
void vm_print_capabilities(const struct vm *vm);
