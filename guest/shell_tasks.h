// SPDX-License-Identifier: ISC
/*
 * The shell's commands on tasks: each prints its result or what is wrong with its words. Task
 * context, may sleep.
 */
#pragma once

/* tasks: a table of all but the idle ones. */
void shell_tasks(unsigned int count, const char *const *words);

/* renice PID NICE */
void shell_renice(unsigned int count, const char *const *words);

/* taskset PID CPUS: CPUS is a set in hexadecimal, bit n is cpu n. */
void shell_taskset(unsigned int count, const char *const *words);
