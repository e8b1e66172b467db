// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/text.h"

#include "tests/fuzz/exit/guest.h"
#include "tests/fuzz/exit/host.h"

#include "shared/doorbell_abi.h"

#include <string.h>

#define ADDRESS_LENGTH 20u /* of [<0123456789abcdef>] */

static uint8_t expected[EXIT_OUTPUT_MAX];

static struct {
	size_t size;    /* of the output so far */
	size_t checked; /* of it */
	uint32_t ring_size, tail;
	bool is_named;
	int error; /* the output's */
} text;

void
text_reset(uint32_t ring_size, bool is_named)
{
	memset(&text, 0, sizeof(text));
	text.ring_size = ring_size;
	text.is_named = is_named;
}

int
text_error(void)
{
	return text.error;
}

static bool
is_stuck(void)
{
	return text.error != 0 || exit_host.reader == EXIT_READER_STOPS ||
	       exit_host.reader == EXIT_READER_FAILS;
}

/* Bytes are on their way out. */
static void
attempt(void)
{
	if (exit_host.reader == EXIT_READER_FAILS && text.error == 0) {
		text.error = exit_reader_error();
	}
}

void
text_drain(void)
{
	uint64_t data = GUEST_RING_AT + sizeof(struct console_ring);
	uint32_t head = 0;

	if (text.ring_size == 0) {
		return;
	}
	memory_read(&guest.memory, gpa(GUEST_RING_AT), &head, sizeof(head));
	if (head - text.tail > text.ring_size) {
		text.tail = head - text.ring_size;
	}
	if (head != text.tail) {
		attempt();
	}
	while (!is_stuck() && text.tail != head) {
		uint32_t at = text.tail % text.ring_size;
		uint32_t count = head - text.tail;

		count = count < text.ring_size - at ? count : text.ring_size - at;
		if (text.size + count > EXIT_OUTPUT_MAX) {
			break;
		}
		memory_read(&guest.memory, gpa(data + at), expected + text.size, count);
		text.size += count;
		text.tail += count;
	}
}

void
text_byte(uint8_t byte)
{
	text_drain();
	attempt();
	if (!is_stuck() && text.size < EXIT_OUTPUT_MAX) {
		expected[text.size++] = byte;
	}
}

/* Names are between the bytes: those are for the end. */
const char *
text_check(const struct console *console)
{
	if (console->tail != text.tail) {
		return "the console ring's tail is not behind the last byte that was written";
	}
	if (text.is_named) {
		return NULL;
	}
	if (exit_host.output_size != text.size) {
		return exit_host.output_size > text.size ? "more output than the guest wrote"
		                                         : "less output than the guest wrote";
	}
	if (memcmp(exit_output + text.checked, expected + text.checked, text.size - text.checked) !=
	    0) {
		return "the output is not what the guest wrote";
	}
	text.checked = text.size;
	return NULL;
}

const char *
text_check_all(void)
{
	size_t found = 0;

	if (!text.is_named) {
		return exit_host.output_size == text.size &&
		                       memcmp(exit_output, expected, text.size) == 0
		               ? NULL
		               : "the last output is not what the guest wrote";
	}
	for (size_t i = 0; i < exit_host.output_size && found < text.size; i++) {
		found += exit_output[i] == expected[found];
	}
	if (found < text.size) {
		return "the output lacks what the guest wrote";
	}
	if (exit_host.output_size > text.size + text.size / ADDRESS_LENGTH * NAMES_ROOM) {
		return "more output than names can make of what the guest wrote";
	}
	return NULL;
}
