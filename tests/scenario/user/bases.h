// SPDX-License-Identifier: ISC
/*
 * The bases of FS and GS, where ring 3 may write them: from ring 3.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CPUID_FSGSBASE 0x1u /* leaf 7, EBX; the kernel allows what there is */

static inline bool
bases_are_ours(void)
{
	uint32_t eax = 0;
	uint32_t ebx;
	uint32_t ecx;
	uint32_t edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	if (eax < 7) {
		return false;
	}
	eax = 7;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ebx & CPUID_FSGSBASE;
}

static inline uint64_t
read_fs_base(void)
{
	uint64_t base;

	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static inline uint64_t
read_gs_base(void)
{
	uint64_t base;

	__asm__ volatile("rdgsbase %0" : "=r"(base));
	return base;
}

static inline void
write_bases(uint64_t fs, uint64_t gs)
{
	__asm__ volatile("wrfsbase %0; wrgsbase %1" : : "r"(fs), "r"(gs));
}
