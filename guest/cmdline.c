// SPDX-License-Identifier: ISC
/*
 * Boot arguments: one table of keys, each with the words or the numbers that it takes, if any.
 */
#include "guest/cmdline.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/format.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "guest/vcpu_inject.h"
#include "shared/scenario_abi.h"

#define HZ_DEFAULT 100

#define DIGITS_MAX    9  /* of a number: fits 32 bits */
#define ACCEPTED_SIZE 64 /* bytes, NUL included */

struct boot_args boot_args = {
	.preempt = PREEMPT_FULL, .hz = HZ_DEFAULT, .trace = true, .vcpus = 1
};

struct word {
	const char *text;
	size_t size; /* bytes */
};

struct key {
	const char *name;
	const char *const *words; /* its values, set() gets their numbers; NULL: it takes numbers */
	uint32_t count;           /* of words */
	uint32_t min, max;        /* of numbers; max 0: it is a switch, and takes nothing */
	bool (*take)(const char *text,
	             size_t size); /* of values with a form of their own; or NULL */
	const char *form;
	void (*set)(uint32_t value);
};

static bool
word_is(struct word word, const char *text)
{
	return strlen(text) == word.size && memcmp(word.text, text, word.size) == 0;
}

/* ---- the keys ---- */

static const char *const apic_words[] = { "x2apic", "xapic" };
static const char *const timer_words[] = { "tsc-deadline", "lapic" };
static const char *const trace_words[] = { "off", "on" };
static const char *const idle_words[] = { "halt", "poll" };
static const char *const early_words[] = { "irqs-off", "irqs-on" };
static const char *const scenario_words[BOOT_SCENARIO_COUNT] = {
	[BOOT_SCENARIO_TOUR] = "tour",
	[BOOT_SCENARIO_SHELL] = "shell",
	[BOOT_SCENARIO_USER] = "user",
	[BOOT_SCENARIO_VCPU] = "vcpu",
};

static void
set_preempt(uint32_t model)
{
	boot_args.preempt = (enum preempt_model)model;
	boot_args.preempt_given = true;
}

static void
set_hz(uint32_t hz)
{
	boot_args.hz = hz;
}

static void
set_scenario(uint32_t scenario)
{
	boot_args.scenario = (enum boot_scenario)scenario;
}

static void
set_vcpus(uint32_t count)
{
	boot_args.vcpus = count;
}

static void
set_early(uint32_t irqs_on)
{
	boot_args.early_irqs_on = irqs_on;
}

static void
set_trace(uint32_t on)
{
	boot_args.trace = on;
}

static void
set_idle(uint32_t polls)
{
	boot_args.idle_polls = polls;
}

static void
set_threadirqs(uint32_t unused)
{
	(void)unused;
	boot_args.threadirqs = true;
}

static void
set_apic(uint32_t word)
{
	boot_args.apic = word == 0 ? BOOT_APIC_X2APIC : BOOT_APIC_XAPIC;
}

static void
set_timer(uint32_t word)
{
	boot_args.timer = word == 0 ? BOOT_TIMER_TSC_DEADLINE : BOOT_TIMER_LAPIC;
}

static void
set_nmi_watchdog(uint32_t on)
{
	boot_args.nmi_watchdog = on;
}

static void
set_watchdog_thresh(uint32_t seconds)
{
	boot_args.watchdog_thresh = seconds;
}

static void
set_softlockup_ticks(uint32_t ticks)
{
	boot_args.softlockup_ticks = ticks;
}

static void
set_softlockup_panic(uint32_t on)
{
	boot_args.softlockup_panic = on;
}

static void
set_resched_latency(uint32_t ms)
{
	boot_args.resched_latency_warn_ms = ms;
}

#define COUNT(array)         (sizeof(array) / sizeof((array)[0]))
#define WORDS(array)         (array), COUNT(array), 0, 0, NULL, NULL
#define NUMBERS(first, last) NULL, 0, (first), (last), NULL, NULL
#define SWITCH               NULL, 0, 0, 0, NULL, NULL
#define FORM(take, form)     NULL, 0, 0, 0, (take), (form)

