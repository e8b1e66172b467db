// SPDX-License-Identifier: ISC
/*
 * Sums in every XMM register, two in each, for as long as the scenario wants: whoever else uses
 * them meanwhile must not be seen. All sums are integers that doubles hold exactly. Counts its
 * rounds in the shared page; exits with 0 if they are right.
 */
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

#define REGISTERS 16
#define ROUNDS    1000000000u /* fewer than would be inexact */

typedef double pair __attribute__((vector_size(16)));

static pair sums[SHARED_TASKS][REGISTERS];

#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* While stop is 0: adds n to register n, and 1 to the count. They stay in their registers. */
static void
add_until_stop(pair *out, const pair *steps, volatile struct shared *shared, uint64_t place)
{
#define CLEAR(n) "xorpd %%xmm" #n ", %%xmm" #n "\n"
#define ADD(n)   "addpd 16*" #n "(%1), %%xmm" #n "\n"
#define STORE(n) "movapd %%xmm" #n ", 16*" #n "(%0)\n"
	__asm__ volatile(ALL(CLEAR) "1:\n" ALL(ADD) "incq (%2)\n"
	                                            "cmpl $0, (%3)\n"
	                                            "je 1b\n" ALL(STORE)
	                 :
	                 : "r"(out), "r"(steps), "r"(&shared->counts[place]), "r"(&shared->stop)
	                 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
	                   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
	                   "xmm15");
}

int
main(uint64_t arg)
{
	volatile struct shared *shared = (volatile struct shared *)SHARED_ADDRESS;
	uint64_t place = arg % SHARED_TASKS;
	pair steps[REGISTERS];
	double rounds;

	for (unsigned int n = 0; n < REGISTERS; n++) {
		steps[n] = (pair){ (double)(n + place), (double)(n + 100 * place) };
	}
	add_until_stop(sums[place], steps, shared, place);
	rounds = (double)shared->counts[place];
	for (unsigned int n = 0; n < REGISTERS; n++) {
		if (sums[place][n][0] != rounds * steps[n][0] ||
		    sums[place][n][1] != rounds * steps[n][1]) {
			return 1;
		}
	}
	return rounds < ROUNDS ? 0 : 2;
}
