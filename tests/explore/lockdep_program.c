// SPDX-License-Identifier: ISC
#include "tests/explore/lockdep_program.h"

#include <string.h>

#include "guest/bottom_half.h"
#include "guest/bug.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"

HOST_STATE struct lockdep_map program_maps[3] = {
	LOCKDEP_MAP_INIT("A", LD_WAIT_SPIN),
	LOCKDEP_MAP_INIT("B", LD_WAIT_SPIN),
	LOCKDEP_MAP_INIT("C", LD_WAIT_SPIN),
};

HOST_STATE struct lockdep_map program_waits[3] = {
	LOCKDEP_MAP_INIT("X", LD_WAIT_SLEEP),
	LOCKDEP_MAP_INIT("Y", LD_WAIT_CONFIG),
	LOCKDEP_MAP_INIT_WAIT("Z", LD_WAIT_FREE, LD_WAIT_CONFIG),
};

#define PREFIX "panic on cpu 0: "

struct how {
	enum lockdep_read read;
	bool trylock;
	unsigned int subclass;
};

static unsigned int entered;

static void
step_context(char step)
{
	switch (step) {
	case 'i':
		arch_irq_disable();
		break;
	case 'I':
		arch_irq_enable();
		break;
	case 'h':
		arch_irq_disable();
		entered = lockdep_irq_enter(true, true);
		preempt_count_add(HARDIRQ_OFFSET);
		break;
	case 'g': /* one that no thread could handle */
		arch_irq_disable();
		entered = lockdep_irq_enter(true, false);
		preempt_count_add(HARDIRQ_OFFSET);
		break;
	case 'H':
		lockdep_irq_exit(entered);
		preempt_count_sub(HARDIRQ_OFFSET);
		arch_irq_enable();
		break;
	case 'f':
		preempt_count_add(SOFTIRQ_OFFSET);
		break;
	case 'F':
		preempt_count_sub(SOFTIRQ_OFFSET);
		break;
	case 'd':
		local_bh_disable();
		break;
	case 'D':
		local_bh_enable();
		break;
	case 'm':
		preempt_count_add(NMI_OFFSET + HARDIRQ_OFFSET);
		break;
	case 'M':
		preempt_count_sub(NMI_OFFSET + HARDIRQ_OFFSET);
		break;
	default:
		HOST_EXPECT(step == ' ');
	}
}

static void
run_step(char step, struct how *how)
{
	if (step >= 'A' && step <= 'C') {
		lock_acquire(&program_maps[step - 'A'], how->subclass, how->trylock, how->read, 0);
	} else if (step >= 'a' && step <= 'c') {
		lock_release(&program_maps[step - 'a'], 0);
	} else if (step >= 'X' && step <= 'Z') {
		lock_acquire(&program_waits[step - 'X'], how->subclass, how->trylock, how->read, 0);
	} else if (step >= 'x' && step <= 'z') {
		lock_release(&program_waits[step - 'x'], 0);
	} else if (step == 'r' || step == 's') {
		how->read = step == 'r' ? LOCKDEP_READ_RECURSIVE : LOCKDEP_READ;
		return;
	} else if (step == 't') {
		how->trylock = true;
		return;
	} else if (step == 'n') {
		how->subclass = 1;
		return;
	} else {
		step_context(step);
	}
	*how = (struct how){ LOCKDEP_WRITE, false, 0 };
}

void
program_run(const char *steps)
{
	struct how how = { LOCKDEP_WRITE, false, 0 };

	for (; *steps != '\0'; steps++) {
		run_step(*steps, &how);
	}
}

static const char *program;

static void
run_alone(void)
{
	arch_irq_enable();
	program_run(program);
	HOST_EXPECT(lockdep_is_on());
	HOST_EXPECT(current->lockdep.depth == 0);
}

static void
stop(void *unused)
{
	(void)unused;
	host_gate();
	host_stop();
}

static const char *boot_bug;

static void
boot_one(void)
{
	if (boot_bug != NULL) {
		HOST_EXPECT(bug_choose(boot_bug, strlen(boot_bug)));
	}
	scenario_task(0, stop, NULL);
}

void
program_boot(const char *bug)
{
	boot_bug = bug;
	host_boot(1, boot_one, sched_idle_loop);
}

static unsigned int
pick_first(const struct host_transition *transitions, unsigned int count)
{
	(void)transitions, (void)count;
	return 0;
}

const char *
program_said(const char *steps, void (*fn)(void))
{
	static struct host_result result;

	program = steps;
	host_pick = pick_first;
	host_run(&result); /* the machine as it was after program_boot() */
	result.end = HOST_END_QUIET;
	host_inspect(steps != NULL ? run_alone : fn, &result);
	if (result.end != HOST_END_FAILED) {
		return "";
	}
	return strncmp(result.reason, PREFIX, strlen(PREFIX)) == 0 ? result.reason + strlen(PREFIX)
	                                                           : result.reason;
}
