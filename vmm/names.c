// SPDX-License-Identifier: ISC
#include "vmm/names.h"

#include "vmm/symbols.h"

#define OPEN   2u /* [< */
#define DIGITS 16u
#define WHOLE  (OPEN + DIGITS + 2u)

void
names_init(struct names *names, const void *image, size_t image_size)
{
	*names = (struct names){ .image = image, .image_size = image_size };
}

void
names_destroy(struct names *names)
{
	if (names->symbols != NULL) {
		symbols_free(names->symbols);
	}
}

static bool
take_digit(struct names *names, uint8_t byte)
{
	uint32_t digit = DIGITS;

	if (byte >= '0' && byte <= '9') {
		digit = byte - '0';
	} else if (byte >= 'a' && byte <= 'f') {
		digit = byte - 'a' + 10u;
	}
	names->address = names->address << 4 | digit;
	return digit < DIGITS;
}

/* Is this the byte that an address would go on with? */
static bool
goes_on(struct names *names, uint8_t byte)
{
	switch (names->matched) {
	case 0:
		return byte == '[';
	case 1:
		return byte == '<';
	case WHOLE - 2:
		return byte == '>';
	case WHOLE - 1:
		return byte == ']';
	case WHOLE:
		return false;
	default:
		return take_digit(names, byte);
	}
}

/* NULL: no function is there. */
static const char *
format_name(struct names *names, bool is_call)
{
	if (names->symbols == NULL) {
		names->symbols = symbols_load(names->image, names->image_size);
	}
	names->room[0] = ' ';
	if (is_call) {
		names->address = symbols_call_of(names->symbols, names->address);
	}
	symbols_format(names->symbols, names->address, names->room + 1, NAMES_ROOM - 1);
	return names->room[1] == '0' ? NULL : names->room;
}

const char *
names_before(struct names *names, uint8_t byte)
{
	const char *name = NULL;

	if (names->image == NULL) {
		return NULL;
	}
	if (names->matched == WHOLE) {
		name = format_name(names, byte == '\n');
	}
	if (goes_on(names, byte)) {
		names->matched++;
	} else {
		names->matched = byte == '[';
	}
	return name;
}
