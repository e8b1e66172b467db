// SPDX-License-Identifier: ISC
/*
 * Memory and string functions. The compiler must not turn these loops into calls of themselves:
 * built with -fno-tree-loop-distribute-patterns. Words first, then bytes.
 */
#include "guest/string.h"

#include <stdint.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

void *
memcpy(void *restrict to, const void *restrict from, size_t size)
{
	uint8_t *out = to;
	const uint8_t *in = from;

	for (; size >= sizeof(word_t); size -= sizeof(word_t)) {
		*(word_t *)out = *(const word_t *)in;
		out += sizeof(word_t);
		in += sizeof(word_t);
	}
	for (; size != 0; size--) {
		*out++ = *in++;
	}
	return to;
}

void *
memmove(void *to, const void *from, size_t size)
{
	uint8_t *out = to;
	const uint8_t *in = from;

	if (out <= in || out >= in + size) {
		for (size_t i = 0; i < size; i++) {
			out[i] = in[i];
		}
	} else {
		for (size_t i = size; i != 0; i--) {
			out[i - 1] = in[i - 1];
		}
	}
	return to;
}

void *
memset(void *to, int byte, size_t size)
{
	uint8_t *out = to;
	uint64_t word = 0x0101010101010101ull * (uint8_t)byte;

	for (; size >= sizeof(word_t); size -= sizeof(word_t)) {
		*(word_t *)out = word;
		out += sizeof(word_t);
	}
	for (; size != 0; size--) {
		*out++ = (uint8_t)byte;
	}
	return to;
}

int
memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a;
	const uint8_t *y = b;

	for (size_t i = 0; i < size; i++) {
		if (x[i] != y[i]) {
			return x[i] - y[i];
		}
	}
	return 0;
}

void *
memchr(const void *bytes, int byte, size_t size)
{
	const uint8_t *in = bytes;

	for (size_t i = 0; i < size; i++) {
		if (in[i] == (uint8_t)byte) {
			return (void *)(uintptr_t)(in + i);
		}
	}
	return NULL;
}

size_t
strnlen(const char *s, size_t max)
{
	size_t length = 0;

	while (length < max && s[length] != '\0') {
		length++;
	}
	return length;
}

size_t
strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

int
strncmp(const char *a, const char *b, size_t max)
{
	for (size_t i = 0; i < max; i++) {
		if (a[i] != b[i] || a[i] == '\0') {
			return (unsigned char)a[i] - (unsigned char)b[i];
		}
	}
	return 0;
}

int
strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}
