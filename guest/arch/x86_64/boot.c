// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/boot.h"

#include <stddef.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/boot_info.h"
#include "guest/arch/x86_64/console.h"
#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/mmu.h"
#include "guest/main.h"

extern char __image_end[];

static struct boot_info info;

const void *
boot_early_bytes(uint64_t addr, uint64_t size)
{
	if (addr == 0 || addr >= EARLY_MAP_SIZE || size > EARLY_MAP_SIZE - addr) {
		return NULL;
	}
	return arch_phys_to_virt(addr);
}

static uint32_t
own_apic_id(void)
{
	struct cpuid topology = { 0 };

	if (cpuid(0, 0).eax >= 0xb) {
		topology = cpuid(0xb, 0);
	}
	return topology.ebx != 0 ? topology.edx : cpuid(1, 0).ebx >> 24;
}

void
boot_main(uint64_t start_info)
{
	const struct boot_range image = { IMAGE_PHYS, (uintptr_t)__image_end - VECTORS_START };

	gdt_init(0);
	boot_info_read(&info, start_info, image, own_apic_id());
	console_init(&info);
	mmu_init(&info);
	gdt_init_ist(0);
	start_kernel(&info);
}
