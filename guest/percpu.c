// SPDX-License-Identifier: ISC
/*
 * Per-CPU areas: cpu 0's is the section, the others are copies of what it holds early in boot.
 */
#include "guest/percpu.h"

#include "guest/page.h"
#include "guest/panic.h"
#include "guest/string.h"

extern char __percpu_start[];
extern char __percpu_end[];

uintptr_t percpu_offset[CPUS_MAX];

DEFINE_PER_CPU(uint32_t, cpu_number);
DEFINE_PER_CPU(uintptr_t, this_cpu_offset);

void
percpu_init(uint32_t count)
{
	size_t size = (size_t)(__percpu_end - __percpu_start);
	size_t pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;

	ASSERT(count >= 1 && count <= CPUS_MAX);
	for (uint32_t cpu = 1; cpu < count; cpu++) {
		char *area = page_alloc_contiguous(pages);

		if (area == NULL) {
			panic("no memory for the per-CPU area of cpu %u", cpu);
		}
		memcpy(area, __percpu_start, size);
		percpu_offset[cpu] = (uintptr_t)area - (uintptr_t)__percpu_start;
		per_cpu(cpu_number, cpu) = cpu;
		per_cpu(this_cpu_offset, cpu) = percpu_offset[cpu];
	}
}
