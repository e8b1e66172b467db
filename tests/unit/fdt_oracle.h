// SPDX-License-Identifier: ISC
/*
 * What a device tree says to the kernel, read by libfdt: node by node and property by name, nothing
 * shared with the scanner but the contract in guest/fdt.h.
 */
#pragma once

#include "guest/boot_info.h"
#include "tests/unit/fdt_tree.h"

/*
 * The tree must have passed fdt_check_full(). Returns NULL and fills *info (strings point into the
 * tree), or says what of its contents is malformed or beyond the kernel's limits.
 */
const char *fdt_oracle_read(const void *fdt, struct boot_info *info);

/*
 * Scans a copy of the tree in an allocation of exactly its size, which is left to the caller to
 * free, because *info points into it.
 */
const char *fdt_oracle_scan(const void *bytes, size_t size, struct boot_info *info, void **copy);

/* The same where nobody looks at the strings of *info: the scanner's sentence, or NULL. */
const char *fdt_oracle_sentence(const struct fdt_blob *blob, struct boot_info *info);

enum fdt_verdict { FDT_BOTH_ACCEPT, FDT_BOTH_REFUSE, FDT_SCANNER_STRICTER };

/*
 * The rule between the scanner and libfdt: what the scanner accepts, fdt_check_full() accepts, and
 * libfdt reads the same values from it; what libfdt accepts with values within the limits is
 * accepted, or refused for a matter of format. Returns NULL, or how it is broken.
 */
const char *fdt_oracle_judge(const void *bytes, size_t size, enum fdt_verdict *verdict);

/* Fails the test where it is broken. `what` and `seed` name the tree. */
enum fdt_verdict fdt_oracle_compare(const void *bytes, size_t size, const char *what,
                                    uint64_t seed);
