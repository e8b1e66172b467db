// SPDX-License-Identifier: ISC
#include "tests/explore/chain.h"

#include <assert.h>
#include <string.h>

#define ADDRS_SIZE 0x4000u /* a power of two; more than a scenario has atomics */

struct brief briefs[EXPLORE_MOMENTS_MAX];

static struct at_addr {
	const void *addr; /* NULL: free */
	unsigned int last;
} addrs[ADDRS_SIZE];
static unsigned int addr_count;
static unsigned int last_of_cpu[HOST_CPUS_MAX];
static unsigned int last_of_clock;
static unsigned int linked; /* nodes that are in their chains */

static struct at_addr *
find(const void *addr)
{
	size_t n = ((uintptr_t)addr >> 2) * 0x9e3779b1u % ADDRS_SIZE;

	while (addrs[n].addr != NULL && addrs[n].addr != addr) { /* bounded: it never fills */
		n = (n + 1) % ADDRS_SIZE;
	}
	if (addrs[n].addr == NULL) {
		assert(addr_count < ADDRS_SIZE - 1);
		addr_count++;
		addrs[n].addr = addr;
	}
	return &addrs[n];
}

void
chain_forget(void)
{
	memset(addrs, 0, sizeof(addrs));
	memset(last_of_cpu, 0, sizeof(last_of_cpu));
	addr_count = 0;
	last_of_clock = 0;
	linked = 0;
}

static void
put_in_front(unsigned int *last, uint16_t *before)
{
	*before = (uint16_t)*last;
	*last = linked;
}

void
chain_link(unsigned int n)
{
	struct brief *b = &briefs[n];

	assert(n == linked);
	linked = n + 1;
	if (b->addr != NULL) {
		put_in_front(&find(b->addr)->last, &b->before_at_addr);
	}
	if (b->marks & CPU_ITSELF) {
		put_in_front(&last_of_cpu[b->pid % HOST_CPUS_MAX], &b->before_of_cpu);
	}
	if (b->marks & OF_CLOCK) {
		put_in_front(&last_of_clock, &b->before_of_clock);
	}
}

void
chain_cut(unsigned int n)
{
	while (linked > n) {
		const struct brief *b = &briefs[--linked];

		if (b->addr != NULL) {
			find(b->addr)->last = b->before_at_addr;
		}
		if (b->marks & CPU_ITSELF) {
			last_of_cpu[b->pid % HOST_CPUS_MAX] = b->before_of_cpu;
		}
		if (b->marks & OF_CLOCK) {
			last_of_clock = b->before_of_clock;
		}
	}
}

unsigned int
chain_at(const void *addr)
{
	return find(addr)->last;
}

unsigned int
chain_of_cpu(const struct brief *own)
{
	return last_of_cpu[own->pid % HOST_CPUS_MAX];
}

unsigned int
chain_of_clock(void)
{
	return last_of_clock;
}
