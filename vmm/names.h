// SPDX-License-Identifier: ISC
/*
 * Names for the addresses in a guest's own text, which knows none: reports of lockups and stalls
 * end no run, so that nothing else would name what they show. As it passes, each address written as
 * Linux does, [<16 hexadecimal digits>], gets " function+0x1f" behind it. At a line's end it is a
 * place that was called from, and named by the call before it; else, and where no function is
 * there, it stands for itself. Pure over the text; one that is cut anywhere is the same text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_ROOM 72 /* bytes, NUL included: a longer name is cut */

struct names {
	const void *image; /* NULL: nothing is named */
	size_t image_size;
	struct symbols *symbols; /* NULL: not needed yet */
	uint32_t matched;        /* bytes of an address so far, all of them in the end */
	uint64_t address;
	char room[NAMES_ROOM];
};

/* The image's bytes must outlive it. */
void names_init(struct names *names, const void *image, size_t image_size);
void names_destroy(struct names *names);

/* What is to be printed before the text's next byte, or NULL. Good until the next call. */
const char *names_before(struct names *names, uint8_t byte);
