// SPDX-License-Identifier: ISC
/*
 * Halts, and is woken by timer interrupts, by both ways to ask for them. Each interrupt must come,
 * once, with interrupts off in its handler, and end the halt.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define INTERVAL  50000u /* ns */
#define VCPUS_MAX 1024u

static struct {
	volatile uint32_t ticks;
	volatile uint32_t others;
} seen[VCPUS_MAX];

/* Handlers know their vcpu by where its stack is. */
static uint32_t
this_vcpu(void)
{
	return ((uint32_t)(uintptr_t)__builtin_frame_address(0) - VM_STACKS) / VM_STACK_SIZE;
}

static void
ask(uint32_t tick)
{
	if (tick % 2 == 0) {
		hypercall1(HYPERCALL_timer, INTERVAL);
	} else {
		MMIO_WRITE(uint64_t, VM_MMIO_TIMER, INTERVAL);
	}
}

static void
handle(uint64_t vector, uint64_t error, uint64_t addr)
{
	uint32_t vcpu = this_vcpu();

	(void)error;
	(void)addr;
	if (vector == PAYLOAD_VECTOR_TIMER) {
		seen[vcpu].ticks++;
	} else {
		seen[vcpu].others++;
	}
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	set_handler(handle);
	for (uint32_t tick = 0; tick < PAYLOAD_ROUNDS(parameter); tick++) {
		ask(tick);
		cli();
		while (seen[vcpu].ticks == tick) {
			sti_hlt();
			cli();
		}
		if (seen[vcpu].ticks != tick + 1) {
			return PAYLOAD_WRONG;
		}
	}
	return seen[vcpu].others == 0 ? PAYLOAD_RIGHT : PAYLOAD_WRONG;
}
