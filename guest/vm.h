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
struct vm_devices;

/* Where handle_exit's early part stands: the two tables that the run loop can follow. */
enum vm_early {
	VM_EARLY_IRQS_ON,  /* arm64's */
	VM_EARLY_IRQS_OFF, /* x86's */
};

/* Vcpus are found through chunks of so many. */
#define VM_CHUNK      32u
#define VM_CHUNKS_MAX 64u
#define VM_VCPUS_MAX  (VM_CHUNK * VM_CHUNKS_MAX)

struct vm {
	enum vm_early early;
	struct mm *mm;
	uintptr_t entry;         /* where its vcpus begin */
	struct srcu_struct srcu; /* readers of what changes rarely: IRQS_OFF */
	struct atomic dead;      /* no vcpu enters any more */
	struct mutex lock;       /* pages and vcpus that come */
	struct atomic last_boosted;
	uint64_t halt_poll_max_ns; /* 0: a vcpu that waits sleeps at once */
	struct atomic vcpu_count;  /* ids 0 .. vcpu_count - 1 are given; written under lock */
	struct atomic_ptr chunks[VM_CHUNKS_MAX]; /* of vcpus, by id; each is set once */
	struct vm_devices *devices;              /* vcpu_device.h */
	bool quiet; /* what its vcpus do wrong is not said on the console */
};

/*
 * A machine whose vcpus begin at entry of this address space, which it takes over, and gives up at
 * its end. NULL: no memory. Task context, may sleep.
 */
struct vm *vm_create(enum vm_early early, struct mm *mm, uintptr_t entry);

/* Its vcpus are destroyed. Task context, may sleep. */
void vm_destroy(struct vm *vm);

/* The vcpu of this id, or NULL: there is none. Stays until vm_destroy() begins. Any context. */
struct vcpu *vm_vcpu(const struct vm *vm, uint32_t id);

/* A place for the vcpu of the next id: NULL: no memory, or all are given. vm->lock held. */
struct atomic_ptr *vm_next_place(struct vm *vm);

/*
 * Sees to it that the page of this address, which is in memory, is there. false: no memory. May
 * sleep.
 */
bool vm_touch(struct vm *vm, uint64_t addr);

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
