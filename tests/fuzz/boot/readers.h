// SPDX-License-Identifier: ISC
/*
 * The parts of fuzz_boot: each a reader of what a loader hands over, with its judge; and what
 * stands in for the kernel around them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "guest/boot_info.h"

struct boot_part {
	const char *(*run)(const uint8_t *data, size_t size); /* as fuzz_target's */
	void (*tell)(const uint8_t *data, size_t size, void (*print)(const char *line));
};

extern const struct boot_part boot_tree;     /* a device tree */
extern const struct boot_part boot_grown;    /* one that is assembled from what the input says */
extern const struct boot_part boot_machine;  /* the VMM's tree of a machine */
extern const struct boot_part boot_words;    /* boot arguments */
extern const struct boot_part boot_start;    /* memory with a start info */
extern const struct boot_part boot_handover; /* memory as the VMM fills it */

enum boot_end {
	BOOT_RETURNS,
	BOOT_EXITS,  /* by arch_exit() */
	BOOT_PANICS, /* with words, and no assertion: of a loader's mistake */
};

/* Runs it in the kernel's place. What it prints is kept. */
enum boot_end boot_try(void (*fn)(void));

int boot_status(void);         /* of BOOT_EXITS */
const char *boot_output(void); /* what was printed; of BOOT_PANICS its words */

/* An assertion that failed in the last run, or NULL. */
const char *boot_assertion(void);

/*
 * Has the kernel, whose image lies there, read what it must from memory (fuzz_memory.h) with a
 * start info at addr? Returns as fuzz_target's run(). *read: what it knows now; NULL: it has
 * panicked.
 */
const char *boot_judge_start(uint64_t addr, struct boot_range image, const struct boot_info **read);

/* What the last one that was judged has made of it. */
void boot_tell_start(void (*print)(const char *line));

#define BOOT_APIC_ID 3u /* of the boot cpu */
