// SPDX-License-Identifier: ISC
/*
 * Reading an input of records (shared/fuzz_abi.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/fuzz_abi.h"

struct fuzz_input {
	struct fuzz_header header; /* in range: version, model, cpus are what a reader can do */
	const uint8_t *data;       /* the records */
	size_t size;
};

/* Any bytes are an input. They must outlive it. cpus_max: of the target. */
struct fuzz_input fuzz_input(const uint8_t *data, size_t size, unsigned int cpus_max);

/* Where one stream is read. */
struct fuzz_cursor {
	const struct fuzz_input *input;
	enum fuzz_stream stream;
	size_t at;
};

struct fuzz_cursor fuzz_cursor(const struct fuzz_input *input, enum fuzz_stream stream);

/* One record; its arguments are in the input. */
struct fuzz_item {
	uint8_t kind;
	uint8_t length;
	const uint8_t *args;
	size_t offset; /* in the input's records: its name, as people see it */
};

/* The stream's next record. false: there is none. */
bool fuzz_next(struct fuzz_cursor *cursor, struct fuzz_item *item);

/* The n-th argument, below `below`; 0 if the record is too short for it. */
unsigned int fuzz_arg(const struct fuzz_item *item, unsigned int n, unsigned int below);
