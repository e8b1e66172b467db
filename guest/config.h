// SPDX-License-Identifier: ISC
/*
 * The kernel's configuration, in the words of Linux's Kconfig.
 */
#pragma once

/*
 * Prints it as a .config has it, and the active preemption model below. The model that has =y is
 * the one of the boot, as under Linux's PREEMPT_DYNAMIC. Task context.
 */
void config_print(void);
