// SPDX-License-Identifier: ISC
#include "tests/fuzz/records.h"

#include <assert.h>
#include <string.h>

/* Of bytes[]: a quarter for what is read, a quarter to replace each once, what is left to insert.
 */
#define READ_MAX   (RECORDS_BYTES / 4)
#define INSERT_MAX (RECORDS_BYTES * 3 / 4)

_Static_assert(RECORDS_MAX *RECORD_SHORT <= RECORDS_BYTES - INSERT_MAX, "room to replace each");

/* Returns the place of its bytes. */
static struct record
keep(struct records *records, const uint8_t *bytes, size_t size)
{
	struct record record = { .at = (uint32_t)records->used, .size = (uint32_t)size };

	assert(size <= RECORDS_BYTES - records->used);
	memcpy(records->bytes + records->used, bytes, size);
	records->used += size;
	records->size += size;
	return record;
}

void
records_read(struct records *records, const uint8_t *data, size_t size)
{
	size_t at = sizeof(records->header);

	records->header = (struct fuzz_header){ .version = 0 };
	records->size = sizeof(records->header);
	records->size_max = SIZE_MAX;
	records->count = 0;
	records->used = 0;
	if (size < sizeof(records->header)) {
		return;
	}
	memcpy(&records->header, data, sizeof(records->header));
	size = size < READ_MAX ? size : READ_MAX;
	while (size - at >= sizeof(struct fuzz_record)) {
		size_t record_size = sizeof(struct fuzz_record) + data[at + 1];

		if (record_size > size - at ||
		    !records_insert(records, records->count, data + at, record_size)) {
			return;
		}
		at += record_size;
	}
}

size_t
records_write(const struct records *records, uint8_t *data, size_t size_max)
{
	size_t size = sizeof(records->header);

	if (size_max < size) {
		memcpy(data, &records->header, size_max);
		return size_max;
	}
	memcpy(data, &records->header, size);
	for (unsigned int n = 0; n < records->count; n++) {
		const struct record *record = &records->list[n];

		if (record->size > size_max - size) {
			break;
		}
		memcpy(data + size, records->bytes + record->at, record->size);
		size += record->size;
	}
	return size;
}

bool
records_insert(struct records *records, unsigned int at, const uint8_t *bytes, size_t size)
{
	struct record *place = &records->list[at];

	if (!records_have_room(records, size) || records->count == RECORDS_MAX ||
	    records->used + size > INSERT_MAX) {
		return false;
	}
	memmove(place + 1, place, (records->count - at) * sizeof(*place));
	*place = keep(records, bytes, size);
	records->count++;
	return true;
}

void
records_replace(struct records *records, unsigned int n, const uint8_t *bytes, size_t size)
{
	assert(size <= RECORD_SHORT);
	records->size -= records->list[n].size;
	records->list[n] = keep(records, bytes, size);
}

void
records_remove(struct records *records, unsigned int at, unsigned int count)
{
	struct record *place = &records->list[at];

	for (unsigned int n = 0; n < count; n++) {
		records->size -= place[n].size;
	}
	memmove(place, place + count, (records->count - at - count) * sizeof(*place));
	records->count -= count;
}

void
records_bound(struct records *records, size_t size_max)
{
	records->size_max = size_max;
	while (records->count != 0 && records->size > size_max) {
		records_remove(records, records->count - 1, 1);
	}
}
