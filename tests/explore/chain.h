// SPDX-License-Identifier: ISC
/*
 * What is in the run so far, in chains: the transitions that touch an address, those of a cpu
 * itself, those of the clock. Races are looked for along them: most of a run has nothing to do with
 * its last transition. Of all.c; nodes are numbered from 0, links are numbers + 1, and 0 is none.
 */
#pragma once

#include <stdint.h>

#include "tests/explore/explore.h"

/* Of a node's transition, what makes races. */
struct brief {
	const void *addr; /* NULL: it touches no memory */
	uint16_t number;  /* among its process's */
	uint8_t pid;
	uint8_t marks;
	/* Set by chain_link(): the one before it in each chain. */
	uint16_t before_at_addr;
	uint16_t before_of_cpu;
	uint16_t before_of_clock;
};
#define WRITES     0x01u
#define CPU_ITSELF 0x02u
#define OF_CLOCK   0x04u

extern struct brief briefs[EXPLORE_MOMENTS_MAX];

/* Nothing is in a chain. */
void chain_forget(void);

/* Node n, of which there is a brief, is put in front of its chains: n-1 was the last that was. */
void chain_link(unsigned int n);

/* Takes out all nodes from n on. */
void chain_cut(unsigned int n);

/* The link to the last node at this address, of own's cpu, of the clock. */
unsigned int chain_at(const void *addr);
unsigned int chain_of_cpu(const struct brief *own);
unsigned int chain_of_clock(void);
