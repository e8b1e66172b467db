// SPDX-License-Identifier: ISC
/*
 * The guest's device-tree scanner: one pass over the structure block, no allocation, no recursion,
 * no look-ups by path. Trusts nothing: every offset and length is checked against size.
 *
 * It reads what boot_abi.h lists, and of that: a node whose status is neither "okay" nor "ok" is
 * skipped; of a property or a device that appears twice the first counts; ranges of size 0 are
 * dropped. What has a meaning here and is malformed is an error, the rest is none of its business.
 */
#pragma once

#include <stddef.h>

#include "guest/boot_info.h"

/*
 * Scans the tree of at most `size` bytes at blob (8-byte aligned) into *info, which it first
 * zeroes. Strings in *info point into the blob. Returns NULL, or one sentence that says what is
 * wrong (lower case, without a full stop; *info is undefined then). Unknown nodes and properties
 * are skipped.
 * Any context; no locks.
 */
const char *fdt_scan(const void *blob, size_t size, struct boot_info *info);
