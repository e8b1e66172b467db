// SPDX-License-Identifier: ISC
/*
 * Two tasks of this program, 0 and 1, for as long as the scenario wants: each adds in every XMM
 * register, with system calls and interrupts between, sleeps, moves (1 does), and waits for its
 * turn, which a futex holds. A wakeup that is lost stops both for good. Counts its turns in the
 * shared page; exits with 0 if its sums were right every time.
 */
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

#define REGISTERS 16
#define SHORT_NS  20000u
#define LONG      200u /* additions without a call */

typedef double pair __attribute__((vector_size(16)));

static pair sums[2][REGISTERS];
static pair steps[2][REGISTERS];

#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* times > 0; the call comes behind each addition, and 0 is none. */
static void
add(pair *sum, const pair *step, uint64_t times, uint64_t call)
{
#define LOAD(n)  "movapd 16*" #n "(%1), %%xmm" #n "\n"
#define ADD(n)   "addpd 16*" #n "(%2), %%xmm" #n "\n"
#define STORE(n) "movapd %%xmm" #n ", 16*" #n "(%1)\n"
	__asm__ volatile(ALL(LOAD) "1:\n" ALL(ADD) "movq %3, %%rax\n"
	                                           "testq %%rax, %%rax\n"
	                                           "jz 2f\n"
	                                           "syscall\n"
	                                           "2:\n"
	                                           "decq %0\n"
	                                           "jnz 1b\n" ALL(STORE)
	                 : "+r"(times)
	                 : "r"(sum), "r"(step), "r"(call)
	                 : "memory", "cc", "rax", "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
	                   "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
	                   "xmm12", "xmm13", "xmm14", "xmm15");
}

static bool
are_right(const pair *sum, const pair *step, double times)
{
	for (unsigned int n = 0; n < REGISTERS; n++) {
		if (sum[n][0] != times * step[n][0] || sum[n][1] != times * step[n][1]) {
			return false;
		}
	}
	return true;
}

/* Returns how often it has added. */
static uint64_t
disturb(uint64_t self, uint32_t draw)
{
	uint64_t times = 1 + draw / 16 % 4;
	uint64_t call = SYSCALL_getpid;

	switch (draw % 8) {
	case 0:
		user_sleep(draw % SHORT_NS);
		break;
	case 1:
		if (self == 1) {
			user_affinity(1ull << (draw / 16 % 8)); /* refused if it is not there */
		}
		break;
	case 2:
		user_nice((int)(draw / 16 % 20));
		break;
	case 3:
		call = 0;
		times = LONG;
		break;
	default:
		call = SYSCALL_yield;
	}
	add(sums[self], steps[self], times, call);
	return times;
}

static void
take_turn(struct shared *shared, uint32_t self)
{
	uint32_t whose;

	while ((whose = __atomic_load_n(&shared->word, __ATOMIC_SEQ_CST)) != self) {
		user_futex_wait(&shared->word, whose, 0);
	}
}

static void
give_turn(struct shared *shared, uint32_t self)
{
	__atomic_store_n(&shared->word, 1 - self, __ATOMIC_SEQ_CST);
	user_futex_wake(&shared->word, 1);
}

/* Who sees the end gives its turn a last time. */
int
main(uint64_t arg)
{
	struct shared *shared = (struct shared *)SHARED_ADDRESS;
	uint32_t self = arg % 2;
	uint32_t random = (uint32_t)arg;
	uint64_t times = 0;
	bool right = true;
	bool stops = false;

	for (unsigned int n = 0; n < REGISTERS; n++) {
		steps[self][n] = (pair){ (double)(n + self), (double)(n + 100) };
	}
	while (!stops) {
		random = random * 1664525u + 1013904223u;
		times += disturb(self, random >> 8);
		right = right && are_right(sums[self], steps[self], (double)times);
		take_turn(shared, self);
		stops = __atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST);
		shared->counts[self]++;
		give_turn(shared, self);
	}
	return right ? 0 : 1;
}
