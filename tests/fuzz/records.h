// SPDX-License-Identifier: ISC
/*
 * An input of records (shared/fuzz_abi.h) taken apart, so that whole records can be put in and
 * taken out. Their bytes stay as they are, those of unknown kinds too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/fuzz_abi.h"

#define RECORDS_MAX   8192u
#define RECORD_MAX    257u /* bytes of one: its type, its length, its arguments */
#define RECORD_SHORT  16u
#define RECORDS_BYTES (1u << 19)

struct record {
	uint32_t at; /* of its type, in bytes[]; nobody else's */
	uint32_t size;
};

struct records {
	struct fuzz_header header;
	size_t size;     /* written: header and all records */
	size_t size_max; /* what is inserted must leave it within this */
	unsigned int count;
	struct record list[RECORDS_MAX];

	size_t used;
	uint8_t bytes[RECORDS_BYTES]; /* in no order; what was removed stays */
};

/* Any bytes, without a bound. What is behind the last whole record, or the RECORDS_MAX-th, is
 * dropped. */
void records_read(struct records *records, const uint8_t *data, size_t size);

/* As many whole records as fit. Returns the bytes written; a `size_max` below the header's cuts it.
 */
size_t records_write(const struct records *records, uint8_t *data, size_t size_max);

/* Before the at-th record. false: there is no room for it. `bytes` may be another record's.
 */
bool records_insert(struct records *records, unsigned int at, const uint8_t *bytes, size_t size);

/* The n-th has these bytes instead, RECORD_SHORT at most. For each of RECORDS_MAX there is room
 * once. */
void records_replace(struct records *records, unsigned int n, const uint8_t *bytes, size_t size);

/* [at, at + count) exist. */
void records_remove(struct records *records, unsigned int at, unsigned int count);

/* Is no larger than this when written, from now on: records are removed from the end. */
void records_bound(struct records *records, size_t size_max);

/* The n-th record's type, length and arguments. Its length is not to be changed. */
static inline uint8_t *
record_bytes(struct records *records, unsigned int n)
{
	return records->bytes + records->list[n].at;
}

static inline bool
records_have_room(const struct records *records, size_t size)
{
	return records->size + size <= records->size_max;
}

/* It is one of the schedule, whole. */
static inline bool
record_is_moment(const uint8_t *record)
{
	return record[0] == FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT) && record[1] >= FUZZ_AT_LENGTH;
}

static inline unsigned int
record_delta(const uint8_t *moment)
{
	return moment[2] | (unsigned int)moment[3] << 8;
}

static inline void
record_set_delta(uint8_t *moment, unsigned int delta)
{
	moment[2] = (uint8_t)delta;
	moment[3] = (uint8_t)(delta >> 8);
}
