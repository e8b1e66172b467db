// SPDX-License-Identifier: ISC
/*
 * The kernel's start, and the program that it runs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct boot_info;

/*
 * From the arch's entry, on the boot stack: per-CPU base of cpu 0, traps, final page tables and
 * page_add_range() are done; count 1, irqs off. info must stay.
 */
_Noreturn void start_kernel(const struct boot_info *info);

/*
 * The program: a task of default priority, after every cpu is up. Its return value is the exit
 * status, 0-63. scenario.c has guest.elf's; link another in its place for another image.
 */
int main(void);

/* The files that the loader put beside the image: how many, and the n-th. Any context. */
uint32_t boot_module_count(void);
const void *boot_module(uint32_t n, size_t *size);

/* TSC cycles from the first instruction of the image to the first one of its first task. */
uint64_t boot_cycles_to_first_task(void);
