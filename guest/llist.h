// SPDX-License-Identifier: ISC
/*
 * A list that any cpu adds to without a lock, and one takes whole. Linux's include/linux/llist.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guest/atomic.h"

struct llist_node {
	struct llist_node *next;
};

/* Adds, with a full barrier; was the list empty? Any context. */
static inline bool
llist_add(struct atomic_ptr *head, struct llist_node *node)
{
	void *first = atomic_load(head);

	do { /* bounded: one turn more for each node that another cpu adds here */
		node->next = first;
	} while (!atomic_try_cmpxchg(head, &first, (void *)node));
	return first == NULL;
}

/* Takes the whole list, the youngest first, with a full barrier. Any context. */
static inline struct llist_node *
llist_del_all(struct atomic_ptr *head)
{
	return atomic_xchg(head, NULL);
}

/* The same nodes, the oldest first. */
static inline struct llist_node *
llist_reverse_order(struct llist_node *node)
{
	struct llist_node *reversed = NULL;

	while (node != NULL) { /* bounded: the list's length */
		struct llist_node *next = node->next;

		node->next = reversed;
		reversed = node;
		node = next;
	}
	return reversed;
}
