// SPDX-License-Identifier: ISC
/*
 * Memory that runs out in the middle of what makes a thing of several parts: it fails, and what it
 * had taken is given back.
 */
#include "guest/page.h"

#include <elf.h>
#include <stdio.h>

#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/interrupt.h"
#include "guest/kthread.h"
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/sched.h"
#include "guest/srcu.h"
#include "guest/user.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_crew.h"
#include "guest/vcpu_trap.h"
#include "guest/vm_load.h"
#include "guest/workqueue.h"
#include "shared/user_abi.h"
#include "tests/explore/scenario.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define SMALLEST   32 /* object */
#define BUDGET_MAX 32
#define ATTEMPTS   300 /* that fail: more than there are of the smallest objects in a page */

#define CREW 2
#define LINE (IRQ_LINE_FIRST + 2)

/* ---- things ---- */

static HOST_STATE struct mm *mm; /* made before memory is short */
static HOST_STATE struct vm *vm;
static HOST_STATE struct srcu_struct srcu;
static HOST_STATE struct vcpu_member member;
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
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                           .value = HYPERCALL_shutdown });
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

/* A file of one page: code, and behind its end two pages of zeros. */
static const struct {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
} image = {
	.header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = VM_FLAT_BASE,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	},
	.segments = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_vaddr = VM_FLAT_BASE,
		  .p_filesz = sizeof(image),
		  .p_memsz = sizeof(image) },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_vaddr = VM_FLAT_BASE + PAGE_SIZE,
		  .p_memsz = 2 * PAGE_SIZE },
	},
};

static bool
load_program(void)
{
	struct user_program program;
	int error = user_load("new", &image, sizeof(image), &program);

	HOST_EXPECT(error == 0 || error == -ENOMEM);
	return error == 0;
}

static bool
load_payload(void)
{
	struct vm_image loaded;
	int error = vm_load("new", &image, sizeof(image), &loaded);

	HOST_EXPECT(error == 0 || error == -ENOMEM);
	return error == 0;
}

