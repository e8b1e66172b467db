// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/vcpu_decode.h"

#define PREFIX_OPERAND 0x66u
#define PREFIX_ADDRESS 0x67u
#define PREFIX_LOCK    0xf0u

#define REX   0x40u
#define REX_W 0x8u
#define REX_R 0x4u
#define REX_B 0x1u

#define HLT 0xf4u

#define MODRM_REGISTER 3u /* mod: no memory */
#define RM_SIB         4u
#define NO_BASE        5u /* with mod 0: 32 bits of displacement in its stead */

/* Reads behind the end are 0, and remembered. */
struct reader {
	const uint8_t *bytes;
	size_t count;
	size_t at;
	bool has_ended;
	bool has_operand_prefix;
	bool has_address_prefix;
	uint8_t rex; /* 0: none */
	uint8_t modrm;
};

static uint8_t
next(struct reader *reader)
{
	if (reader->at >= reader->count) {
		reader->has_ended = true;
		return 0;
	}
	return reader->bytes[reader->at++];
}

/* Little-endian, sign-extended. */
static uint64_t
next_number(struct reader *reader, unsigned int size)
{
	uint64_t value = 0;
	unsigned int unused = 64 - 8 * size;

	for (unsigned int i = 0; i < size; i++) {
		value |= (uint64_t)next(reader) << 8 * i;
	}
	return (uint64_t)((int64_t)(value << unused) >> unused);
}

static bool
is_legacy_prefix(uint8_t byte)
{
	switch (byte) {
	case PREFIX_OPERAND:
	case PREFIX_ADDRESS:
	case 0x26: /* segments */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0xf2: /* repetition */
	case 0xf3:
		return true;
	default:
		return false;
	}
}

/* Returns the opcode's first byte. A REX that is not the last prefix counts for nothing. */
static uint8_t
read_prefixes(struct reader *reader)
{
	uint8_t byte = next(reader);

	while (is_legacy_prefix(byte) || (byte & 0xf0) == REX) { /* bounded: count */
		reader->has_operand_prefix |= byte == PREFIX_OPERAND;
		reader->has_address_prefix |= byte == PREFIX_ADDRESS;
		reader->rex = (byte & 0xf0) == REX ? byte : 0;
		byte = next(reader);
	}
	return byte;
}

static uint8_t
operand_size(const struct reader *reader)
{
	return reader->rex & REX_W ? 8 : reader->has_operand_prefix ? 2 : 4;
}

static uint8_t
modrm_reg(const struct reader *reader)
{
	return (uint8_t)((reader->modrm >> 3 & 7) | (reader->rex & REX_R ? 8 : 0));
}

/* ModRM and what belongs to its address. Returns false if it names no memory. */
static bool
read_address(struct reader *reader)
{
	unsigned int mod;
	unsigned int base;

	reader->modrm = next(reader);
	mod = reader->modrm >> 6;
	base = reader->modrm & 7;
	if (mod == MODRM_REGISTER) {
		return false;
	}
	if (base == RM_SIB) {
		base = next(reader) & 7;
	}
	if (mod == 2 || (mod == 0 && base == NO_BASE)) {
		next_number(reader, 4);
	} else if (mod == 1) {
		next(reader);
	}
	return true;
}

/* Without REX the numbers 4 to 7 of a byte are the second bytes of registers 0 to 3. */
static void
set_byte_register(const struct reader *reader, struct vcpu_insn *insn)
{
	insn->is_high = reader->rex == 0 && insn->reg >= 4;
	if (insn->is_high) {
		insn->reg -= 4;
	}
}

/* A MOV between memory and a register. */
static void
move(struct reader *reader, struct vcpu_insn *insn, enum vcpu_insn_kind kind, bool is_byte)
{
	if (!read_address(reader)) {
		return;
	}
	insn->kind = kind;
	insn->reg = modrm_reg(reader);
	insn->size = is_byte ? 1 : operand_size(reader);
	insn->width = insn->size;
	if (is_byte) {
		set_byte_register(reader, insn);
	}
}

static void
move_extended(struct reader *reader, struct vcpu_insn *insn, uint8_t size, bool is_signed)
{
	if (!read_address(reader)) {
		return;
	}
	insn->kind = VCPU_INSN_LOAD;
	insn->reg = modrm_reg(reader);
	insn->width = operand_size(reader);
	insn->size = size < insn->width ? size : insn->width;
	insn->is_signed = is_signed;
}

static void
move_immediate(struct reader *reader, struct vcpu_insn *insn, bool is_byte)
{
	uint8_t size = is_byte ? 1 : operand_size(reader);

	if (!read_address(reader) || (reader->modrm >> 3 & 7) != 0) {
		return;
	}
	insn->kind = VCPU_INSN_STORE_IMM;
	insn->size = size;
	insn->width = size;
	insn->value = next_number(reader, size < 4 ? size : 4);
}

