// SPDX-License-Identifier: ISC
#include "guest/user.h"

#include <stdarg.h>

#include "guest/bug.h"
#include "guest/entry_user.h"
#include "guest/format.h"
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "shared/user_abi.h"

/* ---- a task's life ---- */

struct start {
	uintptr_t entry;
	uintptr_t stack;
	uint64_t arg;
};

static void
begin(void *arg)
{
	struct start start = *(struct start *)arg;

	object_free(arg, sizeof(start));
	arch_user_enter(start.entry, start.stack, start.arg);
}

/* As the scheduler and signals find it from its first moment on. */
static void
make_user(struct task *task, const struct user_program *program, void *state)
{
	mm_get(program->mm);
	task->mm = program->mm;
	task->is_user = true;
	task->signals_taken =
		sigmask(SIGINT) | sigmask(SIGKILL) | sigmask(SIGUSR1) | sigmask(SIGSTOP);
	arch_user_init(task, state);
}

static struct task *
create(const struct user_program *program, const struct task_params *params, struct start *start)
{
	void *state = object_alloc(ARCH_USER_STATE_SIZE);
	struct task_params own = *params;
	struct task *task;

	if (state == NULL) {
		return NULL;
	}
	own.fn = begin;
	own.arg = start;
	task = task_create(&own);
	if (task == NULL) {
		object_free(state, ARCH_USER_STATE_SIZE);
		return NULL;
	}
	make_user(task, program, state);
	return task;
}

struct task *
user_run(const struct user_program *program, const struct task_params *params, uint64_t arg)
{
	struct start *start = object_alloc(sizeof(*start));
	struct task *task = NULL;

	if (start == NULL) {
		return NULL;
	}
	*start = (struct start){ program->entry, mm_map_stack(program->mm), arg };
	if (start->stack != 0) {
		task = create(program, params, start);
		if (task == NULL) {
			mm_put_stack(program->mm, start->stack);
		}
	}
	if (task == NULL) {
		object_free(start, sizeof(*start));
		return NULL;
	}
	wake_up_new_task(task);
	return task;
}

void
user_exit(int status)
{
	struct task *task = current;

	ASSERT(task->mm != NULL);
	task_work_end();
	task->exit_status = status;
	mm_exit();
	object_free(arch_user_end(task), ARCH_USER_STATE_SIZE);
	task_exit();
}

void
user_kill(unsigned int sig, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	format_to(text, sizeof(text), format, args);
	va_end(args);
	printk("task %s, pid %u, killed: %s\n", current->comm, current->pid, text);
	user_exit(USER_STATUS_KILLED + (int)sig);
}

/* ---- user memory ---- */

/* The whole lies in the user's half: what is not mapped there faults, and the arch finds out. */
static bool
is_user_range(uint64_t address, size_t size)
{
	return size <= ARCH_USER_END && address <= ARCH_USER_END - size;
}

size_t
copy_from_user(void *to, uint64_t from, size_t size)
{
	size_t left = size;

	ASSERT(current->mm != NULL);
	if (!is_user_range(from, size) && !bug(USER_RANGE_UNCHECKED)) {
		return size;
	}
	do { /* bounded: by the pages of a stack */
		size_t done = size - left;

		left = arch_copy_from_user((char *)to + done, from + done, left);
	} while (left != 0 && !bug(COPY_GROWS_NOTHING) &&
	         mm_grow_stack(current->mm, from + size - left));
	return left;
}

size_t
copy_to_user(uint64_t to, const void *from, size_t size)
{
	size_t left = size;

	ASSERT(current->mm != NULL);
	if (!is_user_range(to, size) && !bug(USER_RANGE_UNCHECKED)) {
		return size;
	}
	do { /* bounded: by the pages of a stack */
		size_t done = size - left;

		left = arch_copy_to_user(to + done, (const char *)from + done, left);
	} while (left != 0 && !bug(COPY_GROWS_NOTHING) &&
	         mm_grow_stack(current->mm, to + size - left));
	return left;
}
