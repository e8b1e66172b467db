// SPDX-License-Identifier: ISC
/*
 * Touches pages that are not there yet, the same ones from every vcpu at once. The last one looks:
 * nobody's mark was lost, as it would be in a page that was mapped twice.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define PAGES_MAX 1024u /* so that they end before the stacks */
#define FIRST     0x10000000u
#define STRIDE    0x41000u /* some have a table to themselves, some share one */

static uint32_t through;

static uint64_t *
word(uint32_t page)
{
	return (uint64_t *)(uintptr_t)(FIRST + page * STRIDE + page % 512 * 8);
}

static bool
are_marked(uint32_t pages, uint64_t marks)
{
	for (uint32_t page = 0; page < pages; page++) {
		if (*word(page) != marks) {
			return false;
		}
	}
	return true;
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	uint32_t pages = PAYLOAD_ROUNDS(parameter);

	(void)vcpu;
	if (pages > PAGES_MAX) {
		return PAYLOAD_WRONG;
	}
	for (uint32_t page = 0; page < pages; page++) {
		__atomic_fetch_add(word(page), 1, __ATOMIC_SEQ_CST);
	}
	if (is_last(&through) && !are_marked(pages, (uint64_t)hypercall0(HYPERCALL_vcpus))) {
		return PAYLOAD_WRONG;
	}
	return PAYLOAD_RIGHT;
}
