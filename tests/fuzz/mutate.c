// SPDX-License-Identifier: ISC
#include "tests/fuzz/mutate.h"

#include <string.h>

#include "tests/fuzz/records.h"
#include "tests/fuzz/target.h"
#include "tests/unit/random.h"

#define RUN_MAX     8 /* records that are put in, taken out or copied together */
#define EDITS_MAX   16
#define FOCUS_TRIES 200 /* for a kind; there may be none that the input is about */
#define CPUS_USUAL  4   /* a header's byte can say more; its reader takes it modulo what there is */

static struct records it, other;
static struct random dice;
static size_t room; /* for `it`, when written */

static unsigned int
below(size_t bound)
{
	return (unsigned int)random_below(&dice, bound);
}

static bool
one_in(unsigned int n)
{
	return below(n) == 0;
}

/* The kind of this type. NULL: the target does not know it. */
static const struct fuzz_kind *
kind_of(uint8_t type)
{
	static const struct fuzz_kind *by_type[256];

	if (by_type[fuzz_target.kinds[0].type] == NULL) {
		for (size_t n = 0; n < fuzz_target.kind_count; n++) {
			by_type[fuzz_target.kinds[n].type] = &fuzz_target.kinds[n];
		}
	}
	return by_type[type];
}

/*
 * What an input is about: some of the kinds, a few values of each argument, and how much happens at
 * a time. An input of everything is about nothing: hardly any two of its records meet.
 */
static struct {
	uint32_t seed;
	unsigned int one_in; /* of the kinds; 0: all, and all values */
	unsigned int width;  /* values of an argument, next to each other */
	unsigned int shift;  /* of the largest delta, to the right */
} focus;

static uint32_t
hash_of(const char *word, uint32_t value)
{
	uint32_t hash = focus.seed ^ value * 0x9e3779b1u;

	for (; word != NULL && *word != '\0'; word++) {
		hash = (hash ^ (uint8_t)*word) * 0x01000193u;
	}
	return hash ^ hash >> 15;
}

static bool
is_about(const struct fuzz_kind *kind)
{
	return focus.one_in == 0 || hash_of(NULL, kind->type + 1u) % focus.one_in == 0;
}

static void
focus_on_all(void)
{
	focus.one_in = 0;
	focus.shift = 0;
}

static void
focus_on_some(void)
{
	focus.seed = below(1u << 31);
	focus.one_in = 1u << below(6);
	focus.width = 1u << below(5);
	focus.shift = below(13);
}

static size_t
count_kinds(unsigned int stream)
{
	size_t count = 0;

	for (size_t n = 0; n < fuzz_target.kind_count; n++) {
		count += FUZZ_STREAM(fuzz_target.kinds[n].type) == stream;
	}
	return count;
}

static const struct fuzz_kind *
nth_kind(unsigned int stream, size_t nth)
{
	const struct fuzz_kind *kind = fuzz_target.kinds;

	while (FUZZ_STREAM(kind->type) != stream ||
	       nth-- != 0) { /* bounded: there are more than nth */
		kind++;
	}
	return kind;
}

/* Streams first: a schedule has one kind, and happens as often as all operations together. */
static const struct fuzz_kind *
any_kind(void)
{
	const struct fuzz_kind *kind;
	unsigned int stream;
	unsigned int tries = 0;
	size_t count;

	do { /* bounded: by chance; a target has kinds */
		stream = below(FUZZ_STREAM_COUNT);
		count = count_kinds(stream);
	} while (count == 0);
	do { /* bounded: so many tries */
		kind = nth_kind(stream, below(count));
	} while (stream == FUZZ_OPERATIONS && !is_about(kind) && ++tries < FOCUS_TRIES);
	return kind;
}

static unsigned int
bound_of(const struct fuzz_kind *kind, unsigned int arg)
{
	return kind->below[arg] != 0 ? kind->below[arg] : 256;
}

/* Arguments of one name have the same few values in all kinds. */
static unsigned int
any_value(const struct fuzz_kind *kind, unsigned int arg)
{
	unsigned int bound = bound_of(kind, arg);

	if (focus.one_in == 0 || focus.width >= bound) {
		return below(bound);
	}
	return (hash_of(kind->args[arg], arg) + below(focus.width)) % bound;
}

static void
set_delta(uint8_t *args, unsigned int delta)
{
	args[0] = (uint8_t)delta;
	args[1] = (uint8_t)(delta >> 8);
}

static unsigned int
get_delta(const uint8_t *args)
{
	return args[0] | (unsigned int)args[1] << 8;
}

