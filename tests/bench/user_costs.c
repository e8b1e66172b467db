// SPDX-License-Identifier: ISC
/*
 * What ring 3 costs, in instructions, measured in ring 3 under QEMU's -icount as costs.c does it:
 * the way of an empty system call (getpid) there and back, and of a yield to an equal that yields
 * at once, half of the round: of the same program, and of another one.
 */
#include "guest/main.h"
#include "guest/mm.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/user.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"

extern const char user_costs[], user_costs_end[];

struct loaded {
	struct user_program program;
	volatile struct shared *shared;
};

static struct loaded
load(void)
{
	struct loaded loaded;

	if (user_load("costs", user_costs, (size_t)(user_costs_end - user_costs),
	              &loaded.program) == 0) {
		loaded.shared = mm_map_page(loaded.program.mm, SHARED_ADDRESS, ARCH_PROT_WRITE);
	}
	return loaded;
}

static struct task *
start(struct loaded *loaded, uint64_t what)
{
	return user_run(&loaded->program, &(struct task_params){ .comm = "costs" }, what);
}

static uint64_t
measure(struct loaded *loaded, uint64_t what)
{
	task_join(start(loaded, what));
	return loaded->shared->counts[0];
}

/* With a partner that does the same, there and back. */
static uint64_t
measure_pair(struct loaded *loaded, struct loaded *other, uint64_t what)
{
	struct task *partner = start(other, what | COSTS_PARTNER);
	uint64_t cycles = measure(loaded, what);

	other->shared->stop = 1;
	task_join(partner);
	other->shared->stop = 0;
	return cycles;
}

static void
print_row(const char *what, uint64_t cycles, const char *limit, const char *linux_6_1)
{
	printk("  %-42s %9lu %9s %9s\n", what, cycles, limit, linux_6_1);
}

int
main(void)
{
	struct loaded one = load();
	struct loaded other = load();
	uint64_t nothing = measure(&one, COSTS_NOTHING);

	preempt_model_set(PREEMPT_FULL);
	printk("  %-42s %9s %9s %9s\n", "ring 3", "ours", "limit", "Linux 6.1");
	print_row("an empty system call", measure(&one, COSTS_CALL) - nothing, "150", "199");
	print_row("a yield to a task of the same program",
	          (measure_pair(&one, &one, COSTS_YIELD) - nothing) / 2, "-", "-");
	print_row("a yield to another program",
	          (measure_pair(&one, &other, COSTS_YIELD) - nothing) / 2, "-", "-");
	return EXIT_STATUS_OK;
}
