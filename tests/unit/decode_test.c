// SPDX-License-Identifier: ISC
/*
 * The decoder of a guest's instructions against the assembler, and against bytes that nobody has
 * assembled, with ASan's guard behind the last.
 */
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "guest/arch/x86_64/vcpu_decode.h"
#include "tests/unit/decode_oracle.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#define RANDOM_RUNS 20000u
#define BLOCK_SIZE  4096u /* more than any test decodes at once */

/* Decodes so many of the bytes, with the guard behind them. */
static struct vcpu_insn
decode(const uint8_t *bytes, size_t count)
{
	static uint8_t block[BLOCK_SIZE];
	uint8_t *start = block + BLOCK_SIZE - count;

	memcpy(start, bytes, count);
	return vcpu_decode(start, count);
}

static bool
same(const struct vcpu_insn *a, const struct vcpu_insn *b)
{
	return a->kind == b->kind && a->length == b->length && a->size == b->size &&
	       a->width == b->width && a->reg == b->reg && a->is_high == b->is_high &&
	       a->is_signed == b->is_signed && a->port_is_in_dx == b->port_is_in_dx &&
	       a->value == b->value;
}

/* ---- instructions ---- */

/* Name, text, kind, size, width, register, value, flags. */
#define INSTRUCTIONS(X)                                                                          \
	X(hlt, "hlt", HLT, 0, 0, 0, 0, 0)                                                        \
	X(cli, "cli", CLI, 0, 0, 0, 0, 0)                                                        \
	X(sti_hlt, "sti; hlt", STI_HLT, 0, 0, 0, 0, 0)                                           \
	X(rdmsr, "rdmsr", RDMSR, 0, 0, 0, 0, 0)                                                  \
	X(wrmsr, "wrmsr", WRMSR, 0, 0, 0, 0, 0)                                                  \
	X(in8, "inb $0xfe, %al", IN, 1, 1, 0, 0xfe, 0)                                           \
	X(in16, "inw $0x70, %ax", IN, 2, 2, 0, 0x70, 0)                                          \
	X(in32, "inl $0x70, %eax", IN, 4, 4, 0, 0x70, 0)                                         \
	X(in8_dx, "inb %dx, %al", IN, 1, 1, 0, 0, DX)                                            \
	X(in16_dx, "inw %dx, %ax", IN, 2, 2, 0, 0, DX)                                           \
	X(out8, "outb %al, $0x80", OUT, 1, 1, 0, 0x80, 0)                                        \
	X(out16, "outw %ax, $0x80", OUT, 2, 2, 0, 0x80, 0)                                       \
	X(out32_dx, "outl %eax, %dx", OUT, 4, 4, 0, 0, DX)                                       \
	X(read_dr, "movq %dr6, %r9", READ_DR, 0, 0, 9, 6, 0)                                     \
	X(write_dr, "movq %rdx, %dr3", WRITE_DR, 0, 0, 2, 3, 0)                                  \
	X(load8, "movb (%rax), %cl", LOAD, 1, 1, 1, 0, 0)                                        \
	X(load_high, "movb (%rax), %dh", LOAD, 1, 1, 2, 0, HIGH)                                 \
	X(load_sil, "movb (%rax), %sil", LOAD, 1, 1, 6, 0, 0)                                    \
	X(load_r12b, "movb (%rax), %r12b", LOAD, 1, 1, 12, 0, 0)                                 \
	X(load16, "movw (%rax), %si", LOAD, 2, 2, 6, 0, 0)                                       \
	X(load32, "movl (%rax), %esp", LOAD, 4, 4, 4, 0, 0)                                      \
	X(load64, "movq (%rax), %r15", LOAD, 8, 8, 15, 0, 0)                                     \
	X(store8, "movb %bh, 5(%rax)", STORE, 1, 1, 3, 0, HIGH)                                  \
	X(store16, "movw %r8w, 5(%rax)", STORE, 2, 2, 8, 0, 0)                                   \
	X(store32, "movl %edi, 0x12345678(%rax)", STORE, 4, 4, 7, 0, 0)                          \
	X(store64, "movq %rbp, 8(%rsp)", STORE, 8, 8, 5, 0, 0)                                   \
	X(imm8, "movb $0xfe, (%rax)", STORE_IMM, 1, 1, 0, 0xfffffffffffffffe, 0)                 \
	X(imm16, "movw $0x1234, (%rax)", STORE_IMM, 2, 2, 0, 0x1234, 0)                          \
	X(imm32, "movl $0x80000000, (%rax)", STORE_IMM, 4, 4, 0, 0xffffffff80000000, 0)          \
	X(imm64, "movq $-2, 0x12345678(%r13,%r14,8)", STORE_IMM, 8, 8, 0, 0xfffffffffffffffe, 0) \
	X(movzb16, "movzbw (%rax), %bx", LOAD, 1, 2, 3, 0, 0)                                    \
	X(movzb32, "movzbl (%rax), %ebx", LOAD, 1, 4, 3, 0, 0)                                   \
	X(movzb64, "movzbq (%rax), %rbx", LOAD, 1, 8, 3, 0, 0)                                   \
	X(movzw32, "movzwl (%rax), %r8d", LOAD, 2, 4, 8, 0, 0)                                   \
	X(movsb16, "movsbw (%rax), %bx", LOAD, 1, 2, 3, 0, SIGNED)                               \
	X(movsb64, "movsbq (%rax), %rbx", LOAD, 1, 8, 3, 0, SIGNED)                              \
	X(movsw64, "movswq (%rax), %rbx", LOAD, 2, 8, 3, 0, SIGNED)                              \
	X(movsl64, "movslq (%rax), %r11", LOAD, 4, 8, 11, 0, SIGNED)                             \
	X(absolute8, "movabsb 0x1122334455667788, %al", LOAD, 1, 1, 0, 0, 0)                     \
	X(absolute64, "movabsq 0x1122334455667788, %rax", LOAD, 8, 8, 0, 0, 0)                   \
	X(to_absolute16, "movabsw %ax, 0x1122334455667788", STORE, 2, 2, 0, 0, 0)                \
	X(to_absolute32, "movabsl %eax, 0x1122334455667788", STORE, 4, 4, 0, 0, 0)               \
	X(relative, "movl 0x1234(%rip), %ecx", LOAD, 4, 4, 1, 0, 0)                              \
	X(no_base, "movl 0x50000000, %ecx", LOAD, 4, 4, 1, 0, 0)                                 \
	X(scaled, "movl 0x50000000(,%r12,4), %ecx", LOAD, 4, 4, 1, 0, 0)                         \
	X(short_address, "movl 1(%eax), %ecx", LOAD, 4, 4, 1, 0, 0)                              \
	X(segment, "movq %rcx, %fs:(%rax)", STORE, 8, 8, 1, 0, 0)                                \
	X(prefixes, ".byte 0x2e, 0xf3, 0x64, 0x67; movw %cx, (%rax)", STORE, 2, 2, 1, 0, 0)      \
	X(lost_rex, ".byte 0x48, 0x66, 0x89, 0x08", STORE, 2, 2, 1, 0, 0)                        \
	X(wide_wins, ".byte 0x66, 0x48, 0x89, 0x08", STORE, 8, 8, 1, 0, 0)                       \
	X(to_register, "movl %eax, %ecx", OTHER, 0, 0, 0, 0, 0)                                  \
	X(group, ".byte 0xc7, 0x08", OTHER, 0, 0, 0, 0, 0)                                       \
	X(locked, "lock; incl (%rax)", OTHER, 0, 0, 0, 0, 0)                                     \
	X(string, "insb", OTHER, 0, 0, 0, 0, 0)                                                  \
	X(control, "movq %cr0, %rax", OTHER, 0, 0, 0, 0, 0)                                      \
	X(strange_dr, ".byte 0x0f, 0x21, 0xe0", OTHER, 0, 0, 0, 4, 0)                            \
	X(far_dr, ".byte 0x44, 0x0f, 0x23, 0xc0", OTHER, 0, 0, 0, 8, 0)

