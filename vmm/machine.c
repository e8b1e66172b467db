// SPDX-License-Identifier: ISC
#include "vmm/machine.h"

#include "vmm/die.h"

#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"

#include <stdio.h>
#include <unistd.h>

void
machine_plan(struct machine *machine, const struct options *options)
{
	machine->options = options;
	file_map(&machine->image, options->image);
	for (uint32_t i = 0; i < options->module_count; i++) {
		file_map(&machine->modules[i], options->modules[i]);
	}
	boot_plan(&machine->plan, options, &machine->image, machine->modules);
}

void
machine_create(struct machine *machine, int output_fd)
{
	const struct options *options = machine->options;
	const struct fdt_range *console = &machine->plan.console;

	vm_create(&machine->vm, options->cpu_count, options->memory_size);
	vm_check_inject(&machine->vm, &options->inject);
	for (uint32_t i = 0; i < options->cpu_count; i++) {
		cpu_create(&machine->cpus[i], &machine->vm, i);
		if (inject_left(&options->inject) & ~(1u << DOORBELL_INJECT_NMI)) {
			cpu_set_up_mce(&machine->cpus[i]);
		}
	}
	machine->tsc_hz = vm_tsc_hz(&machine->vm, machine->cpus[0].fd);
	boot_load(&machine->plan, &machine->vm.memory, machine->tsc_hz);
	cpu_set_entry(&machine->cpus[0], &machine->plan);
	devices_init(&machine->devices, &machine->vm.memory, machine->vm.fd, output_fd);
	machine->devices.inject = options->inject;
	names_init(&machine->devices.console.names, machine->image.bytes, machine->image.size);
	if (console->size > 0 &&
	    !console_init_ring(&machine->devices.console, gpa(console->addr), console->size)) {
		die(EXIT_STATUS_OS, "the console ring does not lie in memory");
	}
}

void
machine_destroy(struct machine *machine)
{
	names_destroy(&machine->devices.console.names);
	devices_destroy(&machine->devices);
	for (uint32_t i = 0; i < machine->options->cpu_count; i++) {
		cpu_destroy(&machine->cpus[i]);
	}
	vm_destroy(&machine->vm);
	for (uint32_t i = 0; i < machine->options->module_count; i++) {
		file_unmap(&machine->modules[i]);
	}
	file_unmap(&machine->image);
}

void
machine_dump_tree(const struct machine *machine)
{
	const char *path = machine->options->dump_dtb;
	uint8_t tree[FDT_SIZE_MAX];
	size_t size = boot_build_tree(&machine->plan, vm_probe_tsc_hz(), tree, sizeof(tree));
	FILE *file;

	if (size == 0) {
		die(EXIT_STATUS_BAD_IMAGE, "%s: gets no device tree, since it has no Overtake note",
		    machine->image.path);
	}
	file = fopen(path, "wbe");
	if (file == NULL) {
		die(EXIT_STATUS_CANT_CREATE, "%s:", path);
	}
	if (fwrite(tree, 1, size, file) != size || fclose(file) != 0) {
		die(EXIT_STATUS_CANT_CREATE, "%s:", path);
	}
}

static void
print_range(const char *what, uint64_t addr, uint64_t size)
{
	if (size > 0) {
		fprintf(stderr, "vmm:   0x%09llx-0x%09llx  %s\n", (unsigned long long)addr,
		        (unsigned long long)(addr + size - 1), what);
	}
}

void
machine_print(const struct machine *machine)
{
	const struct boot_plan *plan = &machine->plan;

	fprintf(stderr, "vmm: capabilities of this host's KVM\n");
	vm_print_capabilities(&machine->vm);
	fprintf(stderr, "vmm: memory\n");
	for (uint32_t i = 0; i < MEMORY_RANGES; i++) {
		const struct memory_range *range = &machine->vm.memory.ranges[i];

		print_range("RAM", range->base, range->size);
	}
	for (uint32_t i = 0; i < plan->image.segment_count; i++) {
		const struct elf_segment *segment = &plan->image.segments[i];

		print_range("image", segment->paddr, segment->memory_size);
	}
	for (uint32_t i = 0; i < machine->options->module_count; i++) {
		print_range(machine->modules[i].path, plan->modules[i].addr,
		            machine->modules[i].size);
	}
	print_range("device tree", plan->tree.addr, plan->tree.size);
	print_range("console ring", plan->console.addr, plan->console.size);
	print_range("trace region", plan->trace.addr, plan->trace.size);
	fprintf(stderr, "vmm: %u cpus at %llu kHz, entry 0x%x, %s image\n",
	        machine->options->cpu_count, (unsigned long long)machine->tsc_hz / 1000,
	        plan->image.entry, plan->image.is_ours ? "our own" : "another's");
}
