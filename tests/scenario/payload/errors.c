// SPDX-License-Identifier: ISC
/*
 * Takes NMIs and machine checks while it does I/O. All vcpus write the register that counts, and
 * the last one reads it: an instruction whose exit brings an error has its effect once, whether it
 * ran again or not. Each vcpu stops with how many errors it has seen; so they begin to write when
 * all can see them, and stop when all have written.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

static uint32_t ready;
static uint32_t written;
static uint32_t through;
static uint32_t wrong;
static uint32_t nmis[PAYLOAD_ERRORS_VCPUS];
static uint32_t checks[PAYLOAD_ERRORS_VCPUS];

/* Handlers run on the stack of the vcpu that they interrupt. */
static uint32_t
own_id(void)
{
	return (uint32_t)(((uintptr_t)__builtin_frame_address(0) - VM_STACKS) / VM_STACK_SIZE);
}

static void
handle(uint64_t vector, uint64_t error, uint64_t addr)
{
	uint32_t vcpu = own_id();

	if (vector == PAYLOAD_VECTOR_NMI) {
		nmis[vcpu]++;
	} else if (vector == PAYLOAD_VECTOR_MACHINE_CHECK) {
		checks[vcpu]++;
	} else {
		__atomic_store_n(&wrong, 1, __ATOMIC_SEQ_CST);
	}
	if (error != 0 || addr != 0) {
		__atomic_store_n(&wrong, 1, __ATOMIC_SEQ_CST);
	}
}

/* Here and where all others are, too, without an exit of its own. */
static void
meet(uint32_t *arrived, uint64_t vcpus)
{
	__atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(arrived, __ATOMIC_SEQ_CST) != vcpus) {
		__asm__ volatile("pause");
	}
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	uint64_t vcpus = (uint64_t)hypercall0(HYPERCALL_vcpus);

	if (vcpus > PAYLOAD_ERRORS_VCPUS) {
		return PAYLOAD_ERRORS_WRONG;
	}
	set_handler(handle);
	meet(&ready, vcpus);
	for (uint32_t round = 0; round < parameter; round++) {
		MMIO_WRITE(uint32_t, VM_MMIO_COUNT, 1);
	}
	meet(&written, vcpus);
	if (is_last(&through) && MMIO_READ(uint64_t, VM_MMIO_COUNT) != parameter * vcpus) {
		return PAYLOAD_ERRORS_WRONG;
	}
	if (own_id() != vcpu || __atomic_load_n(&wrong, __ATOMIC_SEQ_CST) != 0) {
		return PAYLOAD_ERRORS_WRONG;
	}
	return PAYLOAD_ERRORS(nmis[vcpu], checks[vcpu]);
}