#define DX     1
#define HIGH   2
#define SIGNED 4

#define ASSEMBLE(name, text, ...)                                                 \
	__asm__(".pushsection .rodata\ninsn_" #name ": " text "\ninsn_" #name     \
	        "_end:\n.popsection");                                            \
	extern const uint8_t insn_##name[] __attribute__((visibility("hidden"))); \
	extern const uint8_t insn_##name##_end[] __attribute__((visibility("hidden")));
INSTRUCTIONS(ASSEMBLE)

struct expectation {
	const char *name;
	const uint8_t *start;
	const uint8_t *end;
	struct vcpu_insn insn;
};

#define EXPECT(name, text, kind, size, width, reg, value, flags)                               \
	{ #name,                                                                               \
	  insn_##name,                                                                         \
	  insn_##name##_end,                                                                   \
	  { VCPU_INSN_##kind, 0, size, width, reg, ((flags)&HIGH) != 0, ((flags)&SIGNED) != 0, \
	    ((flags)&DX) != 0, value } },

static const struct expectation expectations[] = { INSTRUCTIONS(EXPECT) };

#define COUNT (int)(sizeof(expectations) / sizeof(expectations[0]))

/* What the assembler has written is read: kind, length, registers, sizes, numbers. */
START_TEST(test_decode_reads_what_the_assembler_writes)
{
	const struct expectation *expected = &expectations[_i];
	size_t length = (size_t)(expected->end - expected->start);
	struct vcpu_insn insn = decode(expected->start, length);

	ck_assert_msg(insn.kind == expected->insn.kind, "%s: kind %d", expected->name, insn.kind);
	if (insn.kind == VCPU_INSN_OTHER) {
		return;
	}
	ck_assert_msg(insn.length == length, "%s: length %u", expected->name, insn.length);
	insn.length = 0;
	ck_assert_msg(same(&insn, &expected->insn),
	              "%s: size %u, width %u, register %u, high %d, signed %d, dx %d, value %lx",
	              expected->name, insn.size, insn.width, insn.reg, insn.is_high, insn.is_signed,
	              insn.port_is_in_dx, insn.value);
}
END_TEST

