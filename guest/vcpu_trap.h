// SPDX-License-Identifier: ISC
/*
 * What a trapped instruction of a guest asks of its machine, as the architecture has decoded it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum vcpu_trap_kind {
	VCPU_TRAP_AGAIN, /* nothing: the instruction runs again */
	VCPU_TRAP_HLT,
	VCPU_TRAP_IN,        /* addr: the port; size */
	VCPU_TRAP_OUT,       /* and value */
	VCPU_TRAP_READ,      /* of MMIO; addr, size; sign-extended if is_signed */
	VCPU_TRAP_WRITE,     /* and value */
	VCPU_TRAP_MEMORY,    /* a page that is not there yet; addr */
	VCPU_TRAP_HYPERCALL, /* number in value, args */
	VCPU_TRAP_RDMSR,     /* addr: the register */
	VCPU_TRAP_WRMSR,     /* and value */
	VCPU_TRAP_CLI,
	VCPU_TRAP_STI,
	VCPU_TRAP_STI_HLT,   /* the two as one: nothing comes between them */
	VCPU_TRAP_EXCEPTION, /* the guest's own: vector, error, addr */
};

struct vcpu_trap {
	enum vcpu_trap_kind kind;
	uint8_t size;   /* bytes of the access */
	uint8_t length; /* bytes of the instruction */
	uint8_t reg;    /* the architecture's: where the result goes */
	uint8_t vector;
	uint32_t error;
	uint64_t addr;
	uint64_t value;
	uint64_t args[3];
};
