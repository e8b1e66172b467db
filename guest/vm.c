// SPDX-License-Identifier: ISC
#include "guest/vm.h"

#include "guest/bug.h"
#include "guest/object.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/preempt_notifier.h"
#include "guest/vcpu.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_request.h"

#define HALT_POLL_MAX_NS 200000u

static void
free_parts(struct vm *vm)
{
	for (unsigned int n = 0; n < VM_CHUNKS_MAX; n++) {
		void *chunk = atomic_load(&vm->chunks[n]);

		if (chunk != NULL) {
			object_free(chunk, VM_CHUNK * sizeof(struct atomic_ptr));
		}
	}
	if (vm->devices != NULL) {
		vm_devices_free(vm);
	}
	object_free(vm, sizeof(*vm));
}

struct vm *
vm_create(enum vm_early early, struct mm *mm, uintptr_t entry)
{
	struct vm *vm = object_alloc(sizeof(*vm));

	might_sleep();
	if (vm == NULL) {
		return NULL;
	}
	vm->early = early;
	vm->entry = entry;
	vm->halt_poll_max_ns = HALT_POLL_MAX_NS;
	mutex_init(&vm->lock);
	if (!vm_devices_init(vm) || init_srcu_struct(&vm->srcu) != 0) {
		free_parts(vm);
		return NULL;
	}
	vm->mm = mm;
	preempt_notifier_inc();
	return vm;
}

void
vm_destroy(struct vm *vm)
{
	might_sleep();
	for (uint32_t id = 0; id < atomic_load(&vm->vcpu_count); id++) {
		struct vcpu *vcpu = vm_vcpu(vm, id);

		vcpu_destroy(vcpu);
	}
	preempt_notifier_dec();
	cleanup_srcu_struct(&vm->srcu);
	mm_put(vm->mm);
	free_parts(vm);
}

struct vcpu *
vm_vcpu(const struct vm *vm, uint32_t id)
{
	const struct atomic_ptr *chunk;

	if (id >= VM_VCPUS_MAX) {
		return NULL;
	}
	chunk = atomic_load_acquire(&vm->chunks[id / VM_CHUNK]);
	return chunk != NULL ? atomic_load_acquire(&chunk[id % VM_CHUNK]) : NULL;
}

struct atomic_ptr *
vm_next_place(struct vm *vm)
{
	uint32_t id = atomic_load(&vm->vcpu_count);
	struct atomic_ptr *chunk;

	lockdep_assert_held(&vm->lock);
	if (id == VM_VCPUS_MAX) {
		return NULL;
	}
	chunk = atomic_load(&vm->chunks[id / VM_CHUNK]);
	if (chunk == NULL) {
		chunk = object_alloc(VM_CHUNK * sizeof(*chunk));
		if (chunk == NULL) {
			return NULL;
		}
		atomic_store_release(&vm->chunks[id / VM_CHUNK], chunk);
	}
	return &chunk[id % VM_CHUNK];
}

/* Two vcpus may want the same page: the second finds it. Pages of memory never go. */
bool
vm_touch(struct vm *vm, uint64_t addr)
{
	uintptr_t page = addr / PAGE_SIZE * PAGE_SIZE;
	bool is_there;

	ASSERT(vm_is_memory(addr));
	if (!bug(DEMAND_UNLOCKED)) {
		mutex_lock(&vm->lock);
	}
	is_there = mm_find(vm->mm, page, false) != NULL ||
	           mm_map_page(vm->mm, page, ARCH_PROT_WRITE) != NULL;
	if (!bug(DEMAND_UNLOCKED)) {
		mutex_unlock(&vm->lock);
	}
	return is_there;
}

/* The lock: who adds a vcpu sees that the machine is dead, or is asked here. */
void
vm_kill(struct vm *vm)
{
	might_sleep();
	mutex_lock(&vm->lock);
	atomic_store(&vm->dead, 1);
	vm_make_all_requests(vm, VCPU_REQ_VM_DEAD, 0);
	mutex_unlock(&vm->lock);
}
