// SPDX-License-Identifier: ISC
/*
 * The cpu's one-shot timer, behind arch_timer_set(): the TSC deadline where the cpu has it, else
 * the local APIC's counter, whose speed the tree tells or a measurement, and which holds four
 * seconds or so: it may interrupt early.
 */
#pragma once

struct boot_info;

/*
 * Chooses the kind (boot_args.timer may force it). Ends the run with EXIT_STATUS_USAGE if a forced
 * kind is absent. Boot cpu, once, its APIC on, after clock_init().
 */
void lapic_timer_init(const struct boot_info *info);

/* The calling cpu's timer: stopped, its vector set. irqs off. */
void lapic_timer_init_cpu(void);
