// SPDX-License-Identifier: ISC
#define _GNU_SOURCE /* asprintf() */
#include "tests/fuzz/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/unit/random.h"

#define FILE_MAX   (1u << 20)
#define RANDOM_MAX 512u /* bytes of a new one */

static void *
must(void *memory)
{
	if (memory == NULL) {
		perror("inputs");
		exit(EX_OSERR);
	}
	return memory;
}

void
inputs_add(struct inputs *inputs, const uint8_t *data, size_t size, const char *format, ...)
{
	struct named_input *input;
	va_list args;

	inputs->list = must(realloc(inputs->list, (inputs->count + 1) * sizeof(*input)));
	input = &inputs->list[inputs->count++];
	*input = (struct named_input){ .data = must(malloc(size + 1)), .size = size };
	memcpy(input->data, data, size);
	va_start(args, format);
	if (vasprintf(&input->name, format, args) < 0) {
		must(NULL);
	}
	va_end(args);
}

static void
complain(struct inputs *inputs, const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	inputs->errors++;
}

static void
read_file(struct inputs *inputs, const char *path)
{
	static uint8_t data[FILE_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		complain(inputs, path, strerror(errno));
		return;
	}
	size = fread(data, 1, sizeof(data), file);
	if (ferror(file)) {
		complain(inputs, path, strerror(errno));
	} else {
		inputs_add(inputs, data, size < fuzz_target.size_max ? size : fuzz_target.size_max,
		           "%s", path);
	}
	fclose(file);
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
read_folder(struct inputs *inputs, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);
	char *inner;

	if (count < 0) {
		complain(inputs, path, strerror(errno));
		return;
	}
	for (int n = 0; n < count; n++) {
		if (asprintf(&inner, "%s/%s", path, entries[n]->d_name) < 0) {
			must(NULL);
		}
		inputs_read(inputs, inner);
		free(inner);
		free(entries[n]);
	}
	free(entries);
}

void
inputs_read(struct inputs *inputs, const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		complain(inputs, path, strerror(errno));
	} else if (S_ISDIR(status.st_mode)) {
		read_folder(inputs, path);
	} else {
		read_file(inputs, path);
	}
}

/* Of an input that is plain bytes: some are changed, and its end may be another. */
static size_t
disturb(struct random *random, uint8_t *data, size_t size)
{
	for (size_t count = random_below(random, 8); size != 0 && count-- != 0;) {
		data[random_below(random, size)] = (uint8_t)random_next(random);
	}
	return random_below(random, 4) == 0 ? random_below(random, size + 1) : size;
}

static size_t
make_random(const struct inputs *inputs, size_t given, struct random *random, uint8_t *data,
            size_t size_max)
{
	const struct named_input *base =
		given != 0 ? &inputs->list[random_below(random, given)] : NULL;
	size_t size = random_below(random, RANDOM_MAX);

	size = size < size_max ? size : size_max;
	if (base == NULL || random_below(random, 2) == 0) {
		if (fuzz_target.kinds != NULL) {
			return fuzz_generate(data, size, random_next(random));
		}
		for (size_t n = 0; n < size; n++) {
			data[n] = (uint8_t)random_next(random);
		}
		return size;
	}
	memcpy(data, base->data, base->size);
	if (fuzz_target.kinds == NULL) {
		return disturb(random, data, base->size);
	}
	return fuzz_mutate(data, base->size, size_max, random_next(random));
}

void
inputs_add_random(struct inputs *inputs, uint64_t seed, size_t count)
{
	static uint8_t data[FILE_MAX];
	size_t size_max = fuzz_target.size_max < sizeof(data) ? fuzz_target.size_max : sizeof(data);
	size_t given = inputs->count;

	for (size_t n = 0; n < count; n++) {
		struct random random = random_seeded(seed + n);
		size_t size = make_random(inputs, given, &random, data, size_max);

		inputs_add(inputs, data, size, "seed %llu", (unsigned long long)(seed + n));
	}
}

void
inputs_free(struct inputs *inputs)
{
	for (size_t n = 0; n < inputs->count; n++) {
		free(inputs->list[n].name);
		free(inputs->list[n].data);
	}
	free(inputs->list);
	*inputs = (struct inputs){ .count = 0 };
}
