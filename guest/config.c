// SPDX-License-Identifier: ISC
#include "guest/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/cmdline.h"
#include "guest/percpu.h"
#include "guest/preempt_model.h"
#include "guest/preempt_names.h"
#include "guest/printk.h"

static void
print_bool(const char *name, bool value)
{
	if (value) {
		printk("CONFIG_%s=y\n", name);
	} else {
		printk("# CONFIG_%s is not set\n", name);
	}
}

static void
print_number(const char *name, uint32_t value)
{
	printk("CONFIG_%s=%u\n", name, value);
}

/* Those that have no code here yet are said all the same: who reads this looks for them. */
void
config_print(void)
{
	char names[PREEMPT_NAMES_SIZE];

	print_bool("SMP", true);
	print_number("NR_CPUS", CPUS_MAX);
	print_number("HZ", boot_args.hz);
	print_bool("PREEMPT_NONE", boot_args.preempt == PREEMPT_NONE);
	print_bool("PREEMPT_VOLUNTARY", boot_args.preempt == PREEMPT_VOLUNTARY);
	print_bool("PREEMPT", boot_args.preempt == PREEMPT_FULL);
	print_bool("PREEMPT_LAZY", boot_args.preempt == PREEMPT_LAZY);
	print_bool("PREEMPT_RT", false);
	print_bool("PREEMPT_COUNT", true);
	print_bool("PREEMPTION", true);
	print_bool("PREEMPT_DYNAMIC", true);
	print_bool("PREEMPT_NOTIFIERS", false);
	print_bool("DEBUG_PREEMPT", CONFIG_DEBUG);
	print_bool("BUGS", CONFIG_BUGS);
	preempt_names_format(names, sizeof(names), preempt_model());
	printk("preempt: %s\n", names);
}
