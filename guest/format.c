// SPDX-License-Identifier: ISC
/*
 * The kernel's snprintf. Bounded output, no allocation, no locks: usable anywhere.
 */
#include "guest/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "guest/string.h"

struct output {
	char *buf;
	size_t size;
	size_t length;
};

struct spec {
	bool left;
	bool zero;
	int width;
	int precision;  /* -1: none */
	int long_count; /* of l or z; -1: h */
	char conversion;
};

static void
put(struct output *out, char c)
{
	if (out->length + 1 < out->size) {
		out->buf[out->length++] = c;
	}
}

static void
put_repeated(struct output *out, char c, int count)
{
	for (int i = 0; i < count; i++) {
		put(out, c);
	}
}

static void
put_padded(struct output *out, const struct spec *spec, const char *text, size_t length)
{
	int padding = spec->width - (int)length;

	if (!spec->left) {
		put_repeated(out, ' ', padding);
	}
	for (size_t i = 0; i < length; i++) {
		put(out, text[i]);
	}
	if (spec->left) {
		put_repeated(out, ' ', padding);
	}
}

static void
put_number(struct output *out, const struct spec *spec, uint64_t value, bool negative)
{
	char text[24];
	size_t first = sizeof(text);
	unsigned int base = spec->conversion == 'd' || spec->conversion == 'u' ? 10 : 16;
	const char *digits = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";

	do {
		text[--first] = digits[value % base];
		value /= base;
	} while (value != 0);
	if (spec->zero && !spec->left) {
		int width = spec->width - negative;

		while ((int)(sizeof(text) - first) < width && first > 1) {
			text[--first] = '0';
		}
	}
	if (negative) {
		text[--first] = '-';
	}
	put_padded(out, spec, text + first, sizeof(text) - first);
}

static const char *
parse_number(const char *format, int *number)
{
	*number = 0;
	while (*format >= '0' && *format <= '9') {
		*number = *number * 10 + (*format++ - '0');
	}
	return format;
}

/* Parses what follows a '%'; `*` takes its width from args. */
static const char *
parse_spec(const char *format, struct spec *spec, va_list *args)
{
	*spec = (struct spec){ .precision = -1 };
	for (; *format == '-' || *format == '0'; format++) {
		spec->left |= *format == '-';
		spec->zero |= *format == '0';
	}
	if (*format == '*') {
		spec->width = va_arg(*args, int);
		format++;
	} else {
		format = parse_number(format, &spec->width);
	}
	if (*format == '.') {
		format++;
		if (*format == '*') {
			spec->precision = va_arg(*args, int);
			format++;
		} else {
			format = parse_number(format, &spec->precision);
		}
	}
	for (; *format == 'l' || *format == 'z' || *format == 'h'; format++) {
		spec->long_count += *format == 'h' ? -1 : 1;
	}
	spec->conversion = *format == 'i' ? 'd' : *format;
	return *format != '\0' ? format + 1 : format;
}

static void
put_string(struct output *out, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;

	if (s == NULL) {
		s = "(null)";
	}
	put_padded(out, spec, s, strnlen(s, max));
}

static void
put_spec(struct output *out, struct spec *spec, va_list *args)
{
	switch (spec->conversion) {
	case 'd': {
		int64_t value = spec->long_count > 0 ? va_arg(*args, long) : va_arg(*args, int);

		put_number(out, spec, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0);
		break;
	}
	case 'u':
	case 'x':
	case 'X':
		put_number(out, spec,
		           spec->long_count > 0 ? va_arg(*args, unsigned long)
		                                : va_arg(*args, unsigned int),
		           false);
		break;
	case 'p':
		put_number(out, spec, (uintptr_t)va_arg(*args, void *), false);
		break;
	case 's':
		put_string(out, spec, va_arg(*args, const char *));
		break;
	case 'c':
		put_padded(out, spec, &(char){ (char)va_arg(*args, int) }, 1);
		break;
	case '%':
		put(out, '%');
		break;
	default:
		put(out, '%');
		put(out, spec->conversion);
		break;
	}
}

size_t
format_to(char *buf, size_t size, const char *format, va_list args)
{
	struct output out = { .buf = buf, .size = size };
	va_list walk;

	va_copy(walk, args);
	while (*format != '\0') {
		struct spec spec;

		if (*format != '%') {
			put(&out, *format++);
			continue;
		}
		format = parse_spec(format + 1, &spec, &walk);
		put_spec(&out, &spec, &walk);
	}
	va_end(walk);
	buf[out.length] = '\0';
	return out.length;
}

size_t
format_string(char *buf, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = format_to(buf, size, format, args);
	va_end(args);
	return length;
}
