// SPDX-License-Identifier: ISC
/*
 * Images of programs: what is accepted, each way to be refused, and images with anything in them.
 */
#include "guest/user_elf.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/page.h"
#include "tests/unit/suite.h"

#define IMAGE_SIZE 0x3000u
#define TEXT       0x100000u
#define DATA       0x102000u
#define MUTATIONS  200000u

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr text;
	Elf64_Phdr data;
	uint8_t rest[IMAGE_SIZE - sizeof(Elf64_Ehdr) - 2 * sizeof(Elf64_Phdr)];
};

static struct image image;
static struct user_elf elf;

/* A program of two segments; the second is zero from its middle on. */
static void
make_image(void)
{
	image = (struct image){
		.header = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = TEXT + 0x10,
			.e_phoff = offsetof(struct image, text),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.text = { PT_LOAD, PF_R | PF_X, 0x1000, TEXT, TEXT, 0x800, 0x800, 0x1000 },
		.data = { PT_LOAD, PF_R | PF_W, 0x2000, DATA, DATA, 0x400, 0x1800, 0x1000 },
	};
}

static void
expect_refused(const char *words)
{
	const char *fault = user_elf_parse(&image, sizeof(image), &elf);

	ck_assert_ptr_nonnull(fault);
	ck_assert_msg(strstr(fault, words) != NULL, "\"%s\" does not say \"%s\"", fault, words);
	make_image();
}

/* A good image is described as it is. */
START_TEST(test_elf_good_image_is_described)
{
	make_image();
	ck_assert_ptr_null(user_elf_parse(&image, sizeof(image), &elf));
	ck_assert_uint_eq(elf.entry, TEXT + 0x10);
	ck_assert_uint_eq(elf.segment_count, 2);
	ck_assert_uint_eq(elf.segments[0].prot, ARCH_PROT_EXEC);
	ck_assert_uint_eq(elf.segments[1].prot, ARCH_PROT_WRITE);
	ck_assert_uint_eq(elf.segments[1].va, DATA);
	ck_assert_uint_eq(elf.segments[1].offset, 0x2000);
	ck_assert_uint_eq(elf.segments[1].file_size, 0x400);
	ck_assert_uint_eq(elf.segments[1].size, 0x1800);
}
END_TEST

/* Each field that can be wrong is refused, with a sentence about it; sums that wrap, too. */
START_TEST(test_elf_each_fault_is_named)
{
	make_image();
	image.header.e_ident[1] = 'X';
	expect_refused("not an ELF image");
	image.header.e_ident[EI_CLASS] = ELFCLASS32;
	expect_refused("not for this machine");
	image.header.e_ident[EI_DATA] = ELFDATA2MSB;
	expect_refused("not for this machine");
	image.header.e_machine = EM_AARCH64;
	expect_refused("not for this machine");
	image.header.e_type = ET_DYN;
	expect_refused("not a static executable");
	image.header.e_phentsize = 32;
	expect_refused("program headers lie outside");
	image.header.e_phoff = UINT64_MAX;
	expect_refused("program headers lie outside");
	image.header.e_phoff = IMAGE_SIZE - sizeof(Elf64_Phdr);
	expect_refused("program headers lie outside");
	image.header.e_phnum = UINT16_MAX;
	expect_refused("program headers lie outside");
	image.text.p_type = PT_INTERP;
	expect_refused("dynamic linker");
	image.text.p_offset = IMAGE_SIZE - 0x7ff;
	expect_refused("outside of the image");
	image.text.p_offset = UINT64_MAX;
	expect_refused("outside of the image");
	image.text.p_memsz = 0x7ff;
	expect_refused("larger in the image");
	image.text.p_vaddr = 0;
	expect_refused("outside of the user's half");
	image.text.p_vaddr = ARCH_USER_PROGRAM_END - 0x7ff;
	expect_refused("outside of the user's half");
	image.text.p_vaddr = UINT64_MAX - 0x7ff;
	expect_refused("outside of the user's half");
	image.data.p_memsz = UINT64_MAX;
	expect_refused("outside of the user's half");
	image.text.p_flags |= PF_W;
	expect_refused("both writable and executable");
	image.data.p_vaddr = TEXT + 0x900;
	expect_refused("share a page");
	image.header.e_phnum = USER_SEGMENTS_MAX + 1;
	for (uint64_t n = 1; n < image.header.e_phnum; n++) {
		(&image.text)[n] = image.data;
		(&image.text)[n].p_vaddr += n * 0x10000;
	}
	expect_refused("too many segments");
	image.header.e_entry = DATA;
	expect_refused("entry is not in an executable segment");
	image.header.e_entry = TEXT + 0x800;
	expect_refused("entry is not in an executable segment");
	image.header.e_phnum = 0;
	expect_refused("entry is not in an executable segment");
}
END_TEST

