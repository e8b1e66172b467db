// SPDX-License-Identifier: ISC
/*
 * A new task's stack, as if arch_switch_to() had left it.
 */
#include "guest/arch.h"
#include "guest/stack.h"
#include "guest/task.h"

/* What arch_switch_to() pops, lowest first. */
struct switch_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp;
	uint64_t ip;
};

void task_first_run(void); /* switch.S; not called from C */

void
arch_task_init(struct task *task, void (*fn)(void *), void *arg)
{
	char *top = (char *)task->stack + STACK_SIZE;
	struct switch_frame *frame = (struct switch_frame *)top - 1;

	*frame = (struct switch_frame){
		.r12 = (uintptr_t)fn,
		.r13 = (uintptr_t)arg,
		.ip = (uintptr_t)task_first_run,
	};
	task->arch.rsp = (uintptr_t)frame;
}
