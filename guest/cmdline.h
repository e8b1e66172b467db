// SPDX-License-Identifier: ISC
/*
 * Boot arguments: KEY=VALUE words, and KEY alone where it is a switch. An unknown key or a
 * malformed value ends the run with a message and status 64. As in Linux the words behind "--" are
 * not the kernel's, but the program's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/preempt_model.h"

enum boot_apic { BOOT_APIC_AUTO, BOOT_APIC_X2APIC, BOOT_APIC_XAPIC };

enum boot_timer { BOOT_TIMER_AUTO, BOOT_TIMER_TSC_DEADLINE, BOOT_TIMER_LAPIC };

enum boot_scenario {
	BOOT_SCENARIO_TOUR,
	BOOT_SCENARIO_SHELL,
	BOOT_SCENARIO_USER,
	BOOT_SCENARIO_VCPU,
	BOOT_SCENARIO_COUNT
};

#define BOOT_PROGRAM_SIZE 32 /* bytes, NUL included */

struct boot_args {
	bool preempt_given;
	enum preempt_model preempt;  /* default full */
	uint32_t hz;                 /* 10-1000, default 100 */
	bool trace;                  /* default true */
	bool threadirqs;             /* handlers run in threads, where that can be */
	bool idle_polls;             /* instead of halting */
	enum boot_scenario scenario; /* default tour; for the program, as guest.elf's does */
	enum boot_apic apic;
	enum boot_timer timer;

	/* scenario=vcpu */
	uint32_t vcpus;     /* 1-1000, default 1: of each payload */
	bool early_irqs_on; /* which order their run loop follows (vm.h) */

	/* watchdog.h; all 0 by default. */
	bool nmi_watchdog;
	bool softlockup_panic;
	uint32_t watchdog_thresh; /* seconds, 0-60 */
	uint32_t softlockup_ticks;
	uint32_t resched_latency_warn_ms;

	char program[BOOT_PROGRAM_SIZE]; /* what stands behind "--", cut to fit */
};

extern struct boot_args boot_args; /* read-only after cmdline_parse() */

/* The words of `size` bytes at text, separated by blanks. Boot, once. */
void cmdline_parse(const char *text, size_t size);
