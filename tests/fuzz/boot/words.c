// SPDX-License-Identifier: ISC
/*
 * Boot arguments: what is taken, and what each word sets, beside a slow reader with a list of its
 * own.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/config.h"
#include "guest/inject_order.h"
#include "guest/preempt_names.h"
#include "guest/vcpu_inject.h"
#include "shared/scenario_abi.h"
#include "tests/fuzz/boot/readers.h"

#define LIST_LENGTH_MAX 64

/* In the place of those that exits are counted for. */
static uint32_t orders_taken;

bool
vcpu_inject_order(const char *text, size_t size)
{
	struct inject_order guests;
	bool is_order = inject_order_parse(text, size, &guests);

	if (orders_taken == VCPU_INJECT_MAX || !is_order) {
		return false;
	}
	orders_taken++;
	return true;
}

/* ---- the slow reader ---- */

struct word {
	const char *key;
	const char
		*values; /* each with a blank behind it, their numbers are their places; or NULL */
	unsigned long min, max; /* of a number */
	size_t offset;          /* in struct boot_args */
	size_t size;
	unsigned int first; /* what the first value sets */
};

#define AT(field) offsetof(struct boot_args, field), sizeof(((struct boot_args *)0)->field)

static const struct word known[] = {
	{ "preempt", "none voluntary full lazy ", 0, 0, AT(preempt), 0 },
	{ "hz", NULL, 10, 1000, AT(hz), 0 },
	{ "scenario", "tour shell user vcpu ", 0, 0, AT(scenario), 0 },
	{ "vcpus", NULL, 1, 1000, AT(vcpus), 0 },
	{ "early", "irqs-off irqs-on ", 0, 0, AT(early_irqs_on), 0 },
	{ "trace", "off on ", 0, 0, AT(trace), 0 },
	{ "idle", "halt poll ", 0, 0, AT(idle_polls), 0 },
	{ "apic", "x2apic xapic ", 0, 0, AT(apic), BOOT_APIC_X2APIC },
	{ "timer", "tsc-deadline lapic ", 0, 0, AT(timer), BOOT_TIMER_TSC_DEADLINE },
	{ "nmi_watchdog", NULL, 0, 1, AT(nmi_watchdog), 0 },
	{ "watchdog_thresh", NULL, 0, 60, AT(watchdog_thresh), 0 },
	{ "softlockup_ticks", NULL, 0, 100000, AT(softlockup_ticks), 0 },
	{ "softlockup_panic", NULL, 0, 1, AT(softlockup_panic), 0 },
	{ "resched_latency_warn_ms", NULL, 0, 60000, AT(resched_latency_warn_ms), 0 },
};

struct reading {
	struct boot_args args;
	uint32_t orders;
	enum bug bug;
	int status; /* -1: it goes on; else it exits with this */
};

/* The number of the value in the list; -1: it is not there. */
static long
place_in(const char *list, const char *value)
{
	long place = 0;

	for (; *list != '\0'; place++) {
		size_t length = strcspn(list, " ");

		if (strlen(value) == length && strncmp(list, value, length) == 0) {
			return place;
		}
		list += length + 1;
	}
	return -1;
}

static long
number_of(const char *text, unsigned long min, unsigned long max)
{
	unsigned long number;

	if (strlen(text) == 0 || strlen(text) > 9 || strspn(text, "0123456789") != strlen(text)) {
		return -1;
	}
	number = strtoul(text, NULL, 10);
	return number >= min && number <= max ? (long)number : -1;
}

static bool
set(struct reading *reading, const struct word *word, const char *value)
{
	long number = word->values != NULL ? place_in(word->values, value)
	                                   : number_of(value, word->min, word->max);
	uint32_t stored = (uint32_t)number + word->first;

	if (number < 0) {
		return false;
	}
	memcpy((char *)&reading->args + word->offset, &stored, word->size);
	if (strcmp(word->key, "preempt") == 0) {
		reading->args.preempt_given = true;
	}
	return true;
}

static bool
set_bug(struct reading *reading, const char *value)
{
	static const char *const names[] = {
#define NAME(name, mistake, seen, property, caught) #name,
		BUGS(NAME)
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t at = 0;

		while (names[i][at] != '\0' &&
		       value[at] == (names[i][at] == '_' ? '-' : tolower(names[i][at]))) {
			at++;
		}
		if (names[i][at] == '\0' && value[at] == '\0') {
			reading->bug = (enum bug)i;
			return true;
		}
	}
	return false;
}

static bool
set_order(struct reading *reading, const char *value)
{
	const char *at = strstr(value, "@exit=");
	size_t length = at == NULL ? 0 : (size_t)(at - value);

	if (at == NULL || number_of(at + 6, 1, 999999999) < 0 ||
	    reading->orders == VCPU_INJECT_MAX) {
		return false;
	}
	reading->orders++;
	return (length == 3 && memcmp(value, "nmi", 3) == 0) ||
	       (length == 3 && memcmp(value, "mce", 3) == 0) ||
	       (length == 9 && memcmp(value, "mce-fatal", 9) == 0);
}

