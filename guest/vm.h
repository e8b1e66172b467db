// SPDX-License-Identifier: ISC
/*
 * A virtual machine: memory, vcpus, and the devices that they share.
 *
 * Its memory is the part of an address space below VM_MEMORY_END; pages come when they are first
 * touched. What lies at VM_MMIO is no memory: an access is an exit. The rest of the user's half is
 * a mistake of the guest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/mm.h"
#include "guest/mutex.h"
#include "guest/srcu.h"
#include "guest/user.h"
#include "shared/payload_abi.h"

struct vcpu;

/* Where handle_exit's early part stands: the two tables that the run loop can follow. */
enum vm_early {
	VM_EARLY_IRQS_ON,  /* arm64's */
	VM_EARLY_IRQS_OFF, /* x86's */
};

struct vm {
	enum vm_early early;
	struct mm *mm;
	uintptr_t entry;          /* where its vcpus begin */
	struct srcu_struct srcu;  /* readers of what changes rarely: IRQS_OFF */
	struct atomic dead;       /* no vcpu enters any more */
	struct mutex lock;        /* pages that come */
	struct atomic vcpu_count; /* those in vcpus[] */
	uint32_t vcpu_max;
	struct atomic_ptr *vcpus; /* by id; each is set once */
	void *devices;            /* vcpu_device.c's */
};

/*
 * A machine with room for so many vcpus that begin at entry of this address space, which the
 * machine takes over (and gives up at its end). NULL: no memory. Task context, may sleep.
 */
struct vm *vm_create(enum vm_early early, struct mm *mm, uintptr_t entry, uint32_t vcpu_max);

/* Its vcpus are destroyed. Task context, may sleep. */
void vm_destroy(struct vm *vm);

/* The vcpu of this id, or NULL: there is none. Stays until vm_destroy() begins. Any context. */
struct vcpu *vm_vcpu(const struct vm *vm, uint32_t id);

/* Every vcpu leaves its guest, and none enters again: vcpu_run() returns -EIO. May sleep. */
void vm_kill(struct vm *vm);

static inline bool
vm_is_memory(uint64_t addr)
{
	return addr >= VM_MEMORY_START && addr < VM_MEMORY_END;
}

static inline bool
vm_is_mmio(uint64_t addr)
{
	return addr - VM_MMIO < VM_MMIO_SIZE;
}
