// SPDX-License-Identifier: ISC
#include "tests/fuzz/cross.h"

#include "tests/fuzz/draw.h"

/* One's operations and replies in the other's schedule, or so: this stream is the second's. */
static void
exchange(struct records *it, struct records *other, unsigned int stream)
{
	unsigned int at = 0;

	for (unsigned int n = it->count; n-- != 0;) {
		if (FUZZ_STREAM(record_bytes(it, n)[0]) == stream) {
			records_remove(it, n, 1);
		}
	}
	for (unsigned int n = 0; n < other->count; n++) {
		const uint8_t *record = record_bytes(other, n);

		if (FUZZ_STREAM(record[0]) != stream) {
			continue;
		}
		if (!records_insert(it, at, record, other->list[n].size)) {
			return;
		}
		/* Both in order; how they are mixed says nothing. */
		at = at + 2 < it->count ? at + 2 : it->count;
	}
}

/* Some of the other's records, in their order, in the place of some of ours. */
static void
splice(struct records *it, struct records *other)
{
	unsigned int at = draw_below(it->count + 1);
	unsigned int gone = draw_below(it->count - at + 1);
	unsigned int from = draw_below(other->count);
	unsigned int count = 1 + draw_below(other->count - from);

	records_remove(it, at, draw_one_in(2) ? 0 : gone);
	for (unsigned int n = 0; n < count; n++) {
		if (!records_insert(it, at + n, record_bytes(other, from + n),
		                    other->list[from + n].size)) {
			return;
		}
	}
}

void
cross(struct records *it, struct records *other)
{
	if (other->count == 0) {
		return;
	}
	if (draw_one_in(2)) {
		exchange(it, other, draw_below(FUZZ_STREAM_COUNT));
	} else {
		splice(it, other);
	}
}