/* Between AL or rAX and the memory at an address that is all there is. */
static void
move_absolute(struct reader *reader, struct vcpu_insn *insn, enum vcpu_insn_kind kind, bool is_byte)
{
	next_number(reader, reader->has_address_prefix ? 4 : 8);
	insn->kind = kind;
	insn->size = is_byte ? 1 : operand_size(reader);
	insn->width = insn->size;
}

static void
port(struct reader *reader, struct vcpu_insn *insn, uint8_t opcode)
{
	insn->kind = opcode & 2 ? VCPU_INSN_OUT : VCPU_INSN_IN;
	insn->size = !(opcode & 1) ? 1 : reader->has_operand_prefix ? 2 : 4;
	insn->width = insn->size;
	insn->port_is_in_dx = opcode & 8;
	if (!insn->port_is_in_dx) {
		insn->value = next(reader);
	}
}

/* ModRM has registers alone, whatever its mod says. */
static void
debug_register(struct reader *reader, struct vcpu_insn *insn, enum vcpu_insn_kind kind)
{
	reader->modrm = next(reader);
	insn->value = modrm_reg(reader);
	insn->reg = (uint8_t)((reader->modrm & 7) | (reader->rex & REX_B ? 8 : 0));
	insn->kind =
		insn->value == 4 || insn->value == 5 || insn->value > 7 ? VCPU_INSN_OTHER : kind;
}

static void
two_byte_opcode(struct reader *reader, struct vcpu_insn *insn)
{
	switch (next(reader)) {
	case 0x21:
		debug_register(reader, insn, VCPU_INSN_READ_DR);
		break;
	case 0x23:
		debug_register(reader, insn, VCPU_INSN_WRITE_DR);
		break;
	case 0x30:
		insn->kind = VCPU_INSN_WRMSR;
		break;
	case 0x32:
		insn->kind = VCPU_INSN_RDMSR;
		break;
	case 0xb6:
		move_extended(reader, insn, 1, false);
		break;
	case 0xb7:
		move_extended(reader, insn, 2, false);
		break;
	case 0xbe:
		move_extended(reader, insn, 1, true);
		break;
	case 0xbf:
		move_extended(reader, insn, 2, true);
		break;
	}
}

/* Behind the end of the bytes is none. */
static void
sti(struct reader *reader, struct vcpu_insn *insn)
{
	insn->kind = VCPU_INSN_STI;
	if (reader->at < reader->count && reader->bytes[reader->at] == HLT) {
		reader->at++;
		insn->kind = VCPU_INSN_STI_HLT;
	}
}

static void
one_byte_opcode(struct reader *reader, struct vcpu_insn *insn, uint8_t opcode)
{
	switch (opcode) {
	case 0x0f:
		two_byte_opcode(reader, insn);
		break;
	case 0x63:
		move_extended(reader, insn, 4, true);
		break;
	case 0x88:
	case 0x89:
		move(reader, insn, VCPU_INSN_STORE, opcode == 0x88);
		break;
	case 0x8a:
	case 0x8b:
		move(reader, insn, VCPU_INSN_LOAD, opcode == 0x8a);
		break;
	case 0xa0:
	case 0xa1:
		move_absolute(reader, insn, VCPU_INSN_LOAD, opcode == 0xa0);
		break;
	case 0xa2:
	case 0xa3:
		move_absolute(reader, insn, VCPU_INSN_STORE, opcode == 0xa2);
		break;
	case 0xc6:
	case 0xc7:
		move_immediate(reader, insn, opcode == 0xc6);
		break;
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
		port(reader, insn, opcode);
		break;
	case HLT:
		insn->kind = VCPU_INSN_HLT;
		break;
	case 0xfa:
		insn->kind = VCPU_INSN_CLI;
		break;
	case 0xfb:
		sti(reader, insn);
		break;
	}
}

/* What the machine would refuse for its length is another instruction, not a part of one. */
struct vcpu_insn
vcpu_decode(const uint8_t *bytes, size_t count)
{
	struct vcpu_insn insn = { .kind = VCPU_INSN_OTHER };
	struct reader reader = { .bytes = bytes,
		                 .count = count < VCPU_INSN_MAX ? count : VCPU_INSN_MAX };

	one_byte_opcode(&reader, &insn, read_prefixes(&reader));
	if (reader.has_ended) {
		return (struct vcpu_insn){ .kind = count < VCPU_INSN_MAX ? VCPU_INSN_TRUNCATED
			                                                 : VCPU_INSN_OTHER };
	}
	insn.length = (uint8_t)reader.at;
	return insn;
}
