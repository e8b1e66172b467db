// SPDX-License-Identifier: ISC
/*
 * A new task's stack, as if arch_switch_to() had left it.
 */
#include "guest/arch.h"
#include "guest/stack.h"
#include "guest/task.h"

/* What switch_stacks and task_first_run pop, lowest first. */
struct switch_frame {
	uint64_t rbp;
	uint64_t ip;
	uint64_t fn;
	uint64_t arg;
};

void task_first_run(void); /* switch.S; not called from C */

void
arch_task_init(struct task *task, void (*fn)(void *), void *arg)
{
	char *top = (char *)task->stack + STACK_SIZE;
	struct switch_frame *frame = (struct switch_frame *)top - 1;

	*frame = (struct switch_frame){
		.ip = (uintptr_t)task_first_run,
		.fn = (uintptr_t)fn,
		.arg = (uintptr_t)arg,
	};
	task->arch.rsp = (uintptr_t)frame;
}
