// SPDX-License-Identifier: ISC
/*
 * For programs that run payloads on vcpus: the payloads that are linked to them as bytes, machines
 * for them, and whether a crew stopped as it must.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/mm.h"
#include "guest/printk.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_crew.h"
#include "guest/vm.h"
#include "guest/vm_load.h"

struct payload {
	const char *name;
	const char *start;
	const char *end;
};

/* Once for each, outside of functions. */
#define PAYLOAD_BLOB(name) extern const char payload_##name[], payload_##name##_end[];

#define PAYLOAD(name) (&(const struct payload){ #name, payload_##name, payload_##name##_end })

/* A machine that runs this payload; NULL: no memory, or it is none. May sleep. */
static inline struct vm *
payload_machine(const struct payload *payload, enum vm_early early)
{
	struct vm_image image;
	struct vm *vm = NULL;
	int error = vm_load(payload->name, payload->start, (size_t)(payload->end - payload->start),
	                    &image);

	if (error == 0) {
		vm = vm_create(early, image.mm, image.entry);
		if (vm == NULL) {
			mm_put(image.mm);
		}
	}
	return vm;
}

/* Joined: did each stop so, and does all add up? What does not is printed. */
static inline bool
crew_stopped_so(const struct vcpu_crew *crew, int error, enum vcpu_stop stop, uint64_t value)
{
	for (const struct vcpu_member *member = crew->first; member != NULL;
	     member = member->next) {
		const struct vcpu *vcpu = member->vcpu;
		const char *fault = vcpu_stats_fault(vcpu);

		if (fault != NULL) {
			printk("vcpu %u: %s\n", vcpu->id, fault);
			return false;
		}
		if (member->error != error ||
		    (error == 0 && (vcpu->stop != stop || vcpu->stop_value != value))) {
			printk("vcpu %u: error %d, stop %u, value %llu\n", vcpu->id, member->error,
			       vcpu->stop, (unsigned long long)vcpu->stop_value);
			return false;
		}
	}
	return true;
}
