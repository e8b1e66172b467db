// SPDX-License-Identifier: ISC
/*
 * What the payloads of the scenarios stop with, and what they do for which parameter.
 */
#pragma once

#define PAYLOAD_RIGHT      0
#define PAYLOAD_WRONG      1
#define PAYLOAD_NOT_RAISED 2 /* breakpoints, exceptions: the machine does not raise them */

/* hello stops with its parameter. modify and endless have none. sums adds so often, 0: 100,000. */

/* ticks, ports, mmio, pages, pingpong: do what they do so often. */
#define PAYLOAD_ROUNDS(parameter) ((parameter) != 0 ? (parameter) : 20)

/*
 * exceptions: name, the vectors that it may be seen as. 64-bit code has no way to raise #OF and
 * #BR; those that machines differ in say so.
 */
#define PAYLOAD_EXCEPTIONS(X)                                \
	X(divide, 0, 0)                                      \
	X(single_step, 1, 1)                                 \
	X(stepped_port, 1, 1) /* the step is over an exit */ \
	X(breakpoint, 3, 6)   /* or an #UD */                \
	X(software_interrupt, 13, 6)                         \
	X(undefined, 6, 6)                                   \
	X(stack, 12, 13)                                     \
	X(stack_not_there, 14, 14)                           \
	X(selector, 13, 13)                                  \
	X(privileged, 13, 13)                                \
	X(unknown_msr, 13, 13)                               \
	X(non_canonical, 13, 13)                             \
	X(null_pointer, 14, 14)                              \
	X(kernel_read, 14, 14)                               \
	X(text_write, 14, 14)                                \
	X(data_execute, 14, 14)                              \
	X(x87, 16, 16)                                       \
	X(simd, 19, 19)

#ifndef __ASSEMBLER__
enum payload_exception {
#define PAYLOAD_EXCEPTION_ENUM(name, vector, or) EXCEPTION_##name,
	PAYLOAD_EXCEPTIONS(PAYLOAD_EXCEPTION_ENUM)
#undef PAYLOAD_EXCEPTION_ENUM
		EXCEPTION_COUNT
};
#endif

#define EXCEPTION_HANDLED 0x100u /* with a handler that skips the instruction */

/* nested: so many handlers within each other. */

/* errors: each vcpu writes as often as its parameter says; so many vcpus at most. */
#define PAYLOAD_ERRORS_VCPUS         16
#define PAYLOAD_ERRORS_WRONG         0x10000
#define PAYLOAD_ERRORS(nmis, checks) ((nmis) | (checks) << 8)