/* Where the bytes end within an instruction it says so; what follows it changes nothing. */
START_TEST(test_decode_end_of_bytes_is_seen)
{
	const struct expectation *expected = &expectations[_i];
	size_t length = (size_t)(expected->end - expected->start);
	uint8_t more[VCPU_INSN_MAX + 8];
	struct vcpu_insn whole = decode(expected->start, length);

	if (whole.kind == VCPU_INSN_OTHER) {
		return;
	}
	for (size_t count = whole.kind == VCPU_INSN_STI_HLT ? 0 : length; count-- > 0;) {
		ck_assert_msg(decode(expected->start, count).kind == VCPU_INSN_TRUNCATED,
		              "%s: %zu bytes", expected->name, count);
	}
	memset(more, 0xf4, sizeof(more));
	memcpy(more, expected->start, length);
	for (size_t count = length; count <= sizeof(more); count++) {
		struct vcpu_insn insn = decode(more, count);

		ck_assert_msg(same(&insn, &whole), "%s: %zu bytes", expected->name, count);
	}
}
END_TEST

/* ---- addresses ---- */

/* Every base, with every displacement, and with every index. */
#define EACH_REGISTER \
	"rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n"
#define EACH_INDEX "rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n"

#define ADDRESSES (16 * 3 + 15 * (16 * 3 + 1))

__asm__(".pushsection .rodata\n"
        "addresses:\n"
        ".irp base, " EACH_REGISTER
        "movq %r9, (%\\base); movq %r9, -1(%\\base); movq %r9, 0x1000(%\\base)\n"
        ".endr\n"
        ".irp index, " EACH_INDEX "movq %r9, 16(,%\\index,8)\n"
        ".irp base, " EACH_REGISTER
        "movq %r9, (%\\base,%\\index); movq %r9, 127(%\\base,%\\index,2)\n"
        "movq %r9, -129(%\\base,%\\index,4)\n"
        ".endr\n"
        ".endr\n"
        "addresses_end:\n"
        ".popsection");
extern const uint8_t addresses[] __attribute__((visibility("hidden")));
extern const uint8_t addresses_end[] __attribute__((visibility("hidden")));

/* One behind the other, all of them: a wrong length would lose the way. */
START_TEST(test_decode_every_address_has_its_length)
{
	const uint8_t *at = addresses;
	unsigned int count = 0;

	while (at < addresses_end) {
		size_t left = (size_t)(addresses_end - at);
		struct vcpu_insn insn = decode(at, left < BLOCK_SIZE ? left : BLOCK_SIZE);

		ck_assert_msg(insn.kind == VCPU_INSN_STORE && insn.reg == 9 && insn.size == 8,
		              "after %u", count);
		at += insn.length;
		count++;
	}
	ck_assert_ptr_eq(at, addresses_end);
	ck_assert_uint_eq(count, ADDRESSES);
}
END_TEST

/* ---- any bytes ---- */

/*
 * No more is read than there is; more bytes change nothing but an end that was missing; and a slow
 * reader of the manuals' tables reads the same.
 */
