// SPDX-License-Identifier: ISC
#include "tests/unit/decode_oracle.h"

#include <stdbool.h>
#include <stdio.h>

enum operands {
	NOTHING,
	PORT_IN_BYTE,
	PORT_IN_DX,
	DEBUG_REGISTER,
	MEMORY,       /* and a register */
	MEMORY_AND_4, /* and a number of four bytes at most, where ModRM's register is 0 */
	OFFSET,       /* the memory's address is all there is */
};

#define WORD 0 /* an access of the operand's size */

struct form {
	uint16_t opcode; /* with 0x0f before it, if so */
	enum vcpu_insn_kind kind;
	enum operands operands;
	uint8_t size;  /* of the memory's side, or WORD */
	uint8_t width; /* of the register's, or WORD */
	bool is_signed;
};

static const struct form forms[] = {
	{ 0x63, VCPU_INSN_LOAD, MEMORY, 4, WORD, true },
	{ 0x88, VCPU_INSN_STORE, MEMORY, 1, 1, false },
	{ 0x89, VCPU_INSN_STORE, MEMORY, WORD, WORD, false },
	{ 0x8a, VCPU_INSN_LOAD, MEMORY, 1, 1, false },
	{ 0x8b, VCPU_INSN_LOAD, MEMORY, WORD, WORD, false },
	{ 0xa0, VCPU_INSN_LOAD, OFFSET, 1, 1, false },
	{ 0xa1, VCPU_INSN_LOAD, OFFSET, WORD, WORD, false },
	{ 0xa2, VCPU_INSN_STORE, OFFSET, 1, 1, false },
	{ 0xa3, VCPU_INSN_STORE, OFFSET, WORD, WORD, false },
	{ 0xc6, VCPU_INSN_STORE_IMM, MEMORY_AND_4, 1, 1, false },
	{ 0xc7, VCPU_INSN_STORE_IMM, MEMORY_AND_4, WORD, WORD, false },
	{ 0xe4, VCPU_INSN_IN, PORT_IN_BYTE, 1, 1, false },
	{ 0xe5, VCPU_INSN_IN, PORT_IN_BYTE, WORD, WORD, false },
	{ 0xe6, VCPU_INSN_OUT, PORT_IN_BYTE, 1, 1, false },
	{ 0xe7, VCPU_INSN_OUT, PORT_IN_BYTE, WORD, WORD, false },
	{ 0xec, VCPU_INSN_IN, PORT_IN_DX, 1, 1, false },
	{ 0xed, VCPU_INSN_IN, PORT_IN_DX, WORD, WORD, false },
	{ 0xee, VCPU_INSN_OUT, PORT_IN_DX, 1, 1, false },
	{ 0xef, VCPU_INSN_OUT, PORT_IN_DX, WORD, WORD, false },
	{ 0xf4, VCPU_INSN_HLT, NOTHING, 0, 0, false },
	{ 0xfa, VCPU_INSN_CLI, NOTHING, 0, 0, false },
	{ 0xfb, VCPU_INSN_STI, NOTHING, 0, 0, false },
	{ 0x0f21, VCPU_INSN_READ_DR, DEBUG_REGISTER, 0, 0, false },
	{ 0x0f23, VCPU_INSN_WRITE_DR, DEBUG_REGISTER, 0, 0, false },
	{ 0x0f30, VCPU_INSN_WRMSR, NOTHING, 0, 0, false },
	{ 0x0f32, VCPU_INSN_RDMSR, NOTHING, 0, 0, false },
	{ 0x0fb6, VCPU_INSN_LOAD, MEMORY, 1, WORD, false },
	{ 0x0fb7, VCPU_INSN_LOAD, MEMORY, 2, WORD, false },
	{ 0x0fbe, VCPU_INSN_LOAD, MEMORY, 1, WORD, true },
	{ 0x0fbf, VCPU_INSN_LOAD, MEMORY, 2, WORD, true },
};

