// SPDX-License-Identifier: ISC
/*
 * Memory that runs out in the middle of what makes a thing of several parts: it fails, and what it
 * had taken is given back.
 */
#include "guest/page.h"

#include <stdio.h>

#include "guest/interrupt.h"
#include "guest/kthread.h"
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/sched.h"
#include "guest/srcu.h"
#include "guest/user.h"
#include "guest/user_elf.h"
#include "guest/vcpu.h"
#include "guest/workqueue.h"
#include "shared/user_abi.h"
#include "tests/explore/scenario.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define SMALLEST   32 /* object */
#define BUDGET_MAX 32
#define ATTEMPTS   300 /* that fail: more than there are of the smallest objects in a page */

#define LINE (IRQ_LINE_FIRST + 2)

/* ---- things ---- */

static HOST_STATE struct mm *mm; /* made before memory is short */
static HOST_STATE struct vm *vm;
static HOST_STATE struct srcu_struct srcu;
static HOST_STATE unsigned int device;

static int
idle_thread(void *unused)
{
	(void)unused;
	return 0;
}

static void
idle_task(void *unused)
{
	(void)unused;
}

static enum irqreturn
ignore(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	return IRQ_HANDLED;
}

static unsigned int
guest(struct vcpu *vcpu, unsigned int at)
{
	(void)vcpu;
	return at;
}

static bool
make_task(void)
{
	return task_create(&(struct task_params){ .comm = "new", .fn = idle_task }) != NULL;
}

static bool
make_kthread(void)
{
	return kthread_create(idle_thread, NULL, "new") != NULL;
}

static bool
make_mm(void)
{
	return mm_create() != NULL;
}

static bool
load_program(void)
{
	static const char image[1];
	const struct user_elf elf = {
		.segment_count = 2,
		.segments = { { .va = PAGE_SIZE, .size = PAGE_SIZE, .file_size = sizeof(image) },
		              { .va = 2 * PAGE_SIZE, .size = 2 * PAGE_SIZE } },
	};
	struct mm *own = mm_create();
	int error = own == NULL ? -1 : user_load_segments(own, &elf, image);

	if (own != NULL && error != 0) {
		mm_put(own);
	}
	return error == 0;
}

static void
end_at_once(uint64_t unused)
{
	(void)unused;
	host_syscall(SYSCALL_exit, 0, 0, 0);
}

static bool
run_program(void)
{
	const struct user_program program = { mm, (uintptr_t)end_at_once };

	return user_run(&program, &(struct task_params){ .comm = "user" }, 0) != NULL;
}

static bool
make_machine(void)
{
	return vm_create(VM_EARLY_IRQS_OFF, mm, (uintptr_t)guest) != NULL;
}

static bool
make_vcpu(void)
{
	return vcpu_create(vm, 0) != NULL;
}

static bool
make_srcu(void)
{
	return init_srcu_struct(&srcu) == 0;
}

static bool
make_handler(void)
{
	return request_threaded_irq(LINE, ignore, ignore, 0, "new", &device) == 0;
}

static bool
make_workqueue(void)
{
	return alloc_workqueue("new", 0, 1) != NULL;
}

static const struct thing {
	const char *name;
	bool (*make)(void);
} things[] = {
	{ "task", make_task },
	{ "kthread", make_kthread },
	{ "address space", make_mm },
	{ "program", load_program },
	{ "user task", run_program },
	{ "machine", make_machine },
	{ "vcpu", make_vcpu },
	{ "srcu", make_srcu },
	{ "handler with a thread", make_handler },
	{ "workqueue", make_workqueue },
};

/* ---- memory ---- */

struct page {
	struct page *next;
};

static const struct thing *thing;
static size_t budget; /* pages that it may take at first */
static size_t used;
static unsigned int failures;

static struct page *
take_pages(void)
{
	struct page *taken = NULL;

	for (struct page *page; (page = page_alloc()) != NULL; taken = page) {
		page->next = taken;
	}
	return taken;
}

/* Returns what it does not give back. */
static struct page *
give_back(struct page *taken, size_t count)
{
	while (taken != NULL && count-- != 0) {
		struct page *page = taken;

		taken = page->next;
		page_free(page);
	}
	return taken;
}

/* Leaves so many pages, and none that has objects in it. */
static struct page *
take_all_but(size_t count)
{
	struct page *taken = take_pages();

	for (size_t size = OBJECT_SIZE_MAX; size >= SMALLEST; size /= 2) {
		while (object_alloc(size) != NULL) { /* bounded: there are no pages for more */
			continue;
		}
	}
	return give_back(taken, count);
}

/* All at once, and no part of the machine: its stores are in memory before. */
static unsigned long
begin_at_once(void)
{
	host_fence();
	return host_step_begin();
}

/* It may sleep, and does not: nobody else wants what it does. */
static bool
make(void)
{
	unsigned long flags = begin_at_once();
	bool is_made;

	host_this->irqs_on = true;
	is_made = thing->make();
	host_step_end(flags);
	return is_made;
}

/* Fails as often as it can, then is made of all there is. Returns how many pages are used. */
static size_t
make_at_last(void)
{
	unsigned long flags = begin_at_once();
	size_t before = page_count_free();
	struct page *taken = take_all_but(budget);

	host_step_end(flags);
	failures = 0;
	while (failures < ATTEMPTS && !make()) {
		failures++;
	}
	HOST_EXPECT(failures == 0 || failures == ATTEMPTS);
	flags = begin_at_once();
	give_back(taken, SIZE_MAX);
	host_step_end(flags);
	HOST_EXPECT(failures == 0 || make());
	flags = begin_at_once();
	before -= page_count_free();
	host_step_end(flags);
	return before;
}

static void
maker(void *unused)
{
	(void)unused;
	mm = mm_create();
	vm = vm_create(VM_EARLY_IRQS_OFF, mm, (uintptr_t)guest);
	HOST_EXPECT(vm != NULL);
	host_gate();
	used = make_at_last();
	scenario_done();
}

static void
boot(void)
{
	scenario_task(0, maker, NULL);
}

static void
check(void)
{
	scenario_check_quiet(1);
}

/*
 * Of any number of pages that is too small nothing is made, however often, and nothing is kept:
 * when there is more, it is made, and of no more than it needs. Every number up to what it needs.
 */
START_TEST(test_memory_short_fails_and_keeps_nothing)
{
	size_t used_after[BUDGET_MAX];
	char name[64];
	struct explore_scenario scenario = { name, 1, boot, check, NULL, 0, NULL };

	thing = &things[_i];
	failures = ATTEMPTS;
	for (budget = 0; failures != 0; budget++) {
		ck_assert_uint_lt(budget, BUDGET_MAX);
		snprintf(name, sizeof(name), "%s, with %zu pages", thing->name, budget);
		scenario_must_survive(&scenario, 1);
		used_after[budget] = used;
	}
	budget--; /* what it needs, and what it has used when it did not fail before */
	ck_assert_uint_gt(budget, 0);
	for (size_t n = 0; n < budget; n++) {
		ck_assert_uint_eq(used_after[n], used_after[budget]);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tests = tcase_create("memory");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_memory_short_fails_and_keeps_nothing, 0,
	                    sizeof(things) / sizeof(things[0]));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
