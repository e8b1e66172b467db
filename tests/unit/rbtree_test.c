// SPDX-License-Identifier: ISC
/*
 * Red-black trees against a sorted array: order, colours and heights after each operation.
 */
#include "guest/rbtree.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#define NODES_MAX  200
#define OPERATIONS 20000
#define FEW        7
#define FEW_ORDERS 5040 /* of so many */

/* As ck_assert(), which notes each place that it passes. */
#define EXPECT(what)                                         \
	do {                                                 \
		if (!(what)) {                               \
			ck_abort_msg("expected: %s", #what); \
		}                                            \
	} while (0)

struct item {
	struct rb_node node;
	unsigned int key;
	unsigned int serial;
};

static struct item items[NODES_MAX];
static struct item *sorted[NODES_MAX];
static unsigned int sorted_count;
static struct rb_root root;
static unsigned int serial;

static struct item *
item_of(const struct rb_node *node)
{
	return (struct item *)(uintptr_t)node;
}

static bool
less(const struct rb_node *a, const struct rb_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

/* The black nodes of each way down from here. */
static unsigned int
check_below(const struct rb_node *node, const struct rb_node *parent)
{
	unsigned int left;
	unsigned int right;

	if (node == NULL) {
		return 0;
	}
	EXPECT(node->parent == parent);
	EXPECT(!node->red || (parent != NULL && !parent->red));
	left = check_below(node->child[0], node);
	right = check_below(node->child[1], node);
	EXPECT(left == right);
	return left + !node->red;
}

static void
check_tree(void)
{
	struct rb_node *node = rb_first(&root);

	check_below(root.top, NULL);
	for (unsigned int n = 0; n < sorted_count; n++) {
		EXPECT(node == &sorted[n]->node);
		EXPECT(rb_is_linked(node));
		node = rb_next(node);
	}
	EXPECT(node == NULL);
}

static void
add(struct item *item, unsigned int key)
{
	unsigned int place = sorted_count++;

	item->key = key;
	item->serial = serial++;
	for (; place > 0 && sorted[place - 1]->key > key; place--) {
		sorted[place] = sorted[place - 1];
	}
	sorted[place] = item;
	rb_add(&root, &item->node, less);
	check_tree();
}

static void
erase(struct item *item)
{
	unsigned int place = 0;

	for (; sorted[place] != item; place++) {
	}
	for (sorted_count--; place < sorted_count; place++) {
		sorted[place] = sorted[place + 1];
	}
	rb_erase(&root, &item->node);
	ck_assert(!rb_is_linked(&item->node));
	check_tree();
}

static void
clear(void)
{
	root = (struct rb_root){ NULL, NULL };
	sorted_count = 0;
	for (unsigned int n = 0; n < NODES_MAX; n++) {
		rb_node_init(&items[n].node);
	}
}

/* Which of those that are left comes next, as the digits of `order` in falling bases say. */
static unsigned int
take(unsigned int *order, unsigned int *left, unsigned int count)
{
	unsigned int place = *order % count;
	unsigned int taken = left[place];

	*order /= count;
	left[place] = left[count - 1];
	return taken;
}

/* Every order of a few keys, each taken out again in an order of its own. */
START_TEST(test_rbtree_few_nodes_any_order_holds)
{
	for (unsigned int order = 0; order < FEW_ORDERS; order++) {
		unsigned int way_in = order;
		unsigned int way_out = FEW_ORDERS - 1 - order;
		unsigned int left[FEW] = { 0, 1, 2, 3, 4, 5, 6 };
		unsigned int there[FEW] = { 0, 1, 2, 3, 4, 5, 6 };

		clear();
		for (unsigned int n = FEW; n > 0; n--) {
			unsigned int key = take(&way_in, left, n);

			add(&items[key], key);
		}
		for (unsigned int n = FEW; n > 0; n--) {
			erase(&items[take(&way_out, there, n)]);
		}
		ck_assert_ptr_null(root.top);
	}
}
END_TEST

static const unsigned int key_counts[] = { 1, 10, 1000 };

/* Random nodes come and go, few of them alike, or many, or all: equal ones stand as they came. */
START_TEST(test_rbtree_random_nodes_hold)
{
	struct random seed = random_seeded((uint64_t)_i);

	clear();
	for (unsigned int n = 0; n < OPERATIONS; n++) {
		struct item *item = &items[random_below(&seed, NODES_MAX)];

		if (rb_is_linked(&item->node)) {
			erase(item);
		} else {
			add(item, (unsigned int)random_below(&seed, key_counts[_i]));
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rbtree");
	TCase *tests = tcase_create("rbtree");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_rbtree_few_nodes_any_order_holds);
	tcase_add_loop_test(tests, test_rbtree_random_nodes_hold, 0, 3);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