/* Bytes behind ModRM, by its mod and rm; a SIB byte whose base is 5 brings 4 more where mod is 0.
 */
static const uint8_t behind_modrm[3][8] = {
	{ 0, 0, 0, 0, 1, 4, 0, 0 },
	{ 1, 1, 1, 1, 2, 1, 1, 1 },
	{ 4, 4, 4, 4, 5, 4, 4, 4 },
};

static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3 };

/* The bytes, with zeroes behind them, so that all of what an instruction must have can be seen. */
struct code {
	uint8_t bytes[64];
	size_t at;
	bool has_66;
	bool has_67;
	uint8_t rex;
};

static bool
take_prefix(struct code *code)
{
	uint8_t byte = code->bytes[code->at];

	if (byte >= 0x40 && byte <= 0x4f) {
		code->rex = byte;
		code->at++;
		return true;
	}
	for (size_t i = 0; i < sizeof(prefixes); i++) {
		if (byte == prefixes[i]) {
			code->has_66 = code->has_66 || byte == 0x66;
			code->has_67 = code->has_67 || byte == 0x67;
			code->rex = 0;
			code->at++;
			return true;
		}
	}
	return false;
}

static const struct form *
find_form(uint16_t opcode)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].opcode == opcode) {
			return &forms[i];
		}
	}
	return NULL;
}

/* Little-endian, of at most 8 bytes. */
static int64_t
take_number(struct code *code, size_t size)
{
	uint64_t value = 0;

	for (size_t i = size; i > 0; i--) {
		value = value << 8 | code->bytes[code->at + i - 1];
	}
	code->at += size;
	switch (size) {
	case 1:
		return (int8_t)value;
	case 2:
		return (int16_t)value;
	case 4:
		return (int32_t)value;
	default:
		return (int64_t)value;
	}
}

/* Returns false if it is no instruction of the machine's. */
static bool
take_memory(struct code *code, struct vcpu_insn *insn)
{
	uint8_t modrm = code->bytes[code->at];
	uint8_t sib = code->bytes[code->at + 1];

	if (modrm >= 0xc0) {
		code->at++;
		return false;
	}
	insn->reg = (uint8_t)((modrm & 0x38) / 8 + (code->rex & 4 ? 8 : 0));
	code->at += 1u + behind_modrm[modrm / 64][modrm % 8];
	if (modrm < 0x40 && modrm % 8 == 4 && sib % 8 == 5) {
		code->at += 4;
	}
	return true;
}

static bool
take_debug_register(struct code *code, struct vcpu_insn *insn)
{
	uint8_t modrm = code->bytes[code->at++];
	uint8_t number = (uint8_t)((modrm & 0x38) / 8 + (code->rex & 4 ? 8 : 0));

	insn->value = number;
	insn->reg = (uint8_t)(modrm % 8 + (code->rex & 1 ? 8 : 0));
	return number <= 3 || number == 6 || number == 7;
}

static bool
take_operands(struct code *code, const struct form *form, struct vcpu_insn *insn)
{
	uint8_t modrm = code->bytes[code->at];

	switch (form->operands) {
	case NOTHING:
		return true;
	case PORT_IN_BYTE:
		insn->value = code->bytes[code->at++];
		return true;
	case PORT_IN_DX:
		insn->port_is_in_dx = true;
		return true;
	case DEBUG_REGISTER:
		return take_debug_register(code, insn);
	case MEMORY:
		return take_memory(code, insn);
	case MEMORY_AND_4:
		if (!take_memory(code, insn) || (modrm & 0x38) != 0) {
			return false;
		}
		insn->reg = 0;
		insn->value = (uint64_t)take_number(code, insn->size == 8 ? 4 : insn->size);
		return true;
	case OFFSET:
		take_number(code, code->has_67 ? 4 : 8);
		return true;
	}
	return false;
}

