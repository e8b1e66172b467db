// SPDX-License-Identifier: ISC
/*
 * A program that writes to its own code: W^X must stop it.
 */
#include <stdint.h>

#include "guest/main.h"

int
main(void)
{
	*(volatile uint8_t *)(uintptr_t)main = 0xc3;
	return 0;
}
