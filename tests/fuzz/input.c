// SPDX-License-Identifier: ISC
#include "tests/fuzz/input.h"

#include <string.h>

struct fuzz_input
fuzz_input(const uint8_t *data, size_t size, unsigned int cpus_max)
{
	struct fuzz_input input = { .data = data };

	if (size < sizeof(input.header)) {
		return input;
	}
	memcpy(&input.header, data, sizeof(input.header));
	input.header.model %= FUZZ_MODEL_COUNT;
	input.header.cpus %= cpus_max;
	input.data = data + sizeof(input.header);
	input.size = size - sizeof(input.header);
	return input;
}

struct fuzz_cursor
fuzz_cursor(const struct fuzz_input *input, enum fuzz_stream stream)
{
	return (struct fuzz_cursor){ input, stream, 0 };
}

bool
fuzz_next(struct fuzz_cursor *cursor, struct fuzz_item *item)
{
	const struct fuzz_input *input = cursor->input;

	while (input->size - cursor->at >= sizeof(struct fuzz_record)) {
		const uint8_t *record = input->data + cursor->at;
		uint8_t type = record[0];
		uint8_t length = record[1];

		if (length > input->size - cursor->at - sizeof(struct fuzz_record)) {
			return false;
		}
		*item = (struct fuzz_item){
			.kind = FUZZ_KIND(type),
			.length = length,
			.args = record + sizeof(struct fuzz_record),
			.offset = cursor->at,
		};
		cursor->at += sizeof(struct fuzz_record) + length;
		if (FUZZ_STREAM(type) == cursor->stream) {
			return true;
		}
	}
	return false;
}

unsigned int
fuzz_arg(const struct fuzz_item *item, unsigned int n, unsigned int below)
{
	unsigned int value = n < item->length ? item->args[n] : 0;

	/* Most bounds are powers of two, and a division is as long as all the rest. */
	return (below & (below - 1)) == 0 ? value & (below - 1) : value % below;
}
