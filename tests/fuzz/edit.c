// SPDX-License-Identifier: ISC
#include "tests/fuzz/edit.h"

#include <string.h>

#include "tests/fuzz/draw.h"
#include "tests/fuzz/kind.h"

#define RUN_MAX 8 /* records that are put in, taken out or copied together */

/* Each edit says if it could be made. */

static bool
insert_new(struct records *it)
{
	unsigned int at = draw_below(it->count + 1);
	unsigned int count = draw_one_in(4) ? 1 + draw_below(RUN_MAX) : 1;
	uint8_t record[RECORD_MAX];

	for (unsigned int n = 0; n < count; n++) {
		if (!records_insert(it, at + n, record, draw_record(record))) {
			return n != 0;
		}
	}
	return true;
}

/* Of records that are next to each other: mostly one. */
static unsigned int
any_run(const struct records *it, unsigned int *at)
{
	unsigned int longest;

	*at = draw_below(it->count);
	longest = it->count - *at < RUN_MAX ? it->count - *at : RUN_MAX;
	return draw_one_in(2) ? 1 : 1 + draw_below(longest);
}

static bool
remove_run(struct records *it)
{
	unsigned int at;
	unsigned int count;

	if (it->count == 0) {
		return false;
	}
	count = any_run(it, &at);
	records_remove(it, at, count);
	return true;
}

static bool
copy_run(struct records *it)
{
	unsigned int from, at;
	unsigned int count;

	if (it->count == 0) {
		return false;
	}
	count = any_run(it, &from);
	at = draw_below(it->count + 1);
	for (unsigned int n = 0; n < count; n++) {
		/* What is put in before what is still to be read moves that on. */
		unsigned int source = from + n + (at <= from + n ? n : 0);

		if (!records_insert(it, at + n, record_bytes(it, source), it->list[source].size)) {
			return n != 0;
		}
	}
	return true;
}

static bool
swap_two(struct records *it)
{
	unsigned int one, two;
	struct record kept;

	if (it->count < 2) {
		return false;
	}
	one = draw_below(it->count);
	two = draw_one_in(2) ? draw_below(it->count) : (one + 1) % it->count;
	kept = it->list[one];
	it->list[one] = it->list[two];
	it->list[two] = kept;
	return true;
}

static bool
move_run(struct records *it)
{
	static struct record kept[RUN_MAX];
	unsigned int from, to;
	unsigned int count;

	if (it->count < 2) {
		return false;
	}
	count = any_run(it, &from);
	memcpy(kept, it->list + from, count * sizeof(kept[0]));
	memmove(it->list + from, it->list + from + count,
	        (it->count - from - count) * sizeof(it->list[0]));
	to = draw_below(it->count - count + 1);
	memmove(it->list + to + count, it->list + to,
	        (it->count - count - to) * sizeof(it->list[0]));
	memcpy(it->list + to, kept, count * sizeof(kept[0]));
	return true;
}

/* A record that the target knows and that has arguments. NULL: none was met. */
static uint8_t *
any_known(struct records *it, const struct fuzz_kind **kind)
{
	for (unsigned int tries = 0; it->count != 0 && tries < 8; tries++) {
		uint8_t *record = record_bytes(it, draw_below(it->count));

		*kind = kind_of(record[0]);
		if (*kind != NULL && (*kind)->arg_count != 0 && record[1] >= (*kind)->arg_count) {
			return record;
		}
	}
	return NULL;
}

static bool
change_argument(struct records *it)
{
	const struct fuzz_kind *kind;
	uint8_t *record = any_known(it, &kind);
	unsigned int arg;

	if (record == NULL) {
		return false;
	}
	arg = draw_below(kind->arg_count);
	record[2 + arg] = draw_other(record[2 + arg], kind_bound(kind, arg));
	return true;
}

/* From another record: two that are about the same task, page or port. */
static bool
copy_argument(struct records *it)
{
	const struct fuzz_kind *kind, *from_kind;
	uint8_t *record = any_known(it, &kind);
	const uint8_t *from = any_known(it, &from_kind);
	unsigned int arg;

	if (record == NULL || from == NULL) {
		return false;
	}
	arg = draw_below(kind->arg_count);
	record[2 + arg] =
		(uint8_t)(from[2 + draw_below(from_kind->arg_count)] % kind_bound(kind, arg));
	return true;
}

/* Surplus bytes: those behind the arguments that a kind has, or all of an unknown one's. */
static bool
change_surplus(struct records *it)
{
	const struct fuzz_kind *kind;
	uint8_t *record;
	unsigned int first;

	if (it->count == 0) {
		return false;
	}
	record = record_bytes(it, draw_below(it->count));
	kind = kind_of(record[0]);
	first = kind != NULL ? kind->arg_count : 0;
	if (record[1] <= first) {
		return false;
	}
	first += draw_below(record[1] - first);
	record[2 + first] = draw_other(record[2 + first], 256);
	return true;
}

/* To a kind of the same stream that has as many arguments, or fewer: they stay. */
static bool
change_kind(struct records *it)
{
	const struct fuzz_kind *kind = draw_kind();
	unsigned int n;
	uint8_t *record;

	if (it->count == 0) {
		return false;
	}
	n = draw_below(it->count);
	record = record_bytes(it, n);
	if (kind_of(record[0]) == NULL || FUZZ_STREAM(record[0]) != FUZZ_STREAM(kind->type) ||
	    !records_have_room(it, kind->arg_count)) {
		return false;
	}
	record[0] = kind->type;
	kind_complete(it, n);
	return true;
}

static bool
change_header(struct records *it)
{
	switch (draw_below(4)) {
	case 0:
		it->header.cpus = (uint8_t)draw_below(DRAW_CPUS);
		break;
	case 1:
		it->header.model = (uint8_t)draw_below(FUZZ_MODEL_COUNT);
		break;
	default:
		it->header.slice = draw_slice();
		break;
	}
	return true;
}

void
edit(struct records *it)
{
	static bool (*const edits[])(struct records *) = {
		insert_new,    insert_new,    insert_new,      remove_run,      copy_run,
		move_run,      swap_two,      change_argument, change_argument, change_argument,
		copy_argument, change_kind,   change_header,   edit_schedule,   edit_schedule,
		edit_schedule, edit_schedule, change_surplus,
	};

	for (unsigned int tries = 0; tries < 8; tries++) {
		if (edits[draw_below(sizeof(edits) / sizeof(edits[0]))](it)) {
			return;
		}
	}
}
