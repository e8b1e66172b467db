// SPDX-License-Identifier: ISC
/*
 * Inputs of records as people read and write them:
 *
 *     # what it is about
 *     header: model=2, cpus=1, slice=0, build=0
 *     lock: task=0, which=1
 *     AT: delta=300, action=1, cpu=0, extra=0
 *     raw: type=200 0a ff
 *
 * A line a record, by the names that the target's kinds and their arguments have; what is not given
 * is 0. Bytes behind the arguments follow them, in hexadecimal; a kind that the target does not
 * know is raw. Of the schedule's record, the delta is one number. From # on a line is a comment.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_LINE_MAX 1024u

/* The header's line, and a line of the record at `record`, which is whole. */
void text_header(const uint8_t *header, char *line, size_t size);
void text_record(const uint8_t *record, char *line, size_t size);

/*
 * Reads the text of an input, of at most `size_max` bytes; *size is what it has. NULL: it is right;
 * else what is wrong, with the line's number, until the next call.
 */
const char *text_read(FILE *file, uint8_t *data, size_t size_max, size_t *size);