static unsigned int
delta_max(void)
{
	return bound_of(kind_of(FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT)), 1) * 256 - 1;
}

/* Of all magnitudes: most of what happens does so soon after what was before. */
static unsigned int
any_delta(void)
{
	unsigned int max = 0xffffu >> focus.shift;

	return below((max < delta_max() ? max : delta_max()) + 1) >> below(16);
}

/* Mostly none, or as few as make a difference. */
static uint8_t
any_slice(void)
{
	return (uint8_t)(one_in(2) ? 0 : one_in(2) ? below(8) : below(256));
}

static bool
is_schedule(const uint8_t *record)
{
	return record[0] == FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT) && record[1] >= FUZZ_AT_LENGTH;
}

static size_t
make_record(uint8_t *record)
{
	const struct fuzz_kind *kind = any_kind();

	record[0] = kind->type;
	record[1] = kind->arg_count;
	for (unsigned int n = 0; n < kind->arg_count; n++) {
		record[2 + n] = (uint8_t)any_value(kind, n);
	}
	if (is_schedule(record)) {
		set_delta(record + 2, any_delta());
		if (!one_in(4)) {
			record[2 + 4] = 0;
		}
	}
	return sizeof(struct fuzz_record) + kind->arg_count;
}

static bool
insert(unsigned int at, const uint8_t *record, size_t size)
{
	return it.size + size <= room && records_insert(&it, at, record, size);
}

/* The n-th record with all arguments that its kind has, each as its reader takes it. */
static void
complete(struct records *records, unsigned int n)
{
	uint8_t *record = record_bytes(records, n);
	const struct fuzz_kind *kind = kind_of(record[0]);
	uint8_t whole[RECORD_MAX] = { 0 };

	if (kind == NULL) {
		return;
	}
	if (record[1] < kind->arg_count) {
		memcpy(whole, record, records->list[n].size);
		whole[1] = kind->arg_count;
		records_replace(records, n, whole, sizeof(struct fuzz_record) + whole[1]);
		record = record_bytes(records, n);
	}
	for (unsigned int arg = 0; arg < kind->arg_count; arg++) {
		record[2 + arg] = (uint8_t)(record[2 + arg] % bound_of(kind, arg));
	}
}

static void
take(struct records *records, const uint8_t *data, size_t size)
{
	records_read(records, data, size);
	records->header.version = FUZZ_VERSION;
	records->header.model %= FUZZ_MODEL_COUNT;
	for (unsigned int n = 0; n < records->count; n++) {
		complete(records, n);
	}
	records_cut(records, room);
}

/* Edits. Each says if it could be made. */

static bool
insert_new(void)
{
	unsigned int at = below(it.count + 1);
	unsigned int count = one_in(4) ? 1 + below(RUN_MAX) : 1;
	uint8_t record[RECORD_MAX];

	for (unsigned int n = 0; n < count; n++) {
		if (!insert(at + n, record, make_record(record))) {
			return n != 0;
		}
	}
	return true;
}

/* Of records that are next to each other: mostly one. */
static unsigned int
any_run(unsigned int *at)
{
	unsigned int longest;

	*at = below(it.count);
	longest = it.count - *at < RUN_MAX ? it.count - *at : RUN_MAX;
	return one_in(2) ? 1 : 1 + below(longest);
}

static bool
remove_run(void)
{
	unsigned int at;
	unsigned int count;

	if (it.count == 0) {
		return false;
	}
	count = any_run(&at);
	records_remove(&it, at, count);
	return true;
}

static bool
copy_run(void)
{
	unsigned int from, at;
	unsigned int count;

	if (it.count == 0) {
		return false;
	}
	count = any_run(&from);
	at = below(it.count + 1);
	for (unsigned int n = 0; n < count; n++) {
		/* What is put in before what is still to be read moves that on. */
		unsigned int source = from + n + (at <= from + n ? n : 0);

		if (!insert(at + n, record_bytes(&it, source), it.list[source].size)) {
			return n != 0;
		}
	}
	return true;
}

static bool
swap_two(void)
{
	unsigned int one, two;
	struct record kept;

	if (it.count < 2) {
		return false;
	}
	one = below(it.count);
	two = one_in(2) ? below(it.count) : (one + 1) % it.count;
	kept = it.list[one];
	it.list[one] = it.list[two];
	it.list[two] = kept;
	return true;
}

