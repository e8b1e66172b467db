// SPDX-License-Identifier: ISC
/*
 * A handful of entries: they are looked through in their order.
 */
#include "guest/arch/x86_64/extable.h"

#include "guest/arch.h"
#include "guest/arch/x86_64/regs.h"

extern const struct extable_entry __extable_start[]; /* guest.lds */
extern const struct extable_entry __extable_end[];

static uint64_t
address_of(const int32_t *distance)
{
	return (uintptr_t)distance + (uint64_t)(int64_t)*distance;
}

bool
extable_fixup(struct regs *regs)
{
	for (const struct extable_entry *entry = __extable_start; entry < __extable_end; entry++) {
		if (address_of(&entry->insn) == regs->rip) {
			regs->rip = address_of(&entry->fixup);
			return true;
		}
	}
	return false;
}

bool
arch_exception_fixup(struct regs *regs)
{
	return extable_fixup(regs);
}

bool
arch_read_nofault(const uint64_t *from, uint64_t *value)
{
	uint64_t read;

	__asm__ goto("1: movq %1, %0\n" ASM_EXTABLE("1b", "%l[fault]")
	             : "=&r"(read)
	             : "m"(*from)
	             :
	             : fault);
	*value = read;
	return true;
fault:
	return false;
}
