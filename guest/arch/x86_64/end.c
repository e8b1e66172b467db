// SPDX-License-Identifier: ISC
/*
 * How the machine ends: by the doorbell; where there is none, by QEMU's exit device or ACPI's
 * power-off.
 */
#include "guest/arch.h"
#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/doorbell.h"
#include "guest/arch/x86_64/insn.h"
#include "shared/scenario_abi.h"

#define DEBUG_EXIT_PORT 0xf4 /* isa-debug-exit: status << 1 | 1 */

#define ACPI_PM1_CONTROL_PORT 0x604 /* QEMU's, pc and q35 */
#define ACPI_SLEEP            0x2000

void
arch_exit(int status)
{
	arch_irq_disable();
	doorbell_exit(status);
	outl(DEBUG_EXIT_PORT, (uint32_t)status);
	outw(ACPI_PM1_CONTROL_PORT, ACPI_SLEEP);
	halt_forever();
}

void
arch_panic_end(uintptr_t preempt_disable_ip)
{
	arch_irq_disable();
	doorbell_panic(preempt_disable_ip);
	arch_exit(EXIT_STATUS_CRASHED);
}
