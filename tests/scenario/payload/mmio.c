// SPDX-License-Identifier: ISC
/*
 * A storm of MMIO. All vcpus write the register that counts; the last one reads it: each write had
 * its effect once. Vcpu 0 writes parts of another one, and reads them in every size.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

static uint32_t through;

static bool
parts_add_up(uint64_t round)
{
	uint64_t bits = round * 0x0123456789abcdefull;

	MMIO_WRITE(uint64_t, VM_MMIO_SCRATCH, ~0ull);
	MMIO_WRITE(uint8_t, VM_MMIO_SCRATCH, (uint8_t)bits);
	MMIO_WRITE(uint8_t, VM_MMIO_SCRATCH + 1, (uint8_t)(bits >> 8));
	MMIO_WRITE(uint16_t, VM_MMIO_SCRATCH + 2, (uint16_t)(bits >> 16));
	MMIO_WRITE(uint32_t, VM_MMIO_SCRATCH + 4, (uint32_t)(bits >> 32));
	return MMIO_READ(uint64_t, VM_MMIO_SCRATCH) == bits &&
	       MMIO_READ(uint32_t, VM_MMIO_SCRATCH + 4) == bits >> 32 &&
	       MMIO_READ(uint16_t, VM_MMIO_SCRATCH + 6) == bits >> 48 &&
	       MMIO_READ(uint8_t, VM_MMIO_SCRATCH + 7) == bits >> 56;
}

static bool
bus_is_right(void)
{
	return MMIO_READ(uint64_t, VM_MMIO_ID) == VM_MMIO_MAGIC &&
	       MMIO_READ(uint32_t, VM_MMIO_ID + 4) == VM_MMIO_MAGIC >> 32 &&
	       MMIO_READ(uint64_t, VM_MMIO_ID + 4) == ~0ull && /* two registers */
	       MMIO_READ(uint16_t, 0x800) == 0xffff;           /* none */
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	uint64_t rounds = PAYLOAD_ROUNDS(parameter);

	for (uint32_t round = 0; round < rounds; round++) {
		MMIO_WRITE(uint32_t, VM_MMIO_COUNT, 1);
		if (vcpu == 0 && (!parts_add_up(round) || !bus_is_right())) {
			return PAYLOAD_WRONG;
		}
	}
	if (is_last(&through) &&
	    MMIO_READ(uint64_t, VM_MMIO_COUNT) != rounds * (uint64_t)hypercall0(HYPERCALL_vcpus)) {
		return PAYLOAD_WRONG;
	}
	return PAYLOAD_RIGHT;
}
