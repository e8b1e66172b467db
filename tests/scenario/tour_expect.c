// SPDX-License-Identifier: ISC
#include "tests/scenario/tour_expect.h"

#include <check.h>
#include <string.h>

#define LINE_MAX_WIDTH 100

/* The pictures in order: each label, then the caret that its model promises. */
static const char *const one_cpu[] = {
	"preempt=none",       "^ A blocks",   "^ B exits",          "preempt=voluntary",
	"^ might_sleep in A", "^ B exits",    "preempt=full",       "^ interrupt return",
	"^ B exits",          "preempt=lazy", "^ interrupt return", "^ B exits",
};

static const char *const other_cpu[] = {
	"B on the other cpu",
	"preempt=none",
	"cpu 0",
	"cpu 1",
	"^ C blocks",
	"^ B exits",
	"preempt=voluntary",
	"^ might_sleep in C",
	"^ B exits",
	"preempt=full",
	"^ interrupt return",
	"^ B exits",
	"preempt=lazy",
	"^ interrupt return",
	"^ B exits",
};

/* The third act, of each model. */
static const char *const vcpus[] = {
	"Four vcpus on", "preempt=none", "waits, FIFO",  "preempt=voluntary", "waits, FIFO",
	"preempt=full",  "waits, FIFO",  "preempt=lazy", "waits, FIFO",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Returns the text behind the last of the words, which must stand in this order. */
static const char *
expect_words(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *found = strstr(text, words[i]);

		ck_assert_msg(found != NULL, "no \"%s\" in what follows:\n%.3000s", words[i], text);
		text = found + strlen(words[i]);
	}
	return text;
}

static void
expect_narrow_lines(const char *text)
{
	while (*text != '\0') {
		size_t width = strcspn(text, "\r\n");

		ck_assert_msg(width <= LINE_MAX_WIDTH, "a line of %zu columns: %.*s", width,
		              (int)width, text);
		text += width;
		text += strspn(text, "\r\n");
	}
}

void
tour_expect(const char *text, bool two_cpus)
{
	const char *rest = expect_words(text, one_cpu, COUNT(one_cpu));

	if (two_cpus) {
		rest = expect_words(rest, other_cpu, COUNT(other_cpu));
	} else {
		ck_assert_ptr_eq(strstr(rest, other_cpu[0]), NULL);
	}
	rest = expect_words(rest, vcpus, COUNT(vcpus));
	ck_assert_ptr_ne(strstr(rest, "taken away one by one."), NULL);
	expect_narrow_lines(text);
}