static bool
load_flat_payload(void)
{
	static const uint8_t flat[2 * PAGE_SIZE];
	struct vm_image loaded;
	int error = vm_load("new", flat, sizeof(flat), &loaded);

	HOST_EXPECT(error == 0 || error == -ENOMEM);
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

/* What an incomplete crew has is the machine's, and goes with it. */
static bool
make_crew(void)
{
	struct mm *own = mm_create();
	struct vm *new = own != NULL ? vm_create(VM_EARLY_IRQS_ON, own, (uintptr_t)guest) : NULL;
	struct vcpu_crew crew = { .vm = NULL };

	if (new == NULL && own != NULL) {
		mm_put(own);
	}
	if (new == NULL || vcpu_crew_create(&crew, new, CREW, 0) == CREW) {
		return new != NULL;
	}
	vcpu_crew_end(&crew);
	vm_destroy(new);
	return false;
}

static bool
start_member(void)
{
	member.task = NULL;
	member.error = 0;
	vcpu_member_start(&member, &(struct task_params){ .cpus_allowed = 1 });
	HOST_EXPECT((member.task == NULL) == (member.error == -ENOMEM));
	return member.task != NULL;
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
make_forced_handler(void)
{
	boot_args.threadirqs = true;
	return make_handler();
}

static bool
make_workqueue(void)
{
	return alloc_workqueue("new", 0, 1) != NULL;
}

static bool
make_high_workqueue(void)
{
	return alloc_workqueue("new", WQ_HIGHPRI, 1) != NULL;
}

static const struct thing {
	const char *name;
	bool (*make)(void);
} things[] = {
	{ "task", make_task },
	{ "kthread", make_kthread },
	{ "address space", make_mm },
	{ "program", load_program },
	{ "payload", load_payload },
	{ "flat payload", load_flat_payload },
	{ "user task", run_program },
	{ "machine", make_machine },
	{ "vcpu", make_vcpu },
	{ "crew", make_crew },
	{ "vcpu's task", start_member },
	{ "srcu", make_srcu },
	{ "handler with a thread", make_handler },
	{ "handler with two threads", make_forced_handler },
	{ "workqueue", make_workqueue },
	{ "high workqueue", make_high_workqueue },
};

/* ---- memory ---- */

struct page {
	struct page *next;
};

static const struct thing *thing;
static size_t budget; /* pages that it may take at first */
static size_t spare;  /* and one object of this size; 0: none */
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

/* Leaves so many pages, and of those that have objects in them at most one. */
static struct page *
take_all_but(size_t count)
{
	void *left = spare != 0 ? object_alloc(spare) : NULL;
	struct page *taken = take_pages();

	for (size_t size = OBJECT_SIZE_MAX; size >= SMALLEST; size /= 2) {
		while (object_alloc(size) != NULL) { /* bounded: there are no pages for more */
			continue;
		}
	}
	if (left != NULL) {
		object_free(left, spare);
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
	if (thing->make == start_member) {
		member.vcpu = vcpu_create(vm, 0);
		HOST_EXPECT(member.vcpu != NULL);
	}
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

/* With each number of pages, up to what it needs. Returns that, and what was used with each. */
static size_t
make_with_each_budget(size_t *used_after)
{
	char name[64];
	struct explore_scenario scenario = { name, 1, boot, check, NULL, 0, NULL };

	failures = ATTEMPTS;
	for (budget = 0; failures != 0; budget++) {
		ck_assert_uint_lt(budget, BUDGET_MAX);
		snprintf(name, sizeof(name), "%s, with %zu pages and %zu bytes", thing->name,
		         budget, spare);
		scenario_must_survive(&scenario, 1);
		used_after[budget] = used;
	}
	return budget - 1;
}

/*
 * Of any number of pages that is too small nothing is made, however often, and nothing is kept:
 * when there is more, it is made, and of no more than it needs. Every number up to what it needs.
 */
START_TEST(test_memory_short_fails_and_keeps_nothing)
{
	size_t used_after[BUDGET_MAX];
	size_t needed;

	thing = &things[_i];
	spare = 0;
	needed = make_with_each_budget(used_after);
	ck_assert_uint_gt(needed, 0);
	for (size_t n = 0; n < needed; n++) {
		ck_assert_uint_eq(used_after[n], used_after[needed]);
	}
}
END_TEST

/* The same where one of several parts that are as large as each other is there, of each size. */
START_TEST(test_memory_short_by_a_part_fails_and_keeps_nothing)
{
	size_t used_after[BUDGET_MAX];

	thing = &things[_i];
	for (spare = SMALLEST; spare <= OBJECT_SIZE_MAX; spare *= 2) {
		make_with_each_budget(used_after);
	}
}
END_TEST

/* ---- a guest's ---- */

/* Wants another page each time that its instruction runs. */
static unsigned int
touch_all(struct vcpu *vcpu, unsigned int at)
{
	host_guest_trap(vcpu, &(struct vcpu_trap){
				      .kind = VCPU_TRAP_MEMORY,
				      .addr = VM_MEMORY_START + mm->arch.count * PAGE_SIZE,
			      });
	return at;
}

static void
run_guest(void *unused)
{
	(void)unused;
	mm = mm_create();
	vm = vm_create(VM_EARLY_IRQS_OFF, mm, (uintptr_t)touch_all);
	member.vcpu = vcpu_create(vm, 0);
	host_gate();
	HOST_EXPECT(vcpu_run(member.vcpu) == 0);
	HOST_EXPECT(member.vcpu->stop == VCPU_STOP_FAULT);
	HOST_EXPECT(member.vcpu->stats.exits == HOST_USER_PAGES_MAX + 1);
	HOST_EXPECT(vcpu_stats_fault(member.vcpu) == NULL);
	vm_destroy(vm);
	scenario_done();
}

static void
boot_guest(void)
{
	scenario_task(0, run_guest, NULL);
}

/* A guest that wants more memory than there is stops at the first page that it does not get. */
START_TEST(test_memory_short_stops_a_guest)
{
	static const struct explore_scenario scenario = {
		"a guest that wants all memory", 1, boot_guest, check, NULL, 0, NULL
	};

	scenario_must_survive(&scenario, 1);
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
	tcase_add_loop_test(tests, test_memory_short_by_a_part_fails_and_keeps_nothing, 0,
	                    sizeof(things) / sizeof(things[0]));
	tcase_add_test(tests, test_memory_short_stops_a_guest);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
