// SPDX-License-Identifier: ISC
/*
 * Where text goes: the VMM's console ring if there is a doorbell, else the UART, else nowhere.
 * What is typed comes through the UART in any case.
 */
#pragma once

struct boot_info;

/* Until then text goes to the PC's first UART. Boot. */
void console_init(const struct boot_info *info);
