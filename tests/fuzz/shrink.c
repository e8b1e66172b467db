// SPDX-License-Identifier: ISC
#include "tests/fuzz/shrink.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/records.h"
#include "tests/fuzz/target.h"

#define ROUNDS_MAX 8

static struct records best, attempt;
static uint8_t bytes[RECORDS_BYTES];
static char words[512];
static shrink_run *run_input;
static unsigned int run_count;

/* One number, as hexadecimal as it may be, is like another; of a word, letters count. */
static const char *
skip_number(const char *p)
{
	const char *end = p + strspn(p, "0123456789abcdefABCDEFx");

	return isdigit((unsigned char)*p) && !isalnum((unsigned char)*end) ? end : p;
}

bool
shrink_same(const char *one, const char *two)
{
	while (*one != '\0' && *two != '\0') {
		const char *one_end = skip_number(one);
		const char *two_end = skip_number(two);

		if (one_end != one && two_end != two) {
			one = one_end;
			two = two_end;
		} else if (*one++ != *two++) {
			return false;
		}
	}
	return *one == *two;
}

static bool
is_wrong(const uint8_t *data, size_t size)
{
	const char *finding;

	run_count++;
	finding = run_input(data, size);
	return finding != NULL && shrink_same(finding, words);
}

/* The attempt is the best one if it is still wrong. */
static bool
try_attempt(void)
{
	size_t size = records_write(&attempt, bytes, sizeof(bytes));

	if (!is_wrong(bytes, size)) {
		return false;
	}
	records_read(&best, bytes, size);
	return true;
}

/* ---- records ---- */

static bool
is_of(unsigned int n, bool schedule)
{
	return (FUZZ_STREAM(record_bytes(&best, n)[0]) == FUZZ_SCHEDULE) == schedule;
}

static unsigned int
count_of(bool schedule)
{
	unsigned int count = 0;

	for (unsigned int n = 0; n < best.count; n++) {
		count += is_of(n, schedule);
	}
	return count;
}

static bool
is_moment(uint8_t *record)
{
	return record[0] == FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT) && record[1] >= 2;
}

static bool
is_drop(const uint8_t *record)
{
	return record[0] == FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_DROP) && record[1] >= FUZZ_DROP_LENGTH;
}

/* What is behind a moment that is taken out of the attempt stays at its point. */
static void
pass_delta(unsigned int n, const uint8_t *gone)
{
	for (; n < attempt.count; n++) {
		uint8_t *record = record_bytes(&attempt, n);

		if (is_moment(record)) {
			unsigned int delta =
				record[2] + 256u * record[3] + gone[2] + 256u * gone[3];

			delta = delta < 0xffff ? delta : 0xffff;
			record[2] = (uint8_t)delta;
			record[3] = (uint8_t)(delta >> 8);
			return;
		}
	}
}

/* Without `count` records of this part of the streams, from the first-th of them on. */
static bool
without(bool schedule, unsigned int first, unsigned int count, bool keep_points)
{
	unsigned int number = 0, removed = 0;

	attempt = best;
	for (unsigned int n = 0; n < best.count; n++) {
		uint8_t *record = record_bytes(&attempt, n - removed);

		if (!is_of(n, schedule) || number++ < first || number > first + count) {
			continue;
		}
		records_remove(&attempt, n - removed, 1);
		if (keep_points && is_moment(record)) {
			pass_delta(n - removed, record);
		}
		removed++;
	}
	return removed != 0 && try_attempt();
}

/* In pieces, from all of them down to one. */
static bool
fewer(bool schedule)
{
	unsigned int before = count_of(schedule);

	for (unsigned int piece = before; piece != 0; piece /= 2) {
		for (unsigned int first = count_of(schedule); first != 0;) {
			unsigned int count = piece < first ? piece : first;

			first -= count;
			if (!(schedule && without(schedule, first, count, true))) {
				without(schedule, first, count, false);
			}
		}
	}
	return count_of(schedule) != before;
}

/* An argument of a byte, or the number of two that a moment and a drop begin with. */
struct argument {
	unsigned int record;
	unsigned int at;
	unsigned int bytes;
};

static unsigned int
get_argument(const struct argument *argument)
{
	const uint8_t *record = record_bytes(&best, argument->record);
	unsigned int value = record[argument->at];

	return argument->bytes == 1 ? value : value + 256u * record[argument->at + 1];
}

static bool
try_argument(const struct argument *argument, unsigned int value)
{
	uint8_t *record;

	attempt = best;
	record = record_bytes(&attempt, argument->record);
	record[argument->at] = (uint8_t)value;
	if (argument->bytes == 2) {
		record[argument->at + 1] = (uint8_t)(value >> 8);
	}
	return try_attempt();
}

