// SPDX-License-Identifier: ISC
#include "tests/host/record.h"

#include "tests/host/run.h"

bool record_runs;

static struct trace_record records[RECORDS_MAX];
static size_t record_count;
static size_t boot_count;
static size_t run_first;
static bool is_booting;

void
record_begin_boot(void)
{
	record_count = 0;
	is_booting = true;
}

void
record_end_boot(void)
{
	boot_count = record_count;
	run_first = record_count;
	is_booting = false;
}

void
record_begin_run(void)
{
	record_count = boot_count;
	is_booting = record_runs;
}

void
record_end_prepare(void)
{
	run_first = record_count;
	is_booting = false;
}

bool
record_wanted(void)
{
	return is_booting || (record_runs && !host_quiet);
}

void
record_add(struct trace_record record)
{
	if (!record_wanted()) {
		return;
	}
	if (record_count == RECORDS_MAX) {
		host_fail("the run has more than %u trace records", RECORDS_MAX);
	}
	record.tsc = is_booting ? 0 : (uint64_t)machine.moment - 1;
	records[record_count++] = record;
}

const struct trace_record *
record_list(size_t *count, size_t *first)
{
	*count = record_count;
	if (first != NULL) {
		*first = run_first;
	}
	return records;
}
