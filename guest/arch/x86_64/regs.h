// SPDX-License-Identifier: ISC
/*
 * What an exception or an interrupt saves. The two lowest words are a frame record, so that a chain
 * of frame pointers leads through the trap into the interrupted code.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct regs {
	uint64_t rbp;
	uint64_t frame_ip; /* copy of rip */
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rdx, rcx, rbx, rax;
	uint32_t error; /* 0 if the vector has none */
	uint32_t vector;
	/* The machine's own frame. */
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct regs) % 16 == 0, "keeps the stack aligned for C");
_Static_assert(offsetof(struct regs, frame_ip) == 8, "a frame record");

#define RFLAGS_IF    0x200u
#define RFLAGS_FIXED 0x2u
#define RFLAGS_TF    0x100u
#define RFLAGS_DF    0x400u
#define RFLAGS_IOPL  0x3000u
#define RFLAGS_NT    0x4000u
#define RFLAGS_RF    0x10000u
#define RFLAGS_AC    0x40000u

/* What user code may set as it likes: carry, parity, adjust, zero, sign, trap, direction, overflow,
 * NT, alignment check, ID. */
#define RFLAGS_USER 0x244dd5u

/* Debug registers: what user code may set of DR7, its breakpoints, and what DR6 and DR7 have at
 * reset. A breakpoint is on if one of its two bits is. */
#define DR7_ENABLE 0x00ffu
#define DR7_USER   0xffff03ffu
#define DR7_RESET  0x400u
#define DR6_RESET  0xffff0ff0u
#define DR6_STEP   0x4000u
