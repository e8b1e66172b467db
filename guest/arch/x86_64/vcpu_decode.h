// SPDX-License-Identifier: ISC
/*
 * Instructions of a guest that its machine carries out, from their bytes: those of ring 0, and MOV
 * in the forms that access memory. Knows no registers and no memory: only the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VCPU_INSN_MAX 15u /* bytes: the machine's limit */

enum vcpu_insn_kind {
	VCPU_INSN_TRUNCATED, /* it goes on behind the bytes */
	VCPU_INSN_OTHER,
	VCPU_INSN_HLT,
	VCPU_INSN_CLI,
	VCPU_INSN_STI,
	VCPU_INSN_STI_HLT, /* both */
	VCPU_INSN_RDMSR,
	VCPU_INSN_WRMSR,
	VCPU_INSN_IN,        /* size; port */
	VCPU_INSN_OUT,       /* the same */
	VCPU_INSN_READ_DR,   /* value: its number; reg: to */
	VCPU_INSN_WRITE_DR,  /* value: its number; reg: from */
	VCPU_INSN_LOAD,      /* size bytes of memory to reg, of which width bytes change */
	VCPU_INSN_STORE,     /* size bytes of reg to memory */
	VCPU_INSN_STORE_IMM, /* size bytes of value */
};

struct vcpu_insn {
	enum vcpu_insn_kind kind;
	uint8_t length;
	uint8_t size;       /* of the access: 1, 2, 4, 8 */
	uint8_t width;      /* of the register's part, which is not smaller */
	uint8_t reg;        /* as encoded: 0 rax .. 15 r15 */
	bool is_high;       /* of registers 0 to 3 the second byte: AH, CH, DH, BH */
	bool is_signed;     /* what is loaded is sign-extended */
	bool port_is_in_dx; /* else value is the port */
	uint64_t value;
};

/* The first instruction of so many bytes; STI with HLT behind it is one. Any context. */
struct vcpu_insn vcpu_decode(const uint8_t *bytes, size_t count);
