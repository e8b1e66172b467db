// SPDX-License-Identifier: ISC
/* The shortest program of ring 3. */
#include "tests/scenario/user/user.h"

int
main(uint64_t arg)
{
	user_write("hello from ring 3\n");
	return (int)arg;
}
