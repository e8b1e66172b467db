// SPDX-License-Identifier: ISC
/*
 * Seeded bugs: mistakes that kernels have made, each at the place where it would be made, switched
 * on by the boot argument bug=NAME in images built for it. In all others bug(X) is the constant 0
 * and leaves no instruction behind.
 *
 * A line each: name, mistake, where it was seen (a commit of Linux or another kernel's bug), the
 * property that it breaks, and words of the report by which a suite must catch it. Where suites say
 * it in different words, " or " stands between them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUGS(X)                                                                                   \
	X(COND_RESCHED_IRQS_OFF, "cond_resched() switches with interrupts off", "82c387ef7568",   \
	  "P18", "FAIL cond_resched switches where the model says")                               \
	X(DEAD_TASK_PREEMPTIBLE, "a dying task can be preempted after it is marked dead", "",     \
	  "P39", "assertion failed: !atomic_load(&prev->on_rq)")                                  \
	X(DEQUEUE_ON_PREEMPT, "a preempted task that had set its state is dequeued", "", "P21",   \
	  "FAIL a preempted sleeper stays queued")                                                \
	X(ENABLE_IRQS_OFF, "preempt_enable() switches with interrupts off", "", "P8",             \
	  "FAIL preempt_enable with irqs off leaves the request pending")                         \
	X(FORGET_FOLD, "the reschedule interrupt does not fold the request", "8cb75e0c4ec9",      \
	  "P26", "FAIL a remote request preempts at once, under full")                            \
	X(IDLE_SHADOW_LOST, "idle enables interrupts before its halt", "9f98a4f4e721", "P33",     \
	  "overslept")                                                                            \
	X(IDLE_NO_RETEST, "idle halts without a last look at the request", "edc8fc01f608", "P33", \
	  "overslept")                                                                            \
	X(IRQ_RETURN_IN_ATOMIC, "an interrupt's return preempts whatever the count", "", "P19",   \
	  "assertion failed: preempt_count() == 0")                                               \
	X(KEEP_REQUEST_ON_STAY, "only a switch clears the request", "asterinas PR #2234", "P23",  \
	  "assertion failed: !need_resched()")                                                    \
	X(LEAK_DISABLE, "a sleep leaves preemption off", "", "P3",                                \
	  "assertion failed: preempt_count() == 0")                                               \
	X(MIGHT_SLEEP_IN_NONE, "might_sleep() is a preemption point under none", "", "P13",       \
	  "assertion failed: preempt_policy_allows(policy, reason)")                              \
	X(NO_WAKEUP_PREEMPT, "a more important task that wakes requests nothing", "", "P30",      \
	  "FAIL the outermost preempt_enable switches, under full")                               \
	X(PLAIN_COUNT_SET, "preempt_count_set() stores over the folded bit", "", "P4",            \
	  "FAIL preempt_count_set keeps the folded bit")                                          \
	X(REQUEST_FOR_EQUAL, "a FIFO task that wakes requests for its equals too", "", "P31",     \
	  "FAIL nothing is requested where nothing would change")                                 \
	X(TEST_BEFORE_STATE, "a sleeper tests its condition before it sets its state", "", "P32", \
	  "overslept")                                                                            \
	X(YIELD_IRQS_OFF, "yield() enters the scheduler with interrupts off", "345a957fcc95",     \
	  "P3", "assertion failed: !arch_irqs_disabled()")

enum bug {
#define BUG_ENUM(name, mistake, seen, property, caught) BUG_##name,
	BUGS(BUG_ENUM)
#undef BUG_ENUM
		BUG_COUNT
};

extern enum bug bug_active; /* BUG_COUNT: none. Read-only after boot */

#define bug(name) (CONFIG_BUGS && __builtin_expect(bug_active == BUG_##name, 0))

/*
 * Switches on the bug of this name, in small letters with hyphens; "list" prints them all and ends
 * the run. Returns false if there is none of it. Boot.
 */
bool bug_choose(const char *name, size_t size);
