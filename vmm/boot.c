// SPDX-License-Identifier: ISC
#include "vmm/boot.h"

#include "vmm/die.h"
#include "vmm/uart.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"
#include "shared/trace_abi.h"

#include <string.h>

#define PAGE_SIZE 4096ull

#define START_INFO_ADDRESS  0x6000u
#define MODULE_LIST_ADDRESS 0x6100u
#define MEMORY_MAP_ADDRESS  0x6800u
#define CMDLINE_ADDRESS     0x7000u

/* What KVM's local APIC timer counts, unless KVM_CAP_X86_APIC_BUS_CYCLES_NS changes it. */
#define APIC_BUS_HZ 1000000000u

#define MODULES_MAX    (OPTIONS_MODULES_MAX + 1) /* and the tree */
#define MEMORY_MAP_MAX 6                         /* two reserved, RAM around each, RAM from 4 GiB */

_Static_assert(START_INFO_ADDRESS + sizeof(struct pvh_start_info) <= MODULE_LIST_ADDRESS, "layout");
_Static_assert(MODULE_LIST_ADDRESS + MODULES_MAX * sizeof(struct pvh_module) <= MEMORY_MAP_ADDRESS,
               "layout");
_Static_assert(MEMORY_MAP_ADDRESS + MEMORY_MAP_MAX * sizeof(struct pvh_memmap_entry) <=
                       CMDLINE_ADDRESS,
               "layout");
_Static_assert(CMDLINE_ADDRESS + OPTIONS_BOOTARGS_MAX <= ELF_LOAD_MIN, "below every image");

/* Modules stay out of the first MiB: kernels start their other cpus from pages there. */
#define MODULES_FLOOR 0x100000ull

static uint64_t
round_up(uint64_t size)
{
	return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static uint64_t
low_size(const struct boot_plan *plan)
{
	return memory_low_size(plan->options->memory_size);
}

/*
 * The highest place for `size` bytes below *top that no segment of the image touches; *top moves
 * down to it. Returns it, or 0 if there is none.
 */
static uint64_t
place_below(const struct elf_image *image, uint64_t *top, uint64_t size)
{
	uint64_t base;

	size = round_up(size);
	/* Each failure moves below one more segment, so one try more than segments is enough. */
	for (uint32_t try = 0; try <= image->segment_count; try++) {
		bool is_free = true;

		if (*top < size || *top - size < MODULES_FLOOR) {
			return 0;
		}
		base = *top - size;
		for (uint32_t i = 0; i < image->segment_count; i++) {
			const struct elf_segment *segment = &image->segments[i];

			if (base < segment->paddr + segment->memory_size &&
			    segment->paddr < base + size) {
				*top = segment->paddr & ~(PAGE_SIZE - 1);
				is_free = false;
				break;
			}
		}
		if (is_free) {
			*top = base;
			return base;
		}
	}
	return 0;
}

static void
place(const struct boot_plan *plan, uint64_t *top, uint64_t size, const char *what, uint64_t *addr)
{
	*addr = place_below(&plan->image, top, size);
	if (*addr == 0) {
		die(EXIT_STATUS_USAGE,
		    "%s: %llu bytes do not fit into the %llu MiB of memory below 3 GiB (-m)", what,
		    (unsigned long long)size, (unsigned long long)(low_size(plan) >> 20));
	}
}

static void
place_shared_regions(struct boot_plan *plan, uint64_t *top)
{
	plan->trace.size = TRACE_HEADER_SIZE + (uint64_t)plan->options->cpu_count * TRACE_CAPACITY *
	                                               sizeof(struct trace_record);
	place(plan, top, plan->trace.size, "the trace region", &plan->trace.addr);
	plan->console.size = CONSOLE_REGION_SIZE;
	place(plan, top, plan->console.size, "the console ring", &plan->console.addr);
}

void
boot_plan(struct boot_plan *plan, const struct options *options, const struct file *image,
          const struct file *modules)
{
	uint64_t top = memory_low_size(options->memory_size);
	const char *complaint;

	*plan = (struct boot_plan){ .options = options, .file = image };
	complaint = elf_parse(image->bytes, image->size, top, &plan->image);
	if (complaint != NULL) {
		die(EXIT_STATUS_BAD_IMAGE, "%s: %s", image->path, complaint);
	}
	if (plan->image.is_ours) {
		place_shared_regions(plan, &top);
	}
	for (uint32_t i = 0; i < options->module_count; i++) {
		plan->modules[i].file = &modules[i];
		place(plan, &top, modules[i].size, modules[i].path, &plan->modules[i].addr);
	}
	if (plan->image.is_ours) {
		plan->tree.size = FDT_SIZE_MAX;
		place(plan, &top, plan->tree.size, "the device tree", &plan->tree.addr);
	}
}

size_t
boot_build_tree(const struct boot_plan *plan, uint64_t tsc_hz, void *buf, size_t size)
{
	uint64_t memory_size = plan->options->memory_size;
	struct fdt_machine machine = {
		.bootargs = plan->options->bootargs,
		.cpu_count = plan->options->cpu_count,
		.tsc_hz = tsc_hz,
		.bus_hz = APIC_BUS_HZ,
		.memory = {
			{ .addr = 0, .size = low_size(plan) },
			{ .addr = MEMORY_HIGH_BASE, .size = memory_size - low_size(plan) },
		},
		.console = plan->console,
		.trace = plan->trace,
		.doorbell_port = DOORBELL_PORT,
		.uart_port = UART_PORT,
	};

	return plan->image.is_ours ? fdt_build_machine(&machine, buf, size) : 0;
}

static void
put(struct memory *memory, uint64_t addr, const void *bytes, size_t size)
{
	/* The plan lies in RAM, so this is a mistake of ours; but never write beside it. */
	if (!memory_write(memory, gpa(addr), bytes, size)) {
		die(EXIT_STATUS_OS, "0x%llx is not memory", (unsigned long long)addr);
	}
}

static void
put_file(struct memory *memory, uint64_t addr, const struct file *file, uint64_t offset,
         size_t size)
{
	if (size > 0 && !memory_write_file(memory, gpa(addr), file->fd, offset, size)) {
		die(EXIT_STATUS_NO_INPUT, "%s: cannot be read to its end", file->path);
	}
}

static void
load_image(const struct boot_plan *plan, struct memory *memory)
{
	for (uint32_t i = 0; i < plan->image.segment_count; i++) {
		const struct elf_segment *segment = &plan->image.segments[i];

		/* What follows up to memory_size is zero already. */
		put_file(memory, segment->paddr, plan->file, segment->file_offset,
		         segment->file_size);
	}
}

static uint32_t
load_modules(const struct boot_plan *plan, struct memory *memory, uint64_t tsc_hz)
{
	struct pvh_module list[MODULES_MAX] = { 0 };
	uint8_t tree[FDT_SIZE_MAX];
	uint32_t count = 0;

	for (; count < plan->options->module_count; count++) {
		const struct boot_module *module = &plan->modules[count];

		put_file(memory, module->addr, module->file, 0, module->file->size);
		list[count].addr = module->addr;
		list[count].size = module->file->size;
	}
	if (plan->image.is_ours) {
		size_t size = boot_build_tree(plan, tsc_hz, tree, sizeof(tree));

		if (size == 0) {
			die(EXIT_STATUS_OS, "the device tree exceeds %u bytes", FDT_SIZE_MAX);
		}
		put(memory, plan->tree.addr, tree, size);
		list[count].addr = plan->tree.addr;
		list[count].size = size;
		count++;
	}
	put(memory, MODULE_LIST_ADDRESS, list, count * sizeof(list[0]));
	return count;
}

static uint32_t
load_memory_map(const struct boot_plan *plan, struct memory *memory)
{
	struct pvh_memmap_entry map[MEMORY_MAP_MAX] = { 0 };
	uint64_t high_size = plan->options->memory_size - low_size(plan);
	/* The ring lies right below the trace region, unless the image has come between. */
	const struct fdt_range *reserved[] = { &plan->console, &plan->trace };
	uint64_t at = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < 2; i++) {
		if (reserved[i]->size == 0) {
			continue;
		}
		if (reserved[i]->addr > at) {
			map[count++] = (struct pvh_memmap_entry){
				.addr = at,
				.size = reserved[i]->addr - at,
				.type = PVH_MEM_RAM,
			};
		}
		map[count++] = (struct pvh_memmap_entry){
			.addr = reserved[i]->addr,
			.size = reserved[i]->size,
			.type = PVH_MEM_RESERVED,
		};
		at = reserved[i]->addr + reserved[i]->size;
	}
	if (at < low_size(plan)) {
		map[count++] = (struct pvh_memmap_entry){
			.addr = at,
			.size = low_size(plan) - at,
			.type = PVH_MEM_RAM,
		};
	}
	if (high_size > 0) {
		map[count++] = (struct pvh_memmap_entry){
			.addr = MEMORY_HIGH_BASE,
			.size = high_size,
			.type = PVH_MEM_RAM,
		};
	}
	put(memory, MEMORY_MAP_ADDRESS, map, count * sizeof(map[0]));
	return count;
}

