// SPDX-License-Identifier: ISC
/*
 * Doubly linked, circular, intrusive lists. A node that is in no list points to itself.
 * The list's lock is its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev;
	struct list *next;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* The list must not change while it is walked. */
#define list_for_each_entry(pos, head, member)                                                   \
	for (pos = container_of((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = container_of(pos->member.next, __typeof__(*pos), member))

static inline void
list_init(struct list *list)
{
	list->prev = list;
	list->next = list;
}

static inline bool
list_empty(const struct list *list)
{
	return list->next == list;
}

/* Puts node, which is in no list, before pos: before a head is at the tail. */
static inline void
list_insert_before(struct list *pos, struct list *node)
{
	node->prev = pos->prev;
	node->next = pos;
	pos->prev->next = node;
	pos->prev = node;
}

static inline void
list_add_tail(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

/* Moves node, which is in head's list, to its tail. */
static inline void
list_move_tail(struct list *head, struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_add_tail(head, node);
}

static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
