// SPDX-License-Identifier: ISC
/*
 * Handlers within handlers, as deep as the parameter says, each by an instruction of its own that
 * faults; then back through all of them. Deeper than PAYLOAD_NESTING_MAX the vcpu stops.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define DEPTH 3u

static uint32_t wanted;
static volatile uint32_t depth;
static volatile uint32_t deepest;
static volatile uint32_t wrongs;

/* Two bytes that fault, and keep a register that the handlers must not touch. */
static void
fault(void)
{
	uint64_t kept = 0x5a5a0000 + depth;
	uint64_t now = kept;

	__asm__ volatile("ud2" : "+r"(now) : : "memory");
	wrongs += now != kept;
}

static void
handle(uint64_t vector, uint64_t error, uint64_t addr)
{
	int64_t ip = hypercall1(HYPERCALL_saved, SAVED_RIP);

	(void)error;
	(void)addr;
	wrongs += vector != 6;
	depth++;
	deepest = depth > deepest ? depth : deepest;
	if (depth < wanted) {
		fault();
	}
	depth--;
	hypercall2(HYPERCALL_set_saved, SAVED_RIP, (uint64_t)ip + 2);
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	if (vcpu != 0) {
		return PAYLOAD_RIGHT; /* the variables are one vcpu's */
	}
	wanted = parameter != 0 ? parameter : DEPTH;
	set_handler(handle);
	fault();
	return deepest == wanted && depth == 0 && wrongs == 0 ? PAYLOAD_RIGHT : PAYLOAD_WRONG;
}
