// SPDX-License-Identifier: ISC
/*
 * System calls with something of its own in each register, general ones, XMM and segment bases, for
 * as long as the scenario wants: all but rax, rcx and r11 come back. Counts the calls in the shared
 * page. arg: its place there, and whether each call yields or but one of 16.
 */
#include "tests/scenario/user/bases.h"
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

struct registers {
	uint64_t general[12]; /* in the order of the assembly below */
	uint64_t xmm[16][2];
};

/* Of one task each; aligned for movdqa. */
static struct registers before[SHARED_TASKS] __attribute__((aligned(16)));
static struct registers after[SHARED_TASKS] __attribute__((aligned(16)));
_Static_assert(sizeof(struct registers) % 16 == 0, "every one is aligned");

/* rdi: from, rsi: to, edx: the call's number. */
void call_with(const struct registers *from, struct registers *to, uint64_t number);

#define LOAD(n, r)   "movq 8*" #n "(%rdi), %" #r "\n"
#define STORE(n, r)  "movq %" #r ", 8*" #n "(%rcx)\n"
#define LOAD_XMM(n)  "movdqa 96+16*" #n "(%rdi), %xmm" #n "\n"
#define STORE_XMM(n) "movdqa %xmm" #n ", 96+16*" #n "(%rcx)\n"

/* rdi last: it is where the others come from. */
#define LOW(X)     X(0, rbx) X(1, rbp) X(2, rsi) X(3, rdx) X(4, r8) X(5, r9) X(6, r10)
#define HIGH(X)    X(7, r12) X(8, r13) X(9, r14) X(10, r15) X(11, rdi)
#define XMM_LOW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define XMM_ALL(X) XMM_LOW(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_ALL   XMM_ALL(LOAD_XMM) LOW(LOAD) HIGH(LOAD)
#define STORE_ALL  LOW(STORE) HIGH(STORE) XMM_ALL(STORE_XMM)
#define PUSH_ALL   "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
#define POP_ALL    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
#define CALL       "push %rsi; movl %edx, %eax\n" LOAD_ALL "syscall; pop %rcx\n" STORE_ALL

__asm__(".text; call_with:\n" PUSH_ALL CALL POP_ALL "ret\n");

static bool
are_kept(uint64_t place, uint64_t number)
{
	const uint64_t *was = before[place].general;
	const uint64_t *is = after[place].general;

	call_with(&before[place], &after[place], number);
	for (unsigned int n = 0; n < sizeof(struct registers) / sizeof(uint64_t); n++) {
		if (was[n] != is[n]) {
			return false;
		}
	}
	return true;
}

int
main(uint64_t arg)
{
	volatile struct shared *shared = (volatile struct shared *)SHARED_ADDRESS;
	uint64_t place = arg % SHARED_TASKS;
	uint64_t *words = before[place].general;
	uint64_t base = 0x123450000000 + (place << 16);
	bool has_bases = bases_are_ours();

	for (unsigned int n = 0; n < sizeof(struct registers) / sizeof(uint64_t); n++) {
		words[n] = 0x0123456789abcdef * (n + 1) + place;
	}
	if (has_bases) {
		write_bases(base, base + 8);
	}
	while (!shared->stop) {
		bool yields = (arg & REGISTERS_YIELDS) || shared->counts[place] % 16 == 0;

		if (!are_kept(place, yields ? SYSCALL_yield : SYSCALL_getpid)) {
			return 1;
		}
		if (has_bases && (read_fs_base() != base || read_gs_base() != base + 8)) {
			return 2;
		}
		shared->counts[place]++;
	}
	return 0;
}
