// SPDX-License-Identifier: ISC
/*
 * What a guest of ring 3 hands to its machine: the bytes at which it was stopped, and its image.
 *
 * The first byte of an input says which, and bounds the memory for an image. Bytes of instructions
 * are decoded one behind the other, each with every end that it could have; images are loaded, and
 * what was mapped is compared byte by byte with what they say. Pages, address spaces and messages
 * are this file's: small ones, that run out.
 */
#include "tests/fuzz/fuzz_payload.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tests/unit/decode_oracle.h"

#define SIZE_MAX_BYTES 4096u
#define CODE_MAX       40u /* bytes of instructions that are looked at */

/* ---- instructions ---- */

static uint8_t *code; /* CODE_MAX bytes, behind which none may be read */

static const uint8_t *
with_end(const uint8_t *bytes, size_t count)
{
	return memcpy(code + CODE_MAX - count, bytes, count);
}

static const char *
judge_ends(const uint8_t *bytes, size_t count)
{
	const char *finding = NULL;

	for (size_t end = 0; finding == NULL && end <= count; end++) {
		finding = decode_oracle_judge(with_end(bytes, end), end);
	}
	return finding;
}

static const char *
run_code(const uint8_t *data, size_t size)
{
	size_t count = size < CODE_MAX ? size : CODE_MAX;
	const char *finding = NULL;

	for (size_t at = 0; finding == NULL && at < count;) {
		struct vcpu_insn insn = vcpu_decode(with_end(data + at, count - at), count - at);
		size_t length = insn.length != 0 ? insn.length : 1;

		fuzz_feature((uint32_t)insn.kind << 8 | insn.length << 4 | insn.width);
		finding = decode_oracle_judge(with_end(data + at, count - at), count - at);
		if (finding == NULL && insn.length <= count - at) {
			finding = judge_ends(data + at, insn.length);
		}
		at += length;
	}
	return finding;
}

/* ---- the target ---- */

static bool
begin(const char *bug)
{
	code = malloc(CODE_MAX);
	return bug == NULL;
}

static bool
is_image(uint8_t first)
{
	return first & 1;
}

static size_t
page_limit(uint8_t first)
{
	return (first >> 1) % (PAYLOAD_PAGES_MAX + 1);
}

static const char *
run(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return NULL;
	}
	return is_image(data[0]) ? payload_run_image(data + 1, size - 1, page_limit(data[0]))
	                         : run_code(data + 1, size - 1);
}

static void
tell_code(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	size_t count = size < CODE_MAX ? size : CODE_MAX;
	char line[100];

	for (size_t at = 0; at < count;) {
		struct vcpu_insn insn = vcpu_decode(data + at, count - at);

		snprintf(line, sizeof(line),
		         "at %2zu: kind %u, length %u, size %u of %u, reg %u%s%s%s, value %#lx", at,
		         insn.kind, insn.length, insn.size, insn.width, insn.reg,
		         insn.is_high ? ", high" : "", insn.is_signed ? ", signed" : "",
		         insn.port_is_in_dx ? ", port in DX" : "", (unsigned long)insn.value);
		print(line);
		at += insn.length != 0 ? insn.length : 1;
	}
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	if (size != 0 && is_image(data[0])) {
		payload_tell_image(data + 1, size - 1, page_limit(data[0]), print);
	} else if (size != 0) {
		tell_code(data + 1, size - 1, print);
	}
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_payload",
	.size_max = SIZE_MAX_BYTES,
	.begin = begin,
	.run = run,
	.tell = tell,
};
