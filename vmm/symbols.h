// SPDX-License-Identifier: ISC
/*
 * Addresses to names, from the .symtab of an image. Pure over (bytes, length); an image without
 * symbols, or with broken ones, yields an empty table, never an error: names only adorn a report
 * that must be written anyway.
 *
 * A function is a symbol of type STT_FUNC, or an untyped label in an executable section (assembly).
 * One of size 0 reaches to the next function of its section, or to the section's end. Where
 * several begin at one address, typed goes before untyped, sized before unsized, global before
 * local, then the later name, then the longer function.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes: a longer name is ignored, as is one with unprintable bytes. */
#define SYMBOLS_NAME_MAX 255

struct symbols; /* sorted functions; keeps pointers into the image's bytes */

/* Never NULL; empty also if memory is short. The bytes must outlive the table. */
struct symbols *symbols_load(const void *bytes, size_t size);
void symbols_free(struct symbols *symbols);

/*
 * "name+0x1f" into buf (always NUL-terminated, cut to size, which is at least 1), or "0xffff..."
 * where no function covers the address. Returns buf.
 */
char *symbols_format(const struct symbols *symbols, uint64_t address, char *buf, size_t size);

/*
 * A return address is named by the call before it: what follows may be another function's first
 * byte. Where no function ends there, it is an interrupted function's first instruction.
 */
uint64_t symbols_call_of(const struct symbols *symbols, uint64_t address);