static bool
move_run(void)
{
	static struct record kept[RUN_MAX];
	unsigned int from, to;
	unsigned int count;

	if (it.count < 2) {
		return false;
	}
	count = any_run(&from);
	memcpy(kept, it.list + from, count * sizeof(kept[0]));
	memmove(it.list + from, it.list + from + count,
	        (it.count - from - count) * sizeof(it.list[0]));
	to = below(it.count - count + 1);
	memmove(it.list + to + count, it.list + to, (it.count - count - to) * sizeof(it.list[0]));
	memcpy(it.list + to, kept, count * sizeof(kept[0]));
	return true;
}

/* A near value, a far one, or one at which readers decide. */
static uint8_t
changed(uint8_t value, unsigned int bound)
{
	const unsigned int interesting[] = { 0, 1, bound - 1, bound - 2, bound / 2, 0x7f, 0x80 };
	unsigned int next;

	switch (below(4)) {
	case 0:
		next = value + 1 + below(4);
		break;
	case 1:
		next = value + 4 * bound - 1 - below(4);
		break;
	case 2:
		next = interesting[below(sizeof(interesting) / sizeof(interesting[0]))];
		break;
	default:
		next = below(bound);
		break;
	}
	return (uint8_t)(next % bound);
}

/* A record that the target knows and that has arguments. NULL: none was met. */
static uint8_t *
any_known(const struct fuzz_kind **kind)
{
	for (unsigned int tries = 0; it.count != 0 && tries < 8; tries++) {
		uint8_t *record = record_bytes(&it, below(it.count));

		*kind = kind_of(record[0]);
		if (*kind != NULL && (*kind)->arg_count != 0 && record[1] >= (*kind)->arg_count) {
			return record;
		}
	}
	return NULL;
}

static bool
change_argument(void)
{
	const struct fuzz_kind *kind;
	uint8_t *record = any_known(&kind);
	unsigned int arg;

	if (record == NULL) {
		return false;
	}
	arg = below(kind->arg_count);
	record[2 + arg] = changed(record[2 + arg], bound_of(kind, arg));
	return true;
}

/* From another record: two that are about the same task, page or port. */
static bool
copy_argument(void)
{
	const struct fuzz_kind *kind, *from_kind;
	uint8_t *record = any_known(&kind);
	const uint8_t *from = any_known(&from_kind);
	unsigned int arg;

	if (record == NULL || from == NULL) {
		return false;
	}
	arg = below(kind->arg_count);
	record[2 + arg] = (uint8_t)(from[2 + below(from_kind->arg_count)] % bound_of(kind, arg));
	return true;
}

/* Surplus bytes: those behind the arguments that a kind has, or all of an unknown one's. */
static bool
change_surplus(void)
{
	const struct fuzz_kind *kind;
	uint8_t *record;
	unsigned int first;

	if (it.count == 0) {
		return false;
	}
	record = record_bytes(&it, below(it.count));
	kind = kind_of(record[0]);
	first = kind != NULL ? kind->arg_count : 0;
	if (record[1] <= first) {
		return false;
	}
	first += below(record[1] - first);
	record[2 + first] = changed(record[2 + first], 256);
	return true;
}

/* To a kind of the same stream that has as many arguments, or fewer: they stay. */
static bool
change_kind(void)
{
	const struct fuzz_kind *kind = any_kind();
	unsigned int n;
	uint8_t *record;

	if (it.count == 0) {
		return false;
	}
	n = below(it.count);
	record = record_bytes(&it, n);
	if (kind_of(record[0]) == NULL || FUZZ_STREAM(record[0]) != FUZZ_STREAM(kind->type) ||
	    it.size + kind->arg_count > room) {
		return false;
	}
	record[0] = kind->type;
	complete(&it, n);
	return true;
}

static bool
change_header(void)
{
	switch (below(4)) {
	case 0:
		it.header.cpus = (uint8_t)below(CPUS_USUAL);
		break;
	case 1:
		it.header.model = (uint8_t)below(FUZZ_MODEL_COUNT);
		break;
	default:
		it.header.slice = any_slice();
		break;
	}
	return true;
}

/* The next record of the schedule, from the at-th record on. it.count: there is none. */
static unsigned int
schedule_from(unsigned int at)
{
	while (at < it.count && !is_schedule(record_bytes(&it, at))) {
		at++;
	}
	return at;
}

/* What happens comes earlier or later; all behind it stays at its points, if there is any way to.
 */