static const struct key keys[] = {
	{ "preempt", WORDS(preempt_model_names), set_preempt },
	{ "hz", NUMBERS(10, 1000), set_hz },
	{ "scenario", WORDS(scenario_words), set_scenario },
	{ "vcpus", NUMBERS(1, 1000), set_vcpus },
	{ "early", WORDS(early_words), set_early },
	{ "trace", WORDS(trace_words), set_trace },
	{ "idle", WORDS(idle_words), set_idle },
	{ "apic", WORDS(apic_words), set_apic },
	{ "timer", WORDS(timer_words), set_timer },
	{ "threadirqs", SWITCH, set_threadirqs },
	{ "nmi_watchdog", NUMBERS(0, 1), set_nmi_watchdog },
	{ "watchdog_thresh", NUMBERS(0, 60), set_watchdog_thresh },
	{ "softlockup_ticks", NUMBERS(0, 100000), set_softlockup_ticks },
	{ "softlockup_panic", NUMBERS(0, 1), set_softlockup_panic },
	{ "resched_latency_warn_ms", NUMBERS(0, 60000), set_resched_latency },
	{ "inject", FORM(vcpu_inject_order, VCPU_INJECT_FORM), NULL },
};

#define KEY_COUNT COUNT(keys)

/* Of images with seeded bugs only, which have a parser of their own. */
static const char bug_key[] = "bug";

static bool
is_switch(const struct key *key)
{
	return key->words == NULL && key->max == 0 && key->take == NULL;
}

static bool
parse_number(struct word text, uint32_t *value)
{
	*value = 0;
	if (text.size == 0 || text.size > DIGITS_MAX) {
		return false;
	}
	for (size_t i = 0; i < text.size; i++) {
		if (text.text[i] < '0' || text.text[i] > '9') {
			return false;
		}
		*value = *value * 10 + (uint32_t)(text.text[i] - '0');
	}
	return true;
}

static bool
parse_key(const struct key *key, struct word text)
{
	uint32_t value;

	if (key->take != NULL) {
		return key->take(text.text, text.size);
	}
	if (key->words == NULL) {
		if (!parse_number(text, &value) || value < key->min || value > key->max) {
			return false;
		}
		key->set(value);
		return true;
	}
	for (value = 0; value < key->count; value++) {
		if (word_is(text, key->words[value])) {
			key->set(value);
			return true;
		}
	}
	return false;
}

/* ---- refusals ---- */

static void
describe(const struct key *key, char buf[ACCEPTED_SIZE])
{
	size_t length = 0;

	if (is_switch(key)) {
		format_string(buf, ACCEPTED_SIZE, "without a value");
	} else if (key->take != NULL) {
		format_string(buf, ACCEPTED_SIZE, "%s", key->form);
	} else if (key->words == NULL) {
		format_string(buf, ACCEPTED_SIZE, "a number from %u to %u", key->min, key->max);
	}
	for (uint32_t i = 0; i < key->count; i++) {
		const char *before = i == 0 ? "" : i + 1 == key->count ? " or " : ", ";

		length += format_string(buf + length, ACCEPTED_SIZE - length, "%s%s", before,
		                        key->words[i]);
	}
}

static _Noreturn void
refuse_key(struct word word)
{
	char accepted[ACCEPTED_SIZE];

	printk("boot argument '%.*s': unknown. Known are:\n", (int)word.size, word.text);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		describe(&keys[i], accepted);
		printk("  %-23s %s\n", keys[i].name, accepted);
	}
	arch_exit(EXIT_STATUS_USAGE);
}

static _Noreturn void
refuse_value(const char *key, struct word value, const char *accepted)
{
	printk("boot argument %s='%.*s': must be %s\n", key, (int)value.size, value.text, accepted);
	arch_exit(EXIT_STATUS_USAGE);
}

static void
take_value(const struct key *key, struct word value, bool given)
{
	char accepted[ACCEPTED_SIZE];

	if (is_switch(key) ? given : !given || !parse_key(key, value)) {
		describe(key, accepted);
		refuse_value(key->name, value, accepted);
	}
	if (is_switch(key)) {
		key->set(1);
	}
}

static void
take_word(struct word word)
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
			take_value(&keys[i], value, equals != NULL);
			return;
		}
	}
	if (!CONFIG_BUGS || !word_is(name, bug_key)) {
		refuse_key(word);
	}
	if (equals == NULL || !bug_choose(value.text, value.size)) {
		refuse_value(bug_key, value, "a name of bug=list");
	}
}

static void
keep_for_program(const char *text, size_t size)
{
	size_t room = sizeof(boot_args.program) - 1;

	for (; size != 0 && *text == ' '; size--) {
		text++;
	}
	memcpy(boot_args.program, text, size < room ? size : room);
}

void
cmdline_parse(const char *text, size_t size)
{
	size_t start = 0;

	for (size_t end = 0; end <= size; end++) {
		if (end == size || text[end] == ' ') {
			struct word word = { text + start, end - start };

			start = end + 1;
			if (word_is(word, "--")) {
				keep_for_program(text + end, size - end);
				return;
			}
			if (word.size != 0) {
				take_word(word);
			}
		}
	}
}
