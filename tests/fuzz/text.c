// SPDX-License-Identifier: ISC
#include "tests/fuzz/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/fuzz_abi.h"
#include "tests/fuzz/target.h"

#define MOMENT FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT)
#define DROP   FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_DROP)

static const struct fuzz_kind raw = { .name = "raw", .arg_count = 1, .args = { "type" } };
static const struct fuzz_kind header_kind = {
	.name = "header",
	.arg_count = 4,
	.args = { "model", "cpus", "slice", "build" },
};

/* Of all schedules, also of those whose mutator does not make them. The movers are bytes. */
static const struct fuzz_kind order_kinds[] = {
	{ .type = FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_PRIORITIES), .name = "PRIORITIES" },
	{ .type = DROP,
	  .name = "DROP",
	  .arg_count = FUZZ_DROP_LENGTH,
	  .args = { "choice", "choice*256" } },
};

#define ORDER_KINDS (sizeof(order_kinds) / sizeof(order_kinds[0]))

static bool
is_name(const char *text, size_t length, const char *name)
{
	return name != NULL && strlen(name) == length && memcmp(text, name, length) == 0;
}

/* The first of that name: a kind with another's name is told raw. */
static const struct fuzz_kind *
kind_named(const char *name, size_t length)
{
	for (size_t n = 0; n < fuzz_target.kind_count; n++) {
		if (is_name(name, length, fuzz_target.kinds[n].name)) {
			return &fuzz_target.kinds[n];
		}
	}
	for (size_t n = 0; n < ORDER_KINDS; n++) {
		if (is_name(name, length, order_kinds[n].name)) {
			return &order_kinds[n];
		}
	}
	return NULL;
}

static const struct fuzz_kind *
kind_of(uint8_t type)
{
	for (size_t n = 0; n < fuzz_target.kind_count; n++) {
		const struct fuzz_kind *kind = &fuzz_target.kinds[n];

		if (kind->type == type && kind_named(kind->name, strlen(kind->name)) == kind) {
			return kind;
		}
	}
	for (size_t n = 0; n < ORDER_KINDS; n++) {
		if (order_kinds[n].type == type &&
		    kind_named(order_kinds[n].name, strlen(order_kinds[n].name)) ==
		            &order_kinds[n]) {
			return &order_kinds[n];
		}
	}
	return NULL;
}

/* A number of two bytes: the second argument is the upper one of the first. */
static bool
is_upper(const struct fuzz_kind *kind, unsigned int arg)
{
	return (kind->type == MOMENT || kind->type == DROP) && arg == 1;
}

/* ---- out ---- */

__attribute__((format(printf, 4, 5))) static void
add(char *line, size_t size, size_t *used, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (*used < size) {
		*used += (size_t)vsnprintf(line + *used, size - *used, format, args);
	}
	va_end(args);
}

void
text_header(const uint8_t *bytes, char *line, size_t size)
{
	struct fuzz_header header;

	memcpy(&header, bytes, sizeof(header));
	snprintf(line, size, "header: model=%u, cpus=%u, slice=%u, build=%u", header.model,
	         header.cpus, header.slice, header.build);
}

void
text_record(const uint8_t *record, char *line, size_t size)
{
	const struct fuzz_kind *kind = kind_of(record[0]);
	const uint8_t *args = record + sizeof(struct fuzz_record);
	unsigned int n = 0;
	size_t used = 0;

	add(line, size, &used, "%s:", kind != NULL ? kind->name : raw.name);
	if (kind == NULL) {
		add(line, size, &used, " type=%u", record[0]);
	}
	for (; kind != NULL && n < kind->arg_count && n < record[1]; n++) {
		unsigned int value = args[n];

		if (is_upper(kind, n)) {
			continue;
		}
		if (is_upper(kind, n + 1) && n + 1 < record[1]) {
			value += 256u * args[n + 1];
		}
		add(line, size, &used, "%s %s=%u", n != 0 ? "," : "", kind->args[n], value);
	}
	for (; n < record[1]; n++) {
		add(line, size, &used, " %02x", args[n]);
	}
}

/* ---- in ---- */

struct line {
	unsigned int number;
	const char *at;
	const struct fuzz_kind *kind;
	unsigned long values[FUZZ_ARGS_MAX];
	unsigned int count; /* of the arguments up to the last that is given */
	uint8_t surplus[256];
	unsigned int surplus_count;
};

static char complaint[256];

__attribute__((format(printf, 2, 3))) static bool
complain(const struct line *line, const char *format, ...)
{
	char words[160];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	snprintf(complaint, sizeof(complaint), "line %u: %s", line->number, words);
	return false;
}

