// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/machine.h"

#include "tests/fuzz/exit/fill.h"
#include "tests/fuzz/exit/host.h"
#include "tests/fuzz/exit/image.h"
#include "tests/fuzz/exit/kinds.h"
#include "tests/fuzz/exit/model.h"
#include "tests/fuzz/exit/run.h"

#include "shared/doorbell_abi.h"
#include "shared/trace_abi.h"

#include <stdlib.h>
#include <string.h>

#define BUDGET 1024u /* elements of strings */

struct options exit_options = { .timeout_ns = 1000000000 };
struct machine exit_machine;
struct kvm_run *exit_kvm_runs[GUEST_CPUS_MAX];

void
exit_machine_begin(void)
{
	exit_host_begin();
	guest_begin();
	for (unsigned int i = 0; i < GUEST_CPUS_MAX; i++) {
		exit_kvm_runs[i] = calloc(1, EXIT_KVM_SIZE);
		if (exit_kvm_runs[i] == NULL) {
			abort();
		}
	}
	exit_machine.options = &exit_options;
}

/* The first operation may say what machine it is. */
static struct fuzz_item
machine_of(const struct fuzz_input *input)
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	if (!fuzz_next(&cursor, &item) || item.kind != OP_MACHINE) {
		item.length = 0;
	}
	return item;
}

static void
set_up_memory(const struct fuzz_item *item, uint64_t ring_region)
{
	static const uint64_t trace_sizes[] = {
		TRACE_HEADER_SIZE + GUEST_CPUS_MAX * GUEST_CAPACITY * sizeof(struct trace_record),
		0,
		TRACE_HEADER_SIZE,
		TRACE_HEADER_SIZE + GUEST_CPUS_MAX * sizeof(struct trace_record),
	};

	guest_reset(ring_region, trace_sizes[fuzz_arg(item, 2, 4)]);
	exit_machine.plan.trace = guest.trace;
	exit_machine.vm.memory = guest.memory;
}

static void
set_up_devices(const struct fuzz_item *item, uint64_t ring_region)
{
	bool is_named = fuzz_arg(item, 1, 2) != 0;
	struct console *console = &exit_machine.devices.console;

	exit_machine.image.bytes = is_named ? exit_image : NULL;
	exit_machine.image.size = is_named ? exit_image_size : 0;
	devices_init(&exit_machine.devices, &exit_machine.vm.memory, EXIT_FD_VM, EXIT_FD_OUTPUT);
	names_init(&console->names, exit_machine.image.bytes, exit_machine.image.size);
	console->cancel_fd = EXIT_FD_ENDED;
	if (ring_region != 0) {
		if (!console_init_ring(console, gpa(GUEST_RING_AT), ring_region)) {
			exit_find("a ring that lies in memory is refused");
		}
		guest_has_ring(console->size);
	}
	if (input_init(&exit_run.input, &exit_machine.devices) != 0) {
		exit_find("the input cannot be set up");
	}
	model_reset(console->size, is_named);
}

void
exit_machine_set_up(const uint8_t *data, size_t size)
{
	static const uint64_t ring_regions[] = { 16 + 256, CONSOLE_REGION_SIZE, 0, 16 + 64 };
	static struct fuzz_input input;
	struct fuzz_item item;
	uint64_t ring_region;

	memset(&exit_run, 0, sizeof(exit_run));
	input = fuzz_input(data, size, GUEST_CPUS_MAX);
	item = machine_of(&input);
	exit_run.ops = fuzz_cursor(&input, FUZZ_OPERATIONS);
	exit_run.replies = fuzz_cursor(&input, FUZZ_REPLIES);
	exit_run.budget = BUDGET;
	exit_options.cpu_count = input.header.cpus + 1u;
	for (uint32_t i = 0; i < exit_options.cpu_count; i++) {
		exit_kvm_runs[i]->immediate_exit = 0;
		exit_kvm_runs[i]->exit_reason = KVM_EXIT_UNKNOWN;
		exit_machine.cpus[i] = (struct cpu){
			.id = i,
			.fd = EXIT_FD_CPU + (int)i,
			.kvm_size = EXIT_KVM_SIZE,
			.kvm = exit_kvm_runs[i],
		};
	}
	ring_region = ring_regions[fuzz_arg(&item, 0, 4)];
	set_up_memory(&item, ring_region);
	set_up_devices(&item, ring_region);
	exit_run_next_reply();
}
