// SPDX-License-Identifier: ISC
/*
 * Does what ring 3 must not, by its argument, and is not there to exit with 0. Its GS is not the
 * kernel's of any cpu, where it may choose.
 */
#include "tests/scenario/user/bases.h"
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/user.h"

#define UNMAPPED 0x20000000u
#define KERNEL   0xffffffff80200000u

static uint8_t data[16] = { 0xc3 }; /* ret */

static void
fault_null(void)
{
	(void)*(volatile uint32_t *)0;
}

static void
fault_unmapped(void)
{
	*(volatile uint32_t *)UNMAPPED = 1;
}

static void
fault_kernel(void)
{
	(void)*(volatile uint32_t *)KERNEL;
}

static void
fault_text(void)
{
	*(volatile uint8_t *)(uintptr_t)main = 0xc3;
}

static void
fault_data(void)
{
	((void (*)(void))(uintptr_t)data)();
}

static void
fault_stack(void)
{
	__asm__ volatile("1: pushq $0; jmp 1b");
}

static void
fault_halt(void)
{
	__asm__ volatile("hlt");
}

static void
fault_port(void)
{
	__asm__ volatile("outb %%al, $0x80" : : "a"(0));
}

static void
fault_return_address(void)
{
	__asm__ volatile("movabsq $0x8000000000000000, %%rax; pushq %%rax; ret" : : : "rax");
}

static void
fault_divide(void)
{
	__asm__ volatile("xorl %%ecx, %%ecx; divl %%ecx" : : "a"(1), "d"(0) : "ecx");
}

static void
fault_undefined(void)
{
	__asm__ volatile("ud2");
}

static void
fault_trap_flag(void)
{
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
}

int
main(uint64_t arg)
{
	static void (*const faults[FAULT_COUNT])(void) = {
#define FAULT_ENTRY(name, words) [FAULT_##name] = fault_##name,
		USER_FAULTS(FAULT_ENTRY)
#undef FAULT_ENTRY
	};

	if (bases_are_ours()) {
		write_bases(0x123450000, 0x543210000);
	}
	faults[arg % FAULT_COUNT]();
	return 0;
}
