// SPDX-License-Identifier: ISC
/*
 * What a loader hands over, read by the guest. The first byte of an input says by which reader; a
 * digit is its number.
 */
#include "tests/fuzz/boot/readers.h"

#include <stdbool.h>

#include "tests/fuzz/target.h"

static const struct boot_part *const parts[] = {
	&boot_tree, &boot_grown, &boot_machine, &boot_words, &boot_start, &boot_handover,
};

static const struct boot_part *
part_of(const uint8_t *data)
{
	return parts[data[0] % (sizeof(parts) / sizeof(parts[0]))];
}

static bool
begin(const char *bug)
{
	return bug == NULL;
}

static const char *
run(const uint8_t *data, size_t size)
{
	return size == 0 ? NULL : part_of(data)->run(data + 1, size - 1);
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	if (size != 0) {
		part_of(data)->tell(data + 1, size - 1, print);
	}
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_boot",
	.size_max = 4096,
	.begin = begin,
	.run = run,
	.tell = tell,
};
