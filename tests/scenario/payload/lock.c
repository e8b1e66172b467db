// SPDX-License-Identifier: ISC
/*
 * A spinlock between all vcpus, more of them than cpus: who waits tells its machine, which lets
 * somebody run who was preempted, the holder among them. What the lock guards must add up.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define SPINS 100u /* before it tells */

static volatile uint32_t lock;
static uint64_t sum; /* the lock */
static uint32_t through;

static void
take(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {
		for (uint32_t spins = 0; lock != 0; spins++) {
			if (spins % SPINS == SPINS - 1) {
				hypercall0(HYPERCALL_spin);
			}
			__asm__ volatile("pause");
		}
	}
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	uint32_t rounds = 100 * PAYLOAD_ROUNDS(parameter);

	(void)vcpu;
	for (uint32_t round = 0; round < rounds; round++) {
		take();
		sum++;
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
	if (is_last(&through) && sum != rounds * (uint64_t)hypercall0(HYPERCALL_vcpus)) {
		return PAYLOAD_WRONG;
	}
	return PAYLOAD_RIGHT;
}
