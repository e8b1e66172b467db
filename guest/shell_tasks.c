// SPDX-License-Identifier: ISC
#include "guest/shell_tasks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/string.h"
#include "guest/task.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

/* ---- words ---- */

/* A number in this base, at most max; signs and prefixes are not part of it. */
static bool
parse_number(const char *text, unsigned int base, uint64_t max, uint64_t *value)
{
	*value = 0;
	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		unsigned int digit = *text >= '0' && *text <= '9' ? (unsigned int)(*text - '0')
		                     : *text >= 'a' && *text <= 'f'
		                             ? (unsigned int)(*text - 'a' + 10)
		                             : base;

		if (digit >= base || *value > (max - digit) / base) {
			return false;
		}
		*value = *value * base + digit;
	}
	return true;
}

struct search {
	uint64_t pid;
	struct task *found; /* with a reference */
};

static void
match(struct task *task, void *cookie)
{
	struct search *search = cookie;

	if (task->pid == search->pid) {
		task_get(task);
		search->found = task;
	}
}

/* The task of this pid, with a reference; or NULL, and it was said. */
static struct task *
find(const char *command, const char *pid)
{
	struct search search = { 0 };

	if (parse_number(pid, 10, UINT32_MAX, &search.pid)) {
		task_for_each(match, &search);
	}
	if (search.found == NULL) {
		printk("%s: '%s' is no task (ESRCH)\n", command, pid);
	}
	return search.found;
}

/* ---- the table ---- */

/* Linux's letters. */
static char
state_letter(uint32_t state)
{
	switch (state & ~TASK_WAKEKILL) {
	case TASK_RUNNING:
		return 'R';
	case TASK_INTERRUPTIBLE:
		return 'S';
	case TASK_UNINTERRUPTIBLE:
		return 'D';
	case __TASK_STOPPED:
		return 'T';
	case TASK_DEAD:
		return 'X';
	case TASK_WAKING:
		return 'W';
	default:
		return 'N';
	}
}

static void
print_task(struct task *task, void *cookie)
{
	(void)cookie;
	printk("%5u  %-15s  %-5s  %4u  %-5c  %3u  %7lx  %9lu  %11lu\n", task->pid, task->comm,
	       task->class->name, task->prio, state_letter(atomic_load(&task->state)),
	       atomic_load(&task->cpu), task->cpus_allowed & cpus_online, task->nvcsw,
	       task->nivcsw);
}

void
shell_tasks(unsigned int count, const char *const *words)
{
	(void)count;
	(void)words;
	printk("  pid  name             class  prio  state  cpu  allowed  voluntary  "
	       "involuntary\n");
	task_for_each(print_task, NULL);
}

/* ---- changes ---- */

void
shell_renice(unsigned int count, const char *const *words)
{
	bool negative = count == 2 && words[1][0] == '-';
	uint64_t max = negative ? -NICE_MIN : NICE_MAX;
	struct task *task;
	uint64_t level;

	if (count != 2 || !parse_number(words[1] + negative, 10, max, &level)) {
		printk("renice: wants a pid and a level from %d to %d (EINVAL)\n", NICE_MIN,
		       NICE_MAX);
		return;
	}
	task = find("renice", words[0]);
	if (task == NULL) {
		return;
	}
	if (task->class == &sched_class_fair) {
		set_user_nice(task, negative ? -(int)level : (int)level);
	} else {
		printk("renice: %s is of class %s, which has no levels (EINVAL)\n", task->comm,
		       task->class->name);
	}
	task_put(task);
}

void
shell_taskset(unsigned int count, const char *const *words)
{
	struct task *task;
	uint64_t cpus;

	if (count != 2 || !parse_number(words[1], 16, UINT64_MAX, &cpus)) {
		printk("taskset: wants a pid and a set of cpus in hexadecimal (EINVAL)\n");
		return;
	}
	task = find("taskset", words[0]);
	if (task == NULL) {
		return;
	}
	if (set_cpus_allowed(task, cpus) != 0) {
		printk("taskset: none of the cpus %lx is online (EINVAL)\n", cpus);
	}
	task_put(task);
}
