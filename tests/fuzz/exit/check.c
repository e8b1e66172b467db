// SPDX-License-Identifier: ISC
#define _GNU_SOURCE /* memmem */
#include "tests/fuzz/exit/check.h"

#include "vmm/trace.h"

#include "tests/fuzz/exit/guest.h"
#include "tests/fuzz/exit/host.h"

#include "shared/boot_abi.h"
#include "shared/scenario_abi.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define LAST 12u /* records: as many as a report has */

/* A line of ours, or one that belongs to it; nothing that a terminal would obey. */
static const char *
check_lines(void)
{
	bool is_start = true;

	for (size_t i = 0; i < exit_host.report_size; i++) {
		char byte = exit_report[i];

		if (is_start && byte != ' ' &&
		    (exit_host.report_size - i < 5 || memcmp(exit_report + i, "vmm: ", 5) != 0)) {
			return "a line of the report does not say whose it is";
		}
		if (byte != '\n' && (byte < ' ' || byte > '~')) {
			return "the report has a byte that is no text";
		}
		is_start = byte == '\n';
	}
	return is_start ? NULL : "the report's last line has no end";
}

/* The README's table. */
static int
status_of(const struct end *end)
{
	switch (end->kind) {
	case END_GUEST_EXIT:
		return end->status;
	case END_GUEST_RESET:
		return EXIT_STATUS_OK;
	case END_GUEST_PANIC:
	case END_CRASH:
	case END_RUN_FAILED:
		return EXIT_STATUS_CRASHED;
	case END_OUTPUT_FAILED:
		return end->error == EPIPE ? 141 : EXIT_STATUS_CANT_CREATE;
	case END_SIGNAL:
		return 128 + end->signal;
	case END_TIMEOUT:
		return EXIT_STATUS_TIMEOUT;
	case END_NONE:
	case END_HOST:
		break;
	}
	return -1;
}

const char *
exit_check_report(const struct end *end)
{
	if (end_status(end) != status_of(end)) {
		return "the run's status is not the README's";
	}
	if (end->kind != END_GUEST_EXIT && exit_host.report_size == 0) {
		return "a run has ended without a word";
	}
	if (exit_host.report_size == EXIT_REPORT_MAX) {
		return "the report has no end";
	}
	return check_lines();
}

/* How many records of it there are to be read. */
static uint64_t
readable(uint32_t cpu, const struct trace_region *header, uint64_t head)
{
	uint64_t size = TRACE_HEADER_SIZE + (uint64_t)header->cpu_count * header->capacity *
	                                            sizeof(struct trace_record);
	uint64_t count = head < LAST ? head : LAST;

	if (header->magic != TRACE_MAGIC || header->version != TRACE_VERSION ||
	    cpu >= header->cpu_count || header->cpu_count > BOOT_CPUS_MAX ||
	    __builtin_popcount(header->capacity) != 1 || size > guest.trace.size) {
		return 0;
	}
	return count < header->capacity ? count : header->capacity;
}

/* The cpu that ended the run has its last records told. */
static bool
is_told(void)
{
	static const char words[] = "  last trace records\n";

	return memmem(exit_report, exit_host.report_size, words, sizeof(words) - 1) != NULL;
}

static bool
is_crash(const struct end *end)
{
	return end->kind == END_CRASH || end->kind == END_GUEST_PANIC ||
	       end->kind == END_RUN_FAILED;
}

const char *
exit_check_trace(uint32_t cpu, const struct end *end)
{
	struct trace_record records[LAST], record;
	struct trace_region header;
	struct trace_ring ring;
	uint64_t hz, count, lost;

	count = trace_read_last(&guest.memory, &guest.trace, cpu, records, LAST, &hz);
	if (guest.trace.size <= TRACE_HEADER_SIZE) {
		return count == 0 ? NULL : "records are read where no trace is";
	}
	memory_read(&guest.memory, gpa(guest.trace.addr), &header, sizeof(header));
	memory_read(&guest.memory, gpa(guest.trace.addr + sizeof(header) + cpu * sizeof(ring)),
	            &ring, sizeof(ring));
	if (count != readable(cpu, &header, ring.head)) {
		return "more or fewer records are read than a trace has";
	}
	if (count != 0 && cpu == end->cpu && is_crash(end) && !is_told()) {
		return "the report lacks the trace";
	}
	lost = ring.head - count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t slot = (uint64_t)cpu * header.capacity + (lost + i) % header.capacity;

		memory_read(&guest.memory,
		            gpa(guest.trace.addr + TRACE_HEADER_SIZE + slot * sizeof(record)),
		            &record, sizeof(record));
		if (memcmp(&record, &records[i], sizeof(record)) != 0) {
			return "a record is read that is not one of the last";
		}
	}
	return NULL;
}

static uint64_t
hash(uint64_t value, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++) {
		value = (value ^ at[i]) * 0x100000001b3ull;
	}
	return value;
}

uint64_t
exit_check_hash(const struct end *end)
{
	int status = end_status(end);
	uint64_t value = hash(0xcbf29ce484222325ull, exit_output, exit_host.output_size);

	value = hash(value, exit_report, exit_host.report_size);
	return hash(value, &status, sizeof(status));
}
