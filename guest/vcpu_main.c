// SPDX-License-Identifier: ISC
#include "guest/vcpu_check.h"
#include "guest/vcpu_main.h"

#include "guest/boot_info.h"
#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/format.h"
#include "guest/main.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/printk.h"
#include "guest/vcpu.h"
#include "guest/vcpu_crew.h"
#include "guest/vcpu_report.h"
#include "guest/vm.h"
#include "guest/vm_load.h"
#include "shared/scenario_abi.h"

#define NAME_SIZE 16 /* bytes, NUL included */

static struct vm *
make_machine(const struct vm_image *image)
{
	struct vm *vm = vm_create(boot_args.early_irqs_on ? VM_EARLY_IRQS_ON : VM_EARLY_IRQS_OFF,
	                          image->mm, image->entry);

	if (vm == NULL) {
		mm_put(image->mm);
	}
	return vm;
}

/* NULL: the payload cannot be run, and that was said. */
static struct vm *
load_module(uint32_t n)
{
	char name[NAME_SIZE];
	struct vm_image loaded;
	struct vm *vm = NULL;
	size_t size;
	const void *image = boot_module(n, &size);
	int error;

	format_string(name, sizeof(name), "module %u", n);
	error = vm_load(name, image, size, &loaded);
	if (error == 0) {
		vm = make_machine(&loaded);
	}
	if (vm == NULL && error != -ENOEXEC) {
		printk("payload %s: no memory for it\n", name);
	}
	return vm;
}

static bool
make_crew(uint32_t n, struct vcpu_crew *crew)
{
	struct vm *vm = load_module(n);
	uint32_t made;

	*crew = (struct vcpu_crew){ .vm = vm };
	if (vm == NULL) {
		return false;
	}
	made = vcpu_crew_create(crew, vm, boot_args.vcpus, 0);
	if (made < boot_args.vcpus) {
		printk("payload module %u: memory for %u vcpus, not %u\n", n, made,
		       boot_args.vcpus);
	}
	return made == boot_args.vcpus;
}

/* All have shut themselves down with 0, and what was counted adds up. */
static bool
is_right(const struct vcpu_crew *crew)
{
	for (const struct vcpu_member *member = crew->first; member != NULL;
	     member = member->next) {
		const struct vcpu *vcpu = member->vcpu;

		if (member->error != 0 || vcpu->stop != VCPU_STOP_SHUTDOWN ||
		    vcpu->stop_value != 0 || vcpu_stats_fault(vcpu) != NULL) {
			return false;
		}
	}
	return true;
}

static bool
end_crew(uint32_t n, struct vcpu_crew *crew)
{
	bool right;

	vcpu_crew_join(crew);
	if (crew->count != 0) {
		printk("payload module %u:\n", n);
		vcpu_report(crew);
	}
	right = crew->count != 0 && is_right(crew);
	vcpu_crew_end(crew);
	if (crew->vm != NULL) {
		vm_destroy(crew->vm);
	}
	return right;
}

int
vcpu_main(void)
{
	struct vcpu_crew crews[BOOT_MODULES_MAX];
	uint32_t count = boot_module_count();
	size_t free_pages = page_count_free();
	bool passed = true;

	if (count == 0) {
		printk("scenario=vcpu: no payload was given; each is a module of the loader\n");
		return EXIT_STATUS_USAGE;
	}
	for (uint32_t n = 0; n < count; n++) {
		passed = make_crew(n, &crews[n]) && passed;
	}
	printk("%u vcpus, early=irqs-%s, %zu bytes for each vcpu but its task\n",
	       count * boot_args.vcpus, boot_args.early_irqs_on ? "on" : "off",
	       (free_pages - page_count_free()) * PAGE_SIZE / (count * boot_args.vcpus));
	for (uint32_t n = 0; n < count; n++) {
		vcpu_crew_start(&crews[n], &(struct task_params){ .cpus_allowed = 0 });
	}
	for (uint32_t n = 0; n < count; n++) {
		passed = end_crew(n, &crews[n]) && passed;
	}
	return passed ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
