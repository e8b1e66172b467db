// SPDX-License-Identifier: ISC
/*
 * Messages. Lines of different cpus do not mix; one call writes at most PRINTK_SIZE - 1 bytes.
 */
#pragma once

#define PRINTK_SIZE 512 /* bytes */

/* Any context, NMI and panic included: there it may wait for nobody. */
__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);

/* From now on printk() takes no lock: the other cpus stop. Any context. */
void printk_panic(void);
