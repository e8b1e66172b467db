// SPDX-License-Identifier: ISC
#include "tests/fuzz/kind.h"

#include <string.h>

const struct fuzz_kind *
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

void
kind_complete(struct records *records, unsigned int n)
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
		record[2 + arg] = (uint8_t)(record[2 + arg] % kind_bound(kind, arg));
	}
}
