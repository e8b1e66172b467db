// SPDX-License-Identifier: ISC
#include "vmm/trace.h"

#include "shared/boot_abi.h"

#include <inttypes.h>
#include <stdbool.h>

/* Does the header describe what can lie in this region? */
static bool
is_sane(const struct trace_region *header, const struct fdt_range *region, uint32_t cpu)
{
	uint64_t room = region->size - TRACE_HEADER_SIZE;

	return header->magic == TRACE_MAGIC && header->version == TRACE_VERSION &&
	       header->cpu_count <= BOOT_CPUS_MAX && cpu < header->cpu_count &&
	       header->capacity != 0 && (header->capacity & (header->capacity - 1)) == 0 &&
	       header->capacity <= room / sizeof(struct trace_record) / header->cpu_count;
}

size_t
trace_read_last(const struct memory *memory, const struct fdt_range *region, uint32_t cpu,
                struct trace_record *records, size_t max, uint64_t *tsc_hz)
{
	struct trace_region header;
	struct trace_ring ring;
	uint64_t first, count, ring_at, records_at;

	if (region->size <= TRACE_HEADER_SIZE ||
	    !memory_read(memory, gpa(region->addr), &header, sizeof(header)) ||
	    !is_sane(&header, region, cpu)) {
		return 0;
	}
	ring_at = region->addr + sizeof(header) + cpu * sizeof(ring);
	records_at = region->addr + TRACE_HEADER_SIZE +
	             (uint64_t)cpu * header.capacity * sizeof(records[0]);
	if (!memory_read(memory, gpa(ring_at), &ring, sizeof(ring))) {
		return 0;
	}
	count = ring.head < header.capacity ? ring.head : header.capacity;
	count = count < max ? count : max;
	first = ring.head - count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t slot = (first + i) & (header.capacity - 1);

		if (!memory_read(memory, gpa(records_at + slot * sizeof(records[0])), &records[i],
		                 sizeof(records[0]))) {
			return 0;
		}
	}
	*tsc_hz = header.tsc_hz;
	return count;
}

static const char *
event_name(uint16_t event)
{
	static const char *const names[TRACE_EVENT_COUNT] = {
#define EVENT_NAME(name, a, b) [TRACE_##name] = #name,
		TRACE_EVENTS(EVENT_NAME)
#undef EVENT_NAME
	};

	return event < TRACE_EVENT_COUNT ? names[event] : "unknown event";
}

void
trace_print(FILE *out, const struct trace_record *records, size_t count, uint64_t tsc_hz)
{
	for (size_t i = 0; i < count; i++) {
		const struct trace_record *record = &records[i];
		uint64_t ago = records[count - 1].tsc - record->tsc;

		if (tsc_hz != 0) {
			fprintf(out, "    %12.1f us", -(double)(int64_t)ago * 1e6 / (double)tsc_hz);
		} else {
			fprintf(out, "    -%11" PRIu64 " cycles", ago);
		}
		fprintf(out,
		        "  pid %-4" PRIu32 " count %08" PRIx32 "  %-22s a=%" PRIu32 " b=%" PRIx64
		        "\n",
		        record->pid, record->preempt_count, event_name(record->event), record->a,
		        record->b);
	}
}
