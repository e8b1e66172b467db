// SPDX-License-Identifier: ISC
/*
 * The command line: vmm [run] [OPTIONS] GUEST.ELF [KEY=VALUE...]
 */
#pragma once

#include "vmm/inject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_VERSION "0.1.0"

#define OPTIONS_CPUS_DEFAULT   2u
#define OPTIONS_MEMORY_DEFAULT (32ull << 20) /* bytes */
#define OPTIONS_MEMORY_MIN     (4ull << 20)  /* bytes */
#define OPTIONS_MEMORY_MAX     (1ull << 40)  /* bytes */
#define OPTIONS_TIMEOUT_MAX_S  1000000000ull
/* A guest that boots has its own way to take NMIs by then. */
#define OPTIONS_NMI_WATCHDOG_MIN_NS 100000000ull
#define OPTIONS_MODULES_MAX         16
#define OPTIONS_BOOTARGS_MAX        2048 /* bytes, NUL included */

struct options {
	const char *image;        /* path */
	uint32_t cpu_count;       /* 1..BOOT_CPUS_MAX */
	uint64_t memory_size;     /* bytes, a multiple of 4096, OPTIONS_MEMORY_MIN.._MAX */
	uint64_t timeout_ns;      /* 0: none */
	uint64_t nmi_watchdog_ns; /* 0: none, else OPTIONS_NMI_WATCHDOG_MIN_NS at least */
	const char *modules[OPTIONS_MODULES_MAX]; /* paths */
	uint32_t module_count;
	struct inject inject;
	const char *dump_dtb;                /* path, or NULL */
	uint32_t verbosity;                  /* how many -v */
	char bootargs[OPTIONS_BOOTARGS_MAX]; /* the words after the image, joined by blanks, and
	                                        before them what options say to the guest:
	                                        nmi_watchdog=1, inject=WHAT@exit=N */
};

enum options_result {
	OPTIONS_RUN,   /* *options is complete */
	OPTIONS_EXIT,  /* --help or --version was answered on stdout: status 0 */
	OPTIONS_USAGE, /* one line on stderr said what is wrong: status EXIT_STATUS_USAGE */
};

/*
 * Options end at the image: every word after it is a boot argument, whatever it looks like. Of an
 * option given twice the last one counts, except --inject, --module and --verbose, which add up.
 *
 * Strings in *options point into argv. May be called repeatedly: resets getopt.
 */
enum options_result options_parse(int argc, char **argv, struct options *options);