static void
set_sizes(const struct code *code, const struct form *form, struct vcpu_insn *insn)
{
	bool is_port = form->operands == PORT_IN_BYTE || form->operands == PORT_IN_DX;
	uint8_t word = (code->rex & 8) && !is_port ? 8 : code->has_66 ? 2 : 4;

	if (form->operands == NOTHING || form->operands == DEBUG_REGISTER) {
		return;
	}
	insn->width = form->width == WORD ? word : form->width;
	insn->size = form->size == WORD ? word : form->size;
	if (insn->size > insn->width) {
		insn->size = insn->width;
	}
}

struct vcpu_insn
decode_oracle(const uint8_t *bytes, size_t count)
{
	struct vcpu_insn insn = { 0 };
	struct code code = { .bytes = { 0 } };
	size_t seen = count < VCPU_INSN_MAX ? count : VCPU_INSN_MAX;
	const struct form *form;
	uint16_t opcode;
	bool is_ours;

	for (size_t i = 0; i < seen; i++) {
		code.bytes[i] = bytes[i];
	}
	while (code.at < seen && take_prefix(&code)) {
	}
	opcode = code.bytes[code.at++];
	if (opcode == 0x0f) {
		opcode = (uint16_t)(0x0f00 | code.bytes[code.at++]);
	}
	form = find_form(opcode);
	if (form != NULL) {
		set_sizes(&code, form, &insn);
	}
	is_ours = form != NULL && take_operands(&code, form, &insn);
	if (code.at > seen) {
		return (struct vcpu_insn){ .kind = count < VCPU_INSN_MAX ? VCPU_INSN_TRUNCATED
			                                                 : VCPU_INSN_OTHER };
	}
	if (!is_ours) {
		return (struct vcpu_insn){ .kind = VCPU_INSN_OTHER };
	}
	insn.kind = form->kind;
	insn.is_signed = form->is_signed;
	if (insn.kind == VCPU_INSN_STI && code.at < seen && bytes[code.at] == 0xf4) {
		insn.kind = VCPU_INSN_STI_HLT;
		code.at++;
	}
	if (form->operands == MEMORY && insn.width == 1 && code.rex == 0 && insn.reg > 3) {
		insn.is_high = true;
		insn.reg = (uint8_t)(insn.reg - 4);
	}
	insn.length = (uint8_t)code.at;
	return insn;
}

static const char *
compare(const struct vcpu_insn *insn, const struct vcpu_insn *slow)
{
	static char line[100];
#define SAME(field)                                                               \
	if (insn->field != slow->field) {                                         \
		snprintf(line, sizeof(line),                                      \
		         "the decoder's " #field " is %#lx, it should be %#lx",   \
		         (unsigned long)insn->field, (unsigned long)slow->field); \
		return line;                                                      \
	}
	SAME(kind);
	if (insn->kind == VCPU_INSN_OTHER || insn->kind == VCPU_INSN_TRUNCATED) {
		return NULL;
	}
	SAME(length);
	SAME(size);
	SAME(width);
	SAME(reg);
	SAME(is_high);
	SAME(is_signed);
	SAME(port_is_in_dx);
	SAME(value);
#undef SAME
	return NULL;
}

const char *
decode_oracle_judge(const uint8_t *bytes, size_t count)
{
	struct vcpu_insn insn = vcpu_decode(bytes, count);
	struct vcpu_insn slow = decode_oracle(bytes, count);
	struct vcpu_insn again;

	if (insn.length > count || insn.length > VCPU_INSN_MAX) {
		return "the decoder's instruction is longer than its bytes, or than any can be";
	}
	/* What lies behind it is none of its business. */
	if (insn.kind != VCPU_INSN_OTHER && insn.kind != VCPU_INSN_TRUNCATED &&
	    insn.kind != VCPU_INSN_STI) {
		again = vcpu_decode(bytes, insn.length);
		if (compare(&again, &insn) != NULL) {
			return "what lies behind an instruction changes it";
		}
	}
	return compare(&insn, &slow);
}
