// SPDX-License-Identifier: ISC
/*
 * Writing and reading trace records. A slot belongs to whoever advanced head, in one instruction,
 * so an interrupt or NMI in between takes the next one.
 */
#include "guest/trace.h"

#include "guest/arch.h"
#include "guest/boot_info.h"
#include "guest/cmdline.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/task.h"

static struct trace_region *region;
static DEFINE_PER_CPU(struct trace_ring *, trace_ring);
static DEFINE_PER_CPU(struct trace_record *, trace_records);
static DEFINE_PER_CPU(uint64_t, trace_mask); /* of a record's number: its slot */

bool trace_on;

static struct trace_ring *
ring_of(unsigned int cpu)
{
	return (struct trace_ring *)(region + 1) + cpu;
}

static struct trace_record *
records_of(unsigned int cpu)
{
	char *first = (char *)region + TRACE_HEADER_SIZE;

	return (struct trace_record *)first + (size_t)cpu * region->capacity;
}

/* The largest power of two of records for each cpu that the region holds. */
static uint32_t
capacity_of(uint64_t size, uint32_t cpus)
{
	uint64_t share = (size - TRACE_HEADER_SIZE) / sizeof(struct trace_record) / cpus;
	uint32_t capacity = 1;

	ASSERT(share != 0);
	while (capacity <= share / 2 && capacity < 1u << 30) {
		capacity *= 2;
	}
	return capacity;
}

void
trace_init(const struct boot_info *info)
{
	uint64_t size = info->trace.size;
	uint32_t cpus = info->cpu_count;

	if (size > TRACE_HEADER_SIZE + cpus * sizeof(struct trace_record)) {
		region = arch_phys_to_virt(info->trace.addr);
	} else {
		size = TRACE_HEADER_SIZE +
		       (uint64_t)cpus * TRACE_CAPACITY * sizeof(struct trace_record);
		region = page_alloc_contiguous(size / PAGE_SIZE);
		if (region == NULL) {
			panic("no memory for %u trace rings", cpus);
		}
	}
	*region = (struct trace_region){
		.version = TRACE_VERSION,
		.cpu_count = cpus,
		.capacity = capacity_of(size, cpus),
		.tsc_hz = info->tsc_hz,
	};
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		per_cpu(trace_ring, cpu) = ring_of(cpu);
		per_cpu(trace_records, cpu) = records_of(cpu);
		per_cpu(trace_mask, cpu) = region->capacity - 1;
	}
	smp_wmb(); /* the layout before the magic: pairs with the reader, who checks it first */
	region->magic = TRACE_MAGIC;
	trace_on = boot_args.trace;
}

static inline uint8_t
flags_of(const struct task *task)
{
	uint32_t flags = atomic_load(&task->flags);

	return (arch_irqs_disabled() ? TRACE_FLAG_IRQS_OFF : 0) |
	       (flags & TIF_NEED_RESCHED ? TRACE_FLAG_NR : 0) |
	       (flags & TIF_NEED_RESCHED_LAZY ? TRACE_FLAG_LAZY : 0);
}

void
trace_write(enum trace_event event, uint32_t a, uint64_t b)
{
	uint32_t count = preempt_count_raw();
	const struct task *task = current;
	struct trace_record *record;
	uint64_t slot;

	preempt_disable_notrace();
	slot = arch_local_fetch_add(&this_cpu_read(trace_ring)->head, 1);
	record = this_cpu_read(trace_records) + (slot & this_cpu_read(trace_mask));
	*record = (struct trace_record){
		.tsc = arch_cycles(),
		.preempt_count = count,
		.event = (uint16_t)event,
		.flags = flags_of(task),
		.cpu = (uint8_t)raw_smp_processor_id(),
		.pid = task->pid,
		.a = a,
		.b = b,
	};
	preempt_enable_notrace();
}

uint64_t
trace_head(unsigned int cpu)
{
	return *(const volatile uint64_t *)&ring_of(cpu)->head;
}

bool
trace_read(unsigned int cpu, uint64_t n, struct trace_record *record)
{
	if (n >= trace_head(cpu)) {
		return false;
	}
	*record = records_of(cpu)[n & (region->capacity - 1)];
	barrier();
	return trace_head(cpu) - n <= region->capacity;
}
