// SPDX-License-Identifier: ISC
/* The shortest payload. */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	(void)vcpu;
	(void)parameter;
	put_text("hello from a payload\n");
	return HELLO_STATUS;
}
