// SPDX-License-Identifier: ISC
/*
 * Pairs of vcpus ring for each other in turn, and halt until the other one does. A lost doorbell,
 * or one that comes between the look and the halt, is a hang.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

static volatile uint32_t turns[1024]; /* of each pair: even, the even one's */
static volatile uint32_t others;

static void
handle(uint64_t vector, uint64_t error, uint64_t addr)
{
	(void)error;
	(void)addr;
	if (vector != PAYLOAD_VECTOR_DOORBELL) {
		others++;
	}
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	volatile uint32_t *turn = &turns[vcpu / 2];
	uint32_t last = 2 * PAYLOAD_ROUNDS(parameter);

	set_handler(handle);
	if ((vcpu ^ 1u) >= (uint64_t)hypercall0(HYPERCALL_vcpus)) {
		return PAYLOAD_RIGHT; /* alone */
	}
	while (*turn < last) {
		cli();
		while (*turn % 2 != vcpu % 2 && *turn < last) {
			sti_hlt();
			cli();
		}
		sti();
		if (*turn < last) {
			(*turn)++;
			outl(VM_PORT_DOORBELL, vcpu ^ 1u);
		}
	}
	return others == 0 ? PAYLOAD_RIGHT : PAYLOAD_WRONG;
}