static void
check_bytes(const uint8_t *bytes, size_t count)
{
	struct vcpu_insn whole = decode(bytes, count);
	const char *finding = decode_oracle_judge(bytes, count);

	if (finding != NULL) {
		ck_abort_msg("%zu bytes, %02x %02x %02x: %s", count, bytes[0], bytes[1], bytes[2],
		             finding);
	}
	ck_assert_uint_le(whole.length, count);
	ck_assert_uint_le(whole.length, VCPU_INSN_MAX);
	ck_assert_uint_lt(whole.reg, 16);
	ck_assert(whole.kind < VCPU_INSN_IN || whole.kind == VCPU_INSN_READ_DR ||
	          whole.kind == VCPU_INSN_WRITE_DR ||
	          (whole.size != 0 && whole.width >= whole.size));
	ck_assert(count < VCPU_INSN_MAX || whole.kind != VCPU_INSN_TRUNCATED);
	for (size_t n = 0; n < count; n++) {
		struct vcpu_insn part = decode(bytes, n);
		bool is_sti = part.kind == VCPU_INSN_STI && whole.kind == VCPU_INSN_STI_HLT;
		bool has_ended = part.kind == VCPU_INSN_TRUNCATED;

		if ((!has_ended && !is_sti && !same(&part, &whole)) ||
		    (has_ended && whole.length != 0 && n >= whole.length)) {
			ck_abort_msg("%zu of %zu bytes: kind %d, then %d", n, count, part.kind,
			             whole.kind);
		}
	}
}

static const uint8_t interesting[] = { 0x66, 0x67, 0x48, 0x44, 0x0f, 0x88, 0x8b, 0xa1, 0xb6,
	                               0xc7, 0xe4, 0xed, 0xf4, 0xfb, 0x64, 0xf3, 0x04, 0x05 };

/* Bytes at random, half of them from those that mean something. */
START_TEST(test_decode_any_bytes_are_safe)
{
	struct random random = random_seeded(1);

	for (unsigned int run = 0; run < RANDOM_RUNS; run++) {
		uint8_t bytes[VCPU_INSN_MAX + 3];

		for (size_t i = 0; i < sizeof(bytes); i++) {
			uint64_t number = random_next(&random);

			bytes[i] = number & 1 ? (uint8_t)(number >> 8)
			                      : interesting[(number >> 8) % sizeof(interesting)];
		}
		check_bytes(bytes, random_below(&random, sizeof(bytes) + 1));
	}
}
END_TEST

/* Every two bytes that an instruction can begin with, behind each prefix and behind none. */
START_TEST(test_decode_every_opcode_is_safe)
{
	static const uint8_t prefixes[] = { 0x90, 0x66, 0x67, 0x48, 0x0f, 0xf3 };

	for (unsigned int pair = 0; pair < 0x10000; pair++) {
		uint8_t bytes[VCPU_INSN_MAX] = { prefixes[_i], (uint8_t)pair,
			                         (uint8_t)(pair >> 8) };

		bytes[3] = (uint8_t)(pair * 7);
		check_bytes(bytes + (_i == 0), 8);
	}
}
END_TEST

/* Nothing but prefixes, as many as there can be, is an instruction of another kind. */
START_TEST(test_decode_endless_prefixes_end)
{
	uint8_t bytes[2 * VCPU_INSN_MAX];

	memset(bytes, 0x66, sizeof(bytes));
	ck_assert_int_eq(decode(bytes, VCPU_INSN_MAX - 1).kind, VCPU_INSN_TRUNCATED);
	ck_assert_int_eq(decode(bytes, VCPU_INSN_MAX).kind, VCPU_INSN_OTHER);
	ck_assert_int_eq(decode(bytes, sizeof(bytes)).kind, VCPU_INSN_OTHER);
	bytes[VCPU_INSN_MAX] = 0xf4; /* a byte too far behind them */
	ck_assert_int_eq(decode(bytes, sizeof(bytes)).kind, VCPU_INSN_OTHER);
	bytes[VCPU_INSN_MAX - 1] = 0xf4;
	ck_assert_int_eq(decode(bytes, sizeof(bytes)).kind, VCPU_INSN_HLT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode");
	TCase *tests = tcase_create("decode");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_decode_reads_what_the_assembler_writes, 0, COUNT);
	tcase_add_loop_test(tests, test_decode_end_of_bytes_is_seen, 0, COUNT);
	tcase_add_test(tests, test_decode_every_address_has_its_length);
	tcase_add_test(tests, test_decode_any_bytes_are_safe);
	tcase_add_loop_test(tests, test_decode_every_opcode_is_safe, 0, 6);
	tcase_add_test(tests, test_decode_endless_prefixes_end);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
