// SPDX-License-Identifier: ISC
#include "guest/vcpu_crew.h"

#include "guest/errno.h"
#include "guest/format.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/vcpu.h"

static bool
add(struct vcpu_crew *crew, uint32_t parameter)
{
	struct vcpu_member *member = object_alloc(sizeof(*member));

	if (member == NULL) {
		return false;
	}
	member->vcpu = vcpu_create(crew->vm, payload_arg(crew->count, parameter));
	if (member->vcpu == NULL) {
		object_free(member, sizeof(*member));
		return false;
	}
	ASSERT(member->vcpu->id == crew->count);
	*crew->end = member;
	crew->end = &member->next;
	crew->count++;
	return true;
}

uint32_t
vcpu_crew_create(struct vcpu_crew *crew, struct vm *vm, uint32_t count, uint32_t parameter)
{
	*crew = (struct vcpu_crew){ .vm = vm };
	crew->end = &crew->first;
	while (crew->count < count && add(crew, parameter)) {
		/* bounded: by count */
	}
	return crew->count;
}

static void
run(void *arg)
{
	struct vcpu_member *member = arg;

	if (member->is_placed) {
		set_cpus_allowed(current, UINT64_MAX);
	}
	member->error = vcpu_run(member->vcpu);
}

void
vcpu_member_start(struct vcpu_member *member, const struct task_params *params)
{
	char comm[TASK_COMM_SIZE];
	struct task_params own = *params;

	format_string(comm, sizeof(comm), "vcpu %u", member->vcpu->id);
	own.comm = comm;
	own.fn = run;
	own.arg = member;
	member->is_placed = own.cpus_allowed == 0;
	if (member->is_placed) {
		own.cpus_allowed = 1ull << member->vcpu->id % cpu_count;
	}
	member->task = task_create(&own);
	if (member->task == NULL) {
		member->error = -ENOMEM;
	} else {
		wake_up_new_task(member->task);
	}
}

void
vcpu_crew_start(struct vcpu_crew *crew, const struct task_params *params)
{
	for (struct vcpu_member *member = crew->first; member != NULL; member = member->next) {
		vcpu_member_start(member, params);
	}
}

void
vcpu_crew_join(struct vcpu_crew *crew)
{
	for (struct vcpu_member *member = crew->first; member != NULL; member = member->next) {
		if (member->task != NULL) {
			task_join(member->task);
			member->task = NULL;
		}
	}
}

void
vcpu_crew_end(struct vcpu_crew *crew)
{
	while (crew->first != NULL) {
		struct vcpu_member *member = crew->first;

		ASSERT(member->task == NULL);
		crew->first = member->next;
		object_free(member, sizeof(*member));
	}
	crew->count = 0;
}
