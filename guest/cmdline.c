// SPDX-License-Identifier: ISC
/*
 * Boot arguments: one table of keys, each with its parser and the words that it accepts.
 */
#include "guest/cmdline.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "shared/scenario_abi.h"

#define HZ_MIN     10
#define HZ_MAX     1000
#define HZ_DEFAULT 100

struct boot_args boot_args = { .preempt = PREEMPT_FULL, .hz = HZ_DEFAULT, .trace = true };

struct word {
	const char *text;
	size_t size; /* bytes */
};

struct key {
	const char *name;
	bool (*parse)(struct word value);
	const char *accepted;
};

static bool
word_is(struct word word, const char *text)
{
	return strlen(text) == word.size && memcmp(word.text, text, word.size) == 0;
}

static bool
parse_preempt(struct word value)
{
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		if (word_is(value, preempt_model_names[model])) {
			boot_args.preempt = (enum preempt_model)model;
			boot_args.preempt_given = true;
			return true;
		}
	}
	return false;
}

static bool
parse_hz(struct word value)
{
	uint32_t hz = 0;

	if (value.size == 0 || value.size > 4) {
		return false;
	}
	for (size_t i = 0; i < value.size; i++) {
		if (value.text[i] < '0' || value.text[i] > '9') {
			return false;
		}
		hz = hz * 10 + (uint32_t)(value.text[i] - '0');
	}
	boot_args.hz = hz;
	return hz >= HZ_MIN && hz <= HZ_MAX;
}

static bool
parse_apic(struct word value)
{
	if (word_is(value, "x2apic")) {
		boot_args.apic = BOOT_APIC_X2APIC;
	} else if (word_is(value, "xapic")) {
		boot_args.apic = BOOT_APIC_XAPIC;
	} else {
		return false;
	}
	return true;
}

static bool
parse_timer(struct word value)
{
	if (word_is(value, "tsc-deadline")) {
		boot_args.timer = BOOT_TIMER_TSC_DEADLINE;
	} else if (word_is(value, "lapic")) {
		boot_args.timer = BOOT_TIMER_LAPIC;
	} else {
		return false;
	}
	return true;
}

static bool
parse_idle(struct word value)
{
	boot_args.idle_polls = word_is(value, "poll");
	return boot_args.idle_polls || word_is(value, "halt");
}

static bool
parse_trace(struct word value)
{
	boot_args.trace = word_is(value, "on");
	return boot_args.trace || word_is(value, "off");
}

/* Of images with seeded bugs only. */
static bool
parse_bug(struct word value)
{
	return CONFIG_BUGS && bug_choose(value.text, value.size);
}

static const struct key bug_key = { "bug", parse_bug, "a name of bug=list" };

static const struct key keys[] = {
	{ "preempt", parse_preempt, "none, voluntary or full" },
	{ "hz", parse_hz, "a number from 10 to 1000" },
	{ "trace", parse_trace, "on or off" },
	{ "idle", parse_idle, "halt or poll" },
	{ "apic", parse_apic, "x2apic or xapic" },
	{ "timer", parse_timer, "tsc-deadline or lapic" },
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static _Noreturn void
refuse_key(struct word word)
{
	printk("boot argument '%.*s': unknown. Known are:\n", (int)word.size, word.text);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		printk("  %-8s %s\n", keys[i].name, keys[i].accepted);
	}
	arch_exit(EXIT_STATUS_USAGE);
}

static _Noreturn void
refuse_value(const struct key *key, struct word value)
{
	printk("boot argument %s='%.*s': must be %s\n", key->name, (int)value.size, value.text,
	       key->accepted);
	arch_exit(EXIT_STATUS_USAGE);
}

static void
parse_value(const struct key *key, struct word value, bool given)
{
	if (!given || !key->parse(value)) {
		refuse_value(key, value);
	}
}

static void
parse_word(struct word word)
{
	const char *equals = memchr(word.text, '=', word.size);
	struct word name = word;
	struct word value = { "", 0 };

	if (equals != NULL) {
		name.size = (size_t)(equals - word.text);
		value = (struct word){ equals + 1, word.size - name.size - 1 };
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (word_is(name, keys[i].name)) {
			parse_value(&keys[i], value, equals != NULL);
			return;
		}
	}
	if (!CONFIG_BUGS || !word_is(name, bug_key.name)) {
		refuse_key(word);
	}
	parse_value(&bug_key, value, equals != NULL);
}

void
cmdline_parse(const char *text, size_t size)
{
	size_t start = 0;

	for (size_t end = 0; end <= size; end++) {
		if (end == size || text[end] == ' ') {
			if (end != start) {
				parse_word((struct word){ text + start, end - start });
			}
			start = end + 1;
		}
	}
}
