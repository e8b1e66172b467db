// SPDX-License-Identifier: ISC
/*
 * The table of instructions that may fault, and where to go on then. Linux's extable: an entry is
 * two distances from itself, so that it needs no more than the linker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct regs;

struct extable_entry {
	int32_t insn;
	int32_t fixup;
};

/* In an asm statement: a fault at label `from` goes on at `to`, with all registers as they were. */
#define ASM_EXTABLE(from, to)            \
	".pushsection .extable, \"a\"\n" \
	".balign 4\n"                    \
	".long " from " - .\n"           \
	".long " to " - .\n"             \
	".popsection\n"

/* If the instruction at regs->rip has an entry, regs go on there. Any context. */
bool extable_fixup(struct regs *regs);
