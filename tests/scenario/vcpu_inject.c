// SPDX-License-Identifier: ISC
/*
 * Errors that are ordered behind exits (inject=, --inject) reach the payload of the vcpu whose exit
 * it was: a vcpu more than there are cpus, in one machine, whose order early= names. The words
 * behind "--" say how many NMIs and machine checks must have come in all.
 */
#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/panic.h"
#include "guest/printk.h"
#include "guest/smp.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_crew.h"
#include "guest/vcpu_report.h"
#include "guest/vm_load.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/payload/programs.h"

#define WRITES 500u /* of all vcpus together */

extern const char payload_errors[], payload_errors_end[];

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s (early=irqs-%s)\n", passed ? "PASS" : "FAIL", name,
	       boot_args.early_irqs_on ? "on" : "off");
	failures += !passed;
}

/* The number of one digit in the n-th word. */
static uint32_t
word_number(unsigned int n)
{
	return (uint32_t)(boot_args.program[2 * n] - '0');
}

static struct vm *
make_machine(void)
{
	struct vm_image image;
	int error = vm_load("errors", payload_errors, (size_t)(payload_errors_end - payload_errors),
	                    &image);
	struct vm *vm;

	ASSERT(error == 0);
	vm = vm_create(boot_args.early_irqs_on ? VM_EARLY_IRQS_ON : VM_EARLY_IRQS_OFF, image.mm,
	               image.entry);
	ASSERT(vm != NULL);
	return vm;
}

/* What the payload saw is what the kernel charged its vcpu with. */
static bool
was_charged_right(const struct vcpu *vcpu)
{
	uint64_t nmis = vcpu->stop_value & 0xff;
	uint64_t checks = vcpu->stop_value >> 8;

	return vcpu->stats.early_faults == nmis + checks;
}

static void
check(const struct vcpu_crew *crew)
{
	uint64_t nmis = 0, checks = 0;
	bool stopped = true, charged = true, counted = true;

	for (const struct vcpu_member *member = crew->first; member != NULL;
	     member = member->next) {
		const struct vcpu *vcpu = member->vcpu;

		stopped &= member->error == 0 && vcpu->stop == VCPU_STOP_SHUTDOWN &&
		           vcpu->stop_value < PAYLOAD_ERRORS_WRONG;
		charged &= was_charged_right(vcpu);
		counted &= vcpu_stats_fault(vcpu) == NULL;
		nmis += vcpu->stop_value & 0xff;
		checks += vcpu->stop_value >> 8 & 0xff;
	}
	report(stopped, "each write has its effect once, with an error or without");
	report(charged, "an error is charged once, to the vcpu whose payload gets it");
	report(counted, "the counts add up");
	report(nmis == word_number(0) && checks == word_number(1), "every error comes");
	printk("%lu NMIs, %lu machine checks\n", nmis, checks);
}

int
main(void)
{
	struct vcpu_crew crew;
	struct vm *vm = make_machine();
	uint32_t count = cpu_count + 1;

	ASSERT(count <= PAYLOAD_ERRORS_VCPUS);
	ASSERT(vcpu_crew_create(&crew, vm, count, WRITES / count) == count);
	vcpu_crew_start(&crew, &(struct task_params){ .cpus_allowed = 0 });
	vcpu_crew_join(&crew);
	check(&crew);
	vcpu_report(&crew);
	vcpu_crew_end(&crew);
	vm_destroy(vm);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
