// SPDX-License-Identifier: ISC
/*
 * Red-black trees, intrusive: sorted by what their owner says, with the first node at hand. Nothing
 * is allocated. The tree's lock is its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct rb_node {
	struct rb_node *parent; /* itself: in no tree; NULL: at the top */
	struct rb_node *child[2];
	bool red;
};

struct rb_root {
	struct rb_node *top;
	struct rb_node *first;
};

static inline void
rb_node_init(struct rb_node *node)
{
	node->parent = node;
}

static inline bool
rb_is_linked(const struct rb_node *node)
{
	return node->parent != node;
}

/* The smallest, or NULL. */
static inline struct rb_node *
rb_first(const struct rb_root *root)
{
	return root->first;
}

/* The one behind it, or NULL. */
struct rb_node *rb_next(const struct rb_node *node);

/* Links a node that is in no tree as parent's child of this side (0: before it), which it lacks. */
void rb_link(struct rb_root *root, struct rb_node *node, struct rb_node *parent, unsigned int side);

/* Takes a node out of its tree. */
void rb_erase(struct rb_root *root, struct rb_node *node);

/* The same of the first: most often it is the only one. */
static inline void
rb_erase_first(struct rb_root *root, struct rb_node *node)
{
	if (root->top == node && node->child[0] == NULL && node->child[1] == NULL) {
		root->top = NULL;
		root->first = NULL;
		rb_node_init(node);
	} else {
		rb_erase(root, node);
	}
}

/* Adds a node that is in no tree, behind its equals. */
static inline void
rb_add(struct rb_root *root, struct rb_node *node,
       bool (*less)(const struct rb_node *a, const struct rb_node *b))
{
	struct rb_node *parent = NULL;
	unsigned int side = 0;

	for (struct rb_node *at = root->top; at != NULL; at = at->child[side]) {
		parent = at;
		side = !less(node, at);
	}
	rb_link(root, node, parent, side);
}