void
boot_load(const struct boot_plan *plan, struct memory *memory, uint64_t tsc_hz)
{
	struct pvh_start_info info = {
		.magic = PVH_START_MAGIC,
		.version = PVH_START_VERSION,
		.module_list = MODULE_LIST_ADDRESS,
		.cmdline = CMDLINE_ADDRESS,
		.memmap = MEMORY_MAP_ADDRESS,
	};

	load_image(plan, memory);
	info.module_count = load_modules(plan, memory, tsc_hz);
	info.memmap_count = load_memory_map(plan, memory);
	put(memory, START_INFO_ADDRESS, &info, sizeof(info));
	put(memory, CMDLINE_ADDRESS, plan->options->bootargs, strlen(plan->options->bootargs) + 1);
}

void
boot_set_entry(const struct boot_plan *plan, struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	/* No descriptor table stands behind these: PVH makes the guest load its own. */
	const struct kvm_segment code = {
		.selector = 0x08,
		.limit = UINT32_MAX,
		.type = 0xb, /* execute, read, accessed */
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	const struct kvm_segment data = {
		.selector = 0x10,
		.limit = UINT32_MAX,
		.type = 0x3, /* read, write, accessed */
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	const struct kvm_segment task = {
		.selector = 0x18,
		.limit = 0x67,
		.type = 0xb, /* 32-bit TSS, busy */
		.present = 1,
	};

	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = task;
	sregs->cr0 = 0x11; /* PE, ET */
	sregs->cr3 = 0;
	sregs->cr4 = 0;
	sregs->efer = 0;
	*regs = (struct kvm_regs){
		.rip = plan->image.entry,
		.rbx = START_INFO_ADDRESS,
		.rflags = 0x2,
	};
}