static bool
read_argument(struct line *line, const char *equals)
{
	size_t length = (size_t)(equals - line->at);
	unsigned int n = 0;
	char *end;

	while (n < line->kind->arg_count && !is_name(line->at, length, line->kind->args[n])) {
		n++;
	}
	if (n == line->kind->arg_count || is_upper(line->kind, n)) {
		return complain(line, "'%s' has no '%.*s'", line->kind->name, (int)length,
		                line->at);
	}
	line->values[n] = strtoul(equals + 1, &end, 10);
	if (end == equals + 1) {
		return complain(line, "no number behind '%.*s='", (int)length, line->at);
	}
	line->at = end;
	n += is_upper(line->kind, n + 1);
	line->count = n + 1 > line->count ? n + 1 : line->count;
	return true;
}

/* The rest of the line. */
static bool
read_surplus(struct line *line)
{
	char *end;

	while (*(line->at += strspn(line->at, " ,")) != '\0') {
		unsigned long byte = strtoul(line->at, &end, 16);

		if (end == line->at || byte > 0xff || line->surplus_count == 255 - FUZZ_ARGS_MAX) {
			return complain(line, "no byte: '%.20s'", line->at);
		}
		line->surplus[line->surplus_count++] = (uint8_t)byte;
		line->at = end;
	}
	return true;
}

static bool
read_line(struct line *line)
{
	const char *colon = strchr(line->at, ':');
	const char *equals;
	size_t length = colon != NULL ? (size_t)(colon - line->at) : strlen(line->at);

	line->kind = is_name(line->at, length, raw.name)           ? &raw
	             : is_name(line->at, length, header_kind.name) ? &header_kind
	                                                           : kind_named(line->at, length);
	if (line->kind == NULL) {
		return complain(line, "%s knows no '%.*s'", fuzz_target.name, (int)length,
		                line->at);
	}
	line->at += length + (colon != NULL);
	while (*(line->at += strspn(line->at, " ,")) != '\0' &&
	       (equals = strchr(line->at, '=')) != NULL) {
		if (!read_argument(line, equals)) {
			return false;
		}
	}
	return read_surplus(line);
}

/* The bytes that a line stands for. Returns how many; 0: a value is too large. */
static size_t
make_bytes(const struct line *line, uint8_t *bytes)
{
	unsigned int count = line->surplus_count != 0 && line->kind != &raw ? line->kind->arg_count
	                                                                    : line->count;

	if (line->kind == &raw) {
		bytes[0] = (uint8_t)line->values[0];
		bytes[1] = (uint8_t)line->surplus_count;
		memcpy(bytes + 2, line->surplus, line->surplus_count);
		return line->values[0] <= 0xff ? 2 + line->surplus_count : 0;
	}
	bytes[0] = line->kind->type;
	bytes[1] = (uint8_t)(count + line->surplus_count);
	for (unsigned int n = 0; n < count; n++) {
		unsigned long value =
			is_upper(line->kind, n) ? line->values[0] >> 8 : line->values[n];

		if (value > 0xff && !is_upper(line->kind, n + 1)) {
			return 0;
		}
		bytes[2 + n] = (uint8_t)value;
	}
	memcpy(bytes + 2 + count, line->surplus, line->surplus_count);
	return 2 + count + line->surplus_count;
}

static bool
add_line(struct line *line, uint8_t *data, size_t size_max, size_t *size)
{
	struct fuzz_header header = { .version = FUZZ_VERSION };
	uint8_t bytes[2 + 255];
	size_t count;

	if (!read_line(line)) {
		return false;
	}
	if (line->kind == &header_kind) {
		header.model = (uint8_t)line->values[0];
		header.cpus = (uint8_t)line->values[1];
		header.slice = (uint8_t)line->values[2];
		header.build = (uint32_t)line->values[3];
		memcpy(data, &header, sizeof(header));
		return true;
	}
	count = make_bytes(line, bytes);
	if (count == 0) {
		return complain(line, "a number is larger than a byte, or a delta than two");
	}
	if (count > size_max - *size) {
		return complain(line, "it has more than %zu bytes", size_max);
	}
	memcpy(data + *size, bytes, count);
	*size += count;
	return true;
}

const char *
text_read(FILE *file, uint8_t *data, size_t size_max, size_t *size)
{
	const struct fuzz_header header = { .version = FUZZ_VERSION };
	char text[TEXT_LINE_MAX];

	memcpy(data, &header, sizeof(header));
	*size = sizeof(header);
	for (unsigned int number = 1; fgets(text, sizeof(text), file) != NULL; number++) {
		struct line line = { .number = number, .at = text + strspn(text, " \t") };

		text[strcspn(text, "#\n")] = '\0';
		if (*line.at != '\0' && !add_line(&line, data, size_max, size)) {
			return complaint;
		}
	}
	return NULL;
}