/* To 0, or to as little as halving leads to. */
static bool
plainer_argument(struct argument argument)
{
	unsigned int before = get_argument(&argument);
	unsigned int too_little = 0, value = before;

	if (value == 0 || try_argument(&argument, 0)) {
		return value != 0;
	}
	while (value - too_little > 1) {
		unsigned int middle = (value + too_little) / 2;

		if (try_argument(&argument, middle)) {
			value = middle;
		} else {
			too_little = middle;
		}
	}
	return value != before;
}

static bool
try_length(unsigned int n, uint8_t length)
{
	uint8_t record[RECORD_MAX];

	attempt = best;
	memcpy(record, record_bytes(&best, n), sizeof(struct fuzz_record) + length);
	record[1] = length;
	records_remove(&attempt, n, 1);
	return records_insert(&attempt, n, record, sizeof(struct fuzz_record) + length) &&
	       try_attempt();
}

/* Without bytes behind the arguments; of movers, only the highest. */
static bool
shorter(unsigned int n)
{
	uint8_t type = record_bytes(&best, n)[0];
	uint8_t before = record_bytes(&best, n)[1];

	for (size_t k = 0; k < fuzz_target.kind_count; k++) {
		uint8_t count = fuzz_target.kinds[k].arg_count;

		if (fuzz_target.kinds[k].type == type && before > count) {
			return try_length(n, count);
		}
	}
	for (unsigned int length = 0;
	     type == FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_PRIORITIES) && length < before;
	     length = length * 2 + 1) {
		if (try_length(n, (uint8_t)length)) {
			return true;
		}
	}
	return false;
}

static bool
plainer(bool schedule)
{
	bool is_plainer = false;

	for (unsigned int n = 0; n < best.count; n++) {
		unsigned int end, at = 2;

		if (!is_of(n, schedule)) {
			continue;
		}
		is_plainer |= shorter(n);
		end = 2u + record_bytes(&best, n)[1];
		if (is_moment(record_bytes(&best, n)) || is_drop(record_bytes(&best, n))) {
			is_plainer |= plainer_argument((struct argument){ n, at, 2 });
			at += 2;
		}
		for (; at < end; at++) {
			is_plainer |= plainer_argument((struct argument){ n, at, 1 });
		}
	}
	return is_plainer;
}

/* The first of the values below the header's that will do. */
static bool
lower(size_t offset)
{
	uint8_t value = ((const uint8_t *)&best.header)[offset];

	for (unsigned int less = 0; less < value; less++) {
		attempt = best;
		((uint8_t *)&attempt.header)[offset] = (uint8_t)less;
		if (try_attempt()) {
			return true;
		}
	}
	return false;
}

static bool
plainer_header(void)
{
	bool is_plainer = lower(offsetof(struct fuzz_header, slice));

	is_plainer |= lower(offsetof(struct fuzz_header, cpus));
	is_plainer |= lower(offsetof(struct fuzz_header, model));
	return is_plainer;
}

static size_t
shrink_records(uint8_t *data, size_t size)
{
	bool is_smaller = true;
	size_t whole;

	records_read(&best, data, size);
	whole = records_write(&best, bytes, sizeof(bytes));
	if (!is_wrong(bytes, whole)) {
		return size;
	}
	for (unsigned int round = 0; round < ROUNDS_MAX && is_smaller; round++) {
		is_smaller = fewer(true);
		is_smaller |= plainer(true);
		is_smaller |= fewer(false);
		is_smaller |= plainer(false);
		is_smaller |= plainer_header();
	}
	return records_write(&best, data, size);
}

/* ---- plain bytes ---- */

static bool
fewer_bytes(uint8_t *data, size_t *size)
{
	size_t before = *size;

	for (size_t piece = before; piece != 0; piece /= 2) {
		for (size_t first = *size; first != 0;) {
			size_t count = piece < first ? piece : first;

			first -= count;
			memcpy(bytes, data, first);
			memcpy(bytes + first, data + first + count, *size - first - count);
			if (is_wrong(bytes, *size - count)) {
				*size -= count;
				memcpy(data, bytes, *size);
			}
		}
	}
	return *size != before;
}

static size_t
shrink_bytes(uint8_t *data, size_t size)
{
	for (unsigned int round = 0; round < ROUNDS_MAX && fewer_bytes(data, &size); round++) {
		;
	}
	for (size_t n = 0; n < size; n++) {
		uint8_t value = data[n];

		data[n] = 0;
		if (value != 0 && !is_wrong(data, size)) {
			data[n] = value;
		}
	}
	return size;
}

size_t
shrink(uint8_t *data, size_t size, shrink_run *run, unsigned int *runs)
{
	const char *finding = run(data, size);

	run_input = run;
	run_count = 1;
	if (finding != NULL) {
		snprintf(words, sizeof(words), "%s", finding);
		size = size < sizeof(bytes) ? size : sizeof(bytes);
		size = fuzz_target.kinds != NULL ? shrink_records(data, size)
		                                 : shrink_bytes(data, size);
	}
	*runs = run_count;
	return size;
}