/* One word, which may be changed. */
static void
read_word(struct reading *reading, char *text)
{
	char *value = strchr(text, '=');
	bool is_good = false;

	if (value != NULL) {
		*value++ = '\0';
	}
	if (strcmp(text, "threadirqs") == 0) {
		reading->args.threadirqs = true;
		is_good = value == NULL;
	} else if (strcmp(text, "bug") == 0 && value != NULL) {
		if (strcmp(value, "list") == 0) {
			reading->status = EXIT_STATUS_OK;
			return;
		}
		is_good = set_bug(reading, value);
	} else if (strcmp(text, "inject") == 0 && value != NULL) {
		is_good = set_order(reading, value);
	} else {
		for (size_t i = 0; value != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
			if (strcmp(text, known[i].key) == 0) {
				is_good = set(reading, &known[i], value);
			}
		}
	}
	if (!is_good) {
		reading->status = EXIT_STATUS_USAGE;
	}
}

static void
keep_rest(struct reading *reading, const char *text)
{
	text += strspn(text, " ");
	snprintf(reading->args.program, sizeof(reading->args.program), "%.*s",
	         (int)sizeof(reading->args.program) - 1, text);
}

static void
read_slowly(struct reading *reading, char *text)
{
	while (*text != '\0' && reading->status < 0) {
		size_t length = strcspn(text, " ");
		char *next = text + length + (text[length] != '\0');

		text[length] = '\0';
		if (strcmp(text, "--") == 0) {
			keep_rest(reading, next);
			return;
		}
		if (length != 0) {
			read_word(reading, text);
		}
		text = next;
	}
}

/* ---- the part ---- */

static struct boot_args initial; /* as the image has them */
static bool has_initial;
static char *words; /* ends where its block does */
static size_t words_size;

static void
parse(void)
{
	cmdline_parse(words, words_size);
}

static void
start(const uint8_t *data, size_t size)
{
	if (!has_initial) {
		memcpy(&initial, &boot_args, sizeof(initial));
		has_initial = true;
	}
	memcpy(&boot_args, &initial, sizeof(initial));
	orders_taken = 0;
	bug_active = BUG_COUNT;
	words_size = strnlen((const char *)data, size);
	words = malloc(words_size + (words_size == 0));
	memcpy(words, data, words_size);
}

static const char *
check_config(void)
{
	static const char *const models[PREEMPT_MODEL_COUNT] = {
		[PREEMPT_NONE] = "CONFIG_PREEMPT_NONE=y",
		[PREEMPT_VOLUNTARY] = "CONFIG_PREEMPT_VOLUNTARY=y",
		[PREEMPT_FULL] = "CONFIG_PREEMPT=y",
		[PREEMPT_LAZY] = "CONFIG_PREEMPT_LAZY=y",
	};
	char hz[32];

	if (boot_try(config_print) != BOOT_RETURNS) {
		return "the configuration cannot be printed";
	}
	snprintf(hz, sizeof(hz), "CONFIG_HZ=%u\n", boot_args.hz);
	for (int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		bool is_said = strstr(boot_output(), models[model]) != NULL;

		if (is_said != (boot_args.preempt == (enum preempt_model)model)) {
			return "the configuration says another model";
		}
	}
	return strstr(boot_output(), hz) != NULL ? NULL : "the configuration says another HZ";
}

static const char *
judge(struct reading *slow, enum boot_end end)
{
	if (boot_assertion() != NULL || end == BOOT_PANICS) {
		return "boot arguments break an assertion";
	}
	if (end == BOOT_EXITS) {
		if (slow->status != boot_status()) {
			return "boot arguments end the boot that should not, or not so";
		}
		return boot_output()[0] == '\0' ? "a refusal is not said" : NULL;
	}
	if (slow->status >= 0) {
		return "boot arguments are taken that should not be";
	}
	if (memcmp(&slow->args, &boot_args, sizeof(boot_args)) != 0 ||
	    slow->orders != orders_taken || slow->bug != bug_active) {
		return "a boot argument sets something else";
	}
	return check_config();
}

/* All of it as the name of a model, as the shell takes it. */
static const char *
judge_name(const char *text)
{
	enum preempt_model model = PREEMPT_MODEL_COUNT;
	bool is_one = preempt_names_parse(words, words_size, &model);
	long place = place_in(known[0].values, text);

	return is_one != (place >= 0) || (is_one && (long)model != place)
	               ? "a model's name is read as another's"
	               : NULL;
}

static const char *
run(const uint8_t *data, size_t size)
{
	struct reading slow = { .bug = BUG_COUNT, .status = -1 };
	const char *finding;
	char *text;

	start(data, size);
	text = strndup((const char *)data, words_size);
	memcpy(&slow.args, &initial, sizeof(initial));
	finding = judge_name(text);
	read_slowly(&slow, text);
	if (finding == NULL) {
		finding = judge(&slow, boot_try(parse));
	}
	free(text);
	free(words);
	return finding;
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	char line[100];
	enum boot_end end;

	start(data, size);
	end = boot_try(parse);
	free(words);
	snprintf(line, sizeof(line), "ends %u: %.*s", (unsigned int)end,
	         (int)strcspn(boot_output(), "\n"), boot_output());
	print(line);
	snprintf(line, sizeof(line), "preempt %u, hz %u, scenario %u, vcpus %u, program '%s'",
	         boot_args.preempt, boot_args.hz, boot_args.scenario, boot_args.vcpus,
	         boot_args.program);
	print(line);
}

const struct boot_part boot_words = { run, tell };