static void
shift(unsigned int at)
{
	uint8_t *args = record_bytes(&it, at) + 2;
	unsigned int next = schedule_from(at + 1);
	unsigned int before = get_delta(args);
	unsigned int most = delta_max();
	unsigned int after = next < it.count ? get_delta(record_bytes(&it, next) + 2) : most;
	unsigned int by = one_in(2) ? 1 + below(4) : any_delta();

	if (one_in(2)) {
		by = by < before ? by : before;
		set_delta(args, before - by);
		after = after + by < most ? after + by : most;
	} else {
		by = by < after ? by : after;
		set_delta(args, before + by < most ? before + by : most);
		after -= by;
	}
	if (next < it.count) {
		set_delta(record_bytes(&it, next) + 2, after);
	}
}

static bool
change_schedule(void)
{
	const struct fuzz_kind *kind = kind_of(FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT));
	unsigned int at = schedule_from(it.count != 0 ? below(it.count) : 0);
	uint8_t *args;

	if (kind == NULL || at >= it.count) {
		return false;
	}
	args = record_bytes(&it, at) + 2;
	switch (below(8)) {
	case 0:
		set_delta(args, any_delta());
		break;
	case 1:
		args[2] = changed(args[2], bound_of(kind, 2));
		break;
	case 2:
		args[3] = changed(args[3], bound_of(kind, 3));
		break;
	case 3:
		args[4] = one_in(2) ? 0 : changed(args[4], bound_of(kind, 4));
		break;
	default:
		shift(at);
		break;
	}
	return true;
}

static void
edit(void)
{
	static bool (*const edits[])(void) = {
		insert_new,      insert_new,      insert_new,      remove_run,      copy_run,
		move_run,        swap_two,        change_argument, change_argument, change_argument,
		copy_argument,   change_kind,     change_header,   change_schedule, change_schedule,
		change_schedule, change_schedule, change_surplus,
	};

	for (unsigned int tries = 0; tries < 8; tries++) {
		if (edits[below(sizeof(edits) / sizeof(edits[0]))]()) {
			return;
		}
	}
}

size_t
fuzz_generate(uint8_t *data, size_t size, uint64_t seed)
{
	uint8_t record[RECORD_MAX];

	dice = random_seeded(seed);
	room = size;
	focus_on_some();
	records_read(&it, NULL, 0);
	it.header.version = FUZZ_VERSION;
	it.header.model = (uint8_t)below(FUZZ_MODEL_COUNT);
	it.header.cpus = (uint8_t)below(CPUS_USUAL);
	it.header.slice = any_slice();
	while (insert(it.count, record, make_record(record))) {
		;
	}
	return records_write(&it, data, size);
}

size_t
fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed)
{
	dice = random_seeded(seed);
	room = size_max;
	focus_on_all();
	take(&it, data, size);
	for (unsigned int edits = 0; edits == 0 || (edits < EDITS_MAX && one_in(2)); edits++) {
		edit();
	}
	return records_write(&it, data, size_max);
}

/* One's operations and replies in the other's schedule, or so: this stream is the second's. */
static void
exchange(unsigned int stream)
{
	unsigned int at = 0;

	for (unsigned int n = it.count; n-- != 0;) {
		if (FUZZ_STREAM(record_bytes(&it, n)[0]) == stream) {
			records_remove(&it, n, 1);
		}
	}
	for (unsigned int n = 0; n < other.count; n++) {
		const uint8_t *record = record_bytes(&other, n);

		if (FUZZ_STREAM(record[0]) != stream) {
			continue;
		}
		if (!insert(at, record, other.list[n].size)) {
			return;
		}
		/* Both in order; how they are mixed says nothing. */
		at = at + 2 < it.count ? at + 2 : it.count;
	}
}

/* Some of the other's records, in their order, in the place of some of ours. */
static void
splice(void)
{
	unsigned int at = below(it.count + 1);
	unsigned int gone = below(it.count - at + 1);
	unsigned int from = below(other.count);
	unsigned int count = 1 + below(other.count - from);

	records_remove(&it, at, one_in(2) ? 0 : gone);
	for (unsigned int n = 0; n < count; n++) {
		if (!insert(at + n, record_bytes(&other, from + n), other.list[from + n].size)) {
			return;
		}
	}
}

size_t
fuzz_crossover(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size,
               uint8_t *out, size_t out_max, uint64_t seed)
{
	dice = random_seeded(seed);
	room = out_max;
	focus_on_all();
	take(&other, two, two_size);
	take(&it, one, one_size);
	if (other.count != 0) {
		if (one_in(2)) {
			exchange(below(FUZZ_STREAM_COUNT));
		} else {
			splice();
		}
	}
	return records_write(&it, out, out_max);
}
