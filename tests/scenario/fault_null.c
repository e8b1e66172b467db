// SPDX-License-Identifier: ISC
/*
 * A program that reads through a null pointer.
 */
#include <stddef.h>

#include "guest/main.h"

int
main(void)
{
	const volatile int *volatile nowhere = NULL;

	return *nowhere;
}
