// SPDX-License-Identifier: ISC
/*
 * The inputs that a plain program is given: files, folders of files, and random ones.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct named_input {
	char *name;
	uint8_t *data;
	size_t size;
};

struct inputs {
	struct named_input *list;
	size_t count;
	unsigned int errors; /* paths that could not be read; each was told */
};

/* A file; or each file of a folder and of those in it, in the order of their names, but hidden
 * ones. */
void inputs_read(struct inputs *inputs, const char *path);

/* One more, copied, whose name is the format's. */
__attribute__((format(printf, 4, 5))) void inputs_add(struct inputs *inputs, const uint8_t *data,
                                                      size_t size, const char *format, ...);

/*
 * `count` random ones of the target, named by their seeds from `seed` on: new ones, and changes of
 * those that are there.
 */
void inputs_add_random(struct inputs *inputs, uint64_t seed, size_t count);

void inputs_free(struct inputs *inputs);
