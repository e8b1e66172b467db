// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/console.h"

#include "guest/arch.h"
#include "guest/arch/x86_64/doorbell.h"
#include "guest/arch/x86_64/uart.h"
#include "guest/boot_info.h"

void
console_init(const struct boot_info *info)
{
	doorbell_init(info);
	if (doorbell_has_console()) {
		uart_set_port(info->uart_port);
	} else {
		uart_init(info->uart_port);
	}
}

void
arch_console_write(const char *text, size_t length)
{
	if (doorbell_has_console()) {
		doorbell_write(text, length);
	} else {
		uart_write(text, length);
	}
}

int
arch_console_read(void)
{
	return uart_read();
}
