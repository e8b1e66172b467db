// SPDX-License-Identifier: ISC
/*
 * A program that jumps into its own data, which holds a perfectly good `ret`: W^X must stop it.
 */
#include <stdint.h>

#include "guest/main.h"

static volatile uint8_t code[16] = { 0xc3 };

int
main(void)
{
	((void (*)(void))(uintptr_t)code)();
	return 0;
}
