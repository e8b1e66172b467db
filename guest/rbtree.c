// SPDX-License-Identifier: ISC
/*
 * Red-black trees: no red node has a red child, and every way down meets as many black nodes. So no
 * way is longer than twice another. Each case is written once, for both sides.
 */
#include "guest/rbtree.h"

static bool
is_red(const struct rb_node *node)
{
	return node != NULL && node->red;
}

/* Puts `with`, which may be NULL, where node hangs. */
static void
replace(struct rb_root *root, const struct rb_node *node, struct rb_node *with)
{
	struct rb_node *parent = node->parent;

	if (parent == NULL) {
		root->top = with;
	} else {
		parent->child[parent->child[1] == node] = with;
	}
	if (with != NULL) {
		with->parent = parent;
	}
}

static void
hang(struct rb_node *parent, unsigned int side, struct rb_node *child)
{
	parent->child[side] = child;
	if (child != NULL) {
		child->parent = parent;
	}
}

/* node goes down to this side, its other child up into its place. */
static void
rotate(struct rb_root *root, struct rb_node *node, unsigned int side)
{
	struct rb_node *up = node->child[!side];

	replace(root, node, up);
	hang(node, !side, up->child[side]);
	hang(up, side, node);
}

static struct rb_node *
leftmost(struct rb_node *node)
{
	while (node->child[0] != NULL) { /* bounded: the tree's height */
		node = node->child[0];
	}
	return node;
}

struct rb_node *
rb_next(const struct rb_node *node)
{
	if (node->child[1] != NULL) {
		return leftmost(node->child[1]);
	}
	while (node->parent != NULL && node == node->parent->child[1]) { /* bounded: the same */
		node = node->parent;
	}
	return node->parent;
}

/* node is red, and so may be its parent: the one rule that may be broken. */
static void
mend_red(struct rb_root *root, struct rb_node *node)
{
	while (is_red(node->parent)) { /* bounded: the same */
		struct rb_node *parent = node->parent;
		struct rb_node *grand = parent->parent;
		unsigned int side = parent == grand->child[1];

		if (is_red(grand->child[!side])) {
			parent->red = false;
			grand->child[!side]->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (node == parent->child[!side]) {
			rotate(root, parent, side);
			parent = node;
		}
		parent->red = false;
		grand->red = true;
		rotate(root, grand, !side);
		break;
	}
	root->top->red = false;
}

void
rb_link(struct rb_root *root, struct rb_node *node, struct rb_node *parent, unsigned int side)
{
	*node = (struct rb_node){ .parent = parent, .red = true };
	if (parent == NULL) {
		root->top = node;
		root->first = node;
	} else {
		parent->child[side] = node;
		if (side == 0 && root->first == parent) {
			root->first = node;
		}
	}
	mend_red(root, node);
}

/* The ways through parent's child of this side, whose node may be NULL, lack one black node. */
static void
mend_black(struct rb_root *root, struct rb_node *parent, struct rb_node *node)
{
	while (parent != NULL && !is_red(node)) { /* bounded: the same */
		unsigned int side = parent->child[1] == node;
		struct rb_node *sibling = parent->child[!side];

		if (sibling->red) {
			sibling->red = false;
			parent->red = true;
			rotate(root, parent, side);
			sibling = parent->child[!side];
		}
		if (!is_red(sibling->child[0]) && !is_red(sibling->child[1])) {
			sibling->red = true;
			node = parent;
			parent = node->parent;
			continue;
		}
		if (!is_red(sibling->child[!side])) {
			sibling->child[side]->red = false;
			sibling->red = true;
			rotate(root, sibling, !side);
			sibling = parent->child[!side];
		}
		sibling->red = parent->red;
		parent->red = false;
		sibling->child[!side]->red = false;
		rotate(root, parent, side);
		return;
	}
	if (node != NULL) {
		node->red = false;
	}
}

/* node's follower, which has no left child, leaves its place for node's, and takes its colour. */
static void
erase_inner(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *next = leftmost(node->child[1]);
	struct rb_node *orphan = next->child[1];
	struct rb_node *parent = next->parent == node ? next : next->parent;
	bool red = next->red;

	replace(root, next, orphan);
	replace(root, node, next);
	hang(next, 0, node->child[0]);
	hang(next, 1, node->child[1]);
	next->red = node->red;
	if (!red) {
		mend_black(root, parent, orphan);
	}
}

void
rb_erase(struct rb_root *root, struct rb_node *node)
{
	if (root->first == node) {
		root->first = rb_next(node);
	}
	if (node->child[0] != NULL && node->child[1] != NULL) {
		erase_inner(root, node);
	} else {
		struct rb_node *only = node->child[node->child[0] == NULL];

		replace(root, node, only);
		if (!node->red) {
			mend_black(root, node->parent, only);
		}
	}
	rb_node_init(node);
}