/* An image that ends anywhere is refused, and nothing behind its end is read. */
START_TEST(test_elf_cut_image_is_refused)
{
	make_image();
	for (size_t size = 0; size < 0x2400; size++) {
		void *cut = malloc(size != 0 ? size : 1);

		memcpy(cut, &image, size);
		ck_assert_ptr_nonnull(user_elf_parse(cut, size, &elf));
		free(cut);
	}
}
END_TEST

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Values that hide at the ends of ranges, and others. */
static uint64_t
odd_value(uint64_t *state)
{
	static const uint64_t ends[] = {
		0,          1,          PAGE_SIZE, ARCH_USER_END, ARCH_USER_PROGRAM_END,
		IMAGE_SIZE, UINT32_MAX, INT64_MAX, UINT64_MAX
	};
	uint64_t value = ends[next_random(state) % (sizeof(ends) / sizeof(ends[0]))];

	return next_random(state) % 4 == 0 ? next_random(state)
	                                   : value + next_random(state) % 5 - 2;
}

/* What the loader relies on, of an image that was accepted. */
static void
check_accepted(void)
{
	size_t total = 0;

	ck_assert_uint_le(elf.segment_count, USER_SEGMENTS_MAX);
	for (unsigned int i = 0; i < elf.segment_count; i++) {
		const struct user_segment *segment = &elf.segments[i];

		ck_assert_uint_ge(segment->va, PAGE_SIZE);
		ck_assert_uint_le(segment->size, ARCH_USER_PROGRAM_END - segment->va);
		ck_assert_uint_le(segment->file_size, segment->size);
		ck_assert_uint_le(segment->offset, IMAGE_SIZE);
		ck_assert_uint_le(segment->file_size, IMAGE_SIZE - segment->offset);
		ck_assert_uint_ne(segment->prot, ARCH_PROT_WRITE | ARCH_PROT_EXEC);
		total += segment->size;
		for (unsigned int k = 0; k < i; k++) {
			uintptr_t other = elf.segments[k].va;

			ck_assert(segment->va / PAGE_SIZE >
			                  (other + elf.segments[k].size - 1) / PAGE_SIZE ||
			          other / PAGE_SIZE >
			                  (segment->va + segment->size - 1) / PAGE_SIZE);
		}
	}
	ck_assert_uint_le(total, USER_IMAGE_MAX);
}

/* Whatever words of the headers are changed, what is accepted keeps the loader's promises. */
START_TEST(test_elf_mutated_image_is_refused_or_safe)
{
	uint64_t state = 1;
	unsigned int accepted = 0;

	for (unsigned int n = 0; n < MUTATIONS; n++) {
		unsigned int changes = 1 + (unsigned int)(next_random(&state) % 3);

		make_image();
		for (unsigned int i = 0; i < changes; i++) {
			size_t words = offsetof(struct image, rest) / sizeof(uint64_t);
			uint64_t value = odd_value(&state);

			memcpy((char *)&image + next_random(&state) % words * sizeof(value), &value,
			       sizeof(value));
		}
		if (user_elf_parse(&image, sizeof(image), &elf) == NULL) {
			check_accepted();
			accepted++;
		}
	}
	printf("%u of %u mutated images are accepted\n", accepted, MUTATIONS);
	ck_assert_uint_ne(accepted, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_elf");
	TCase *tests = tcase_create("user_elf");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_elf_good_image_is_described);
	tcase_add_test(tests, test_elf_each_fault_is_named);
	tcase_add_test(tests, test_elf_cut_image_is_refused);
	tcase_add_test(tests, test_elf_mutated_image_is_refused_or_safe);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
