// SPDX-License-Identifier: ISC
#include "tests/fuzz/edit.h"

#include "tests/fuzz/draw.h"
#include "tests/fuzz/kind.h"

/* The next record of the schedule, from the at-th record on. it->count: there is none. */
static unsigned int
schedule_from(struct records *it, unsigned int at)
{
	while (at < it->count && !record_is_moment(record_bytes(it, at))) {
		at++;
	}
	return at;
}

/* What happens comes earlier or later; all behind it stays at its points, if there is any way to.
 */
static void
shift(struct records *it, unsigned int at)
{
	uint8_t *record = record_bytes(it, at);
	unsigned int next = schedule_from(it, at + 1);
	unsigned int before = record_delta(record);
	unsigned int most = kind_delta_max();
	unsigned int after = next < it->count ? record_delta(record_bytes(it, next)) : most;
	unsigned int by = draw_one_in(2) ? 1 + draw_below(4) : draw_delta();

	if (draw_one_in(2)) {
		by = by < before ? by : before;
		record_set_delta(record, before - by);
		after = after + by < most ? after + by : most;
	} else {
		by = by < after ? by : after;
		record_set_delta(record, before + by < most ? before + by : most);
		after -= by;
	}
	if (next < it->count) {
		record_set_delta(record_bytes(it, next), after);
	}
}

bool
edit_schedule(struct records *it)
{
	const struct fuzz_kind *kind = kind_of(FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT));
	unsigned int at = schedule_from(it, it->count != 0 ? draw_below(it->count) : 0);
	uint8_t *record, *args;

	if (kind == NULL || at >= it->count) {
		return false;
	}
	record = record_bytes(it, at);
	args = record + sizeof(struct fuzz_record);
	switch (draw_below(8)) {
	case 0:
		record_set_delta(record, draw_delta());
		break;
	case 1:
		args[2] = draw_other(args[2], kind_bound(kind, 2));
		break;
	case 2:
		args[3] = draw_other(args[3], kind_bound(kind, 3));
		break;
	case 3:
		args[4] = draw_one_in(2) ? 0 : draw_other(args[4], kind_bound(kind, 4));
		break;
	default:
		shift(it, at);
		break;
	}
	return true;
}
