// SPDX-License-Identifier: ISC
/*
 * guest.elf's program: the scenario that the boot argument names.
 */
#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/shell.h"
#include "guest/tour.h"
#include "guest/user_main.h"
#include "guest/vcpu_main.h"

static int (*const scenarios[BOOT_SCENARIO_COUNT])(void) = {
	[BOOT_SCENARIO_TOUR] = tour_main,
	[BOOT_SCENARIO_SHELL] = shell_main,
	[BOOT_SCENARIO_USER] = user_main,
	[BOOT_SCENARIO_VCPU] = vcpu_main,
};

int
main(void)
{
	return scenarios[boot_args.scenario]();
}
