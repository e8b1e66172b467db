// SPDX-License-Identifier: ISC
/*
 * Pages. Fresh memory is handed out in address order and costs nothing before that; freed pages go
 * to a list that is served first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096u /* bytes */

/*
 * Adds RAM, page-aligned and mapped in the direct map. is_zero: the host promises that it is; else
 * its pages are cleared as they are handed out. Boot.
 */
void page_add_range(uint64_t addr, uint64_t size, bool is_zero);

/* One zeroed page in the direct map, or NULL. Any context but NMI. */
void *page_alloc(void);

/* `count` contiguous zeroed pages, or NULL; never freed. Any context but NMI. */
void *page_alloc_contiguous(size_t count);

void page_free(void *page);

/* Pages never handed out yet, and pages in the list. Any context. */
size_t page_count_free(void);
