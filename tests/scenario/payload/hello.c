// SPDX-License-Identifier: ISC
/* The shortest payload. */
#include "tests/scenario/payload/payload.h"

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	(void)vcpu;
	put_text("hello from a payload\n");
	return (int)parameter;
}
