// SPDX-License-Identifier: ISC
/*
 * getopt_long takes the words apart; numbers are read here, because strtoull and strtod accept what
 * nobody means: blanks, signs, hexadecimal, "inf", trailing junk, and silent overflow.
 */
#include "vmm/options.h"

#include "vmm/help.h"

#include "shared/boot_abi.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S   1000000000ull
#define PAGE_BYTES 4096u

enum {
	OPTION_NMI_WATCHDOG = 0x100, /* long options without a letter, above all letters */
	OPTION_INJECT,
	OPTION_MODULE,
	OPTION_DUMP_DTB,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "cpus", required_argument, NULL, 'c' },
	{ "memory", required_argument, NULL, 'm' },
	{ "timeout", required_argument, NULL, 't' },
	{ "nmi-watchdog", required_argument, NULL, OPTION_NMI_WATCHDOG },
	{ "inject", required_argument, NULL, OPTION_INJECT },
	{ "module", required_argument, NULL, OPTION_MODULE },
	{ "dump-dtb", required_argument, NULL, OPTION_DUMP_DTB },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

__attribute__((format(printf, 1, 2))) static enum options_result
usage(const char *format, ...)
{
	va_list args;

	fputs("vmm: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(". Try 'vmm --help'.\n", stderr);
	return OPTIONS_USAGE;
}

/* The decimal digits at *text, one at least: moves *text behind them. Too large is UINT64_MAX. */
static bool
read_digits(const char **text, uint64_t *value)
{
	const char *at = *text;

	*value = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(*value, 10u, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value)) {
			*value = UINT64_MAX;
		}
	}
	if (at == *text) {
		return false;
	}
	*text = at;
	return true;
}

static enum options_result
take_cpus(const char *text, struct options *options)
{
	const char *at = text;
	uint64_t value;

	if (!read_digits(&at, &value) || *at != '\0' || value == 0 || value > BOOT_CPUS_MAX) {
		return usage("--cpus '%s' is not a number from 1 to %u", text, BOOT_CPUS_MAX);
	}
	options->cpu_count = (uint32_t)value;
	return OPTIONS_RUN;
}

/* The bits that a suffix shifts by: moves *text behind it. */
static unsigned int
read_suffix(const char **text)
{
	switch (**text) {
	case 'K':
	case 'k':
		++*text;
		return 10;
	case 'M':
	case 'm':
		++*text;
		return 20;
	case 'G':
	case 'g':
		++*text;
		return 30;
	default:
		return 0;
	}
}

static enum options_result
take_memory(const char *text, struct options *options)
{
	const char *at = text;
	unsigned int shift;
	uint64_t value;
	bool is_number = read_digits(&at, &value);

	shift = read_suffix(&at);
	if (!is_number || *at != '\0') {
		return usage("--memory '%s' is not a size such as 32M or 65536K", text);
	}
	if (value > OPTIONS_MEMORY_MAX >> shift || value << shift < OPTIONS_MEMORY_MIN) {
		return usage("--memory '%s' is not from 4M to 1024G", text);
	}
	if ((value << shift) % PAGE_BYTES != 0) {
		return usage("--memory '%s' is not a multiple of 4K", text);
	}
	options->memory_size = value << shift;
	return OPTIONS_RUN;
}
_Static_assert(OPTIONS_MEMORY_MIN == 4ull << 20 && OPTIONS_MEMORY_MAX == 1024ull << 30,
               "the sentence above and the help text say so");

/* The digits after a decimal point, as nanoseconds; more than nine are refused, not rounded. */
static bool
read_fraction(const char **text, uint64_t *ns)
{
	uint64_t unit = NS_PER_S / 10;
	const char *at = *text;

	*ns = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (unit == 0) {
			return false;
		}
		*ns += (uint64_t)(*at - '0') * unit;
		unit /= 10;
	}
	if (at == *text) {
		return false;
	}
	*text = at;
	return true;
}

static bool
read_seconds(const char *text, uint64_t *ns)
{
	uint64_t fraction_ns = 0;
	uint64_t seconds = 0;

	if (*text != '.' && !read_digits(&text, &seconds)) {
		return false;
	}
	if (*text == '.') {
		text++;
		if (!read_fraction(&text, &fraction_ns)) {
			return false;
		}
	}
	if (*text != '\0' || seconds > OPTIONS_TIMEOUT_MAX_S) {
		return false;
	}
	*ns = seconds * NS_PER_S + fraction_ns;
	return *ns > 0 && *ns <= OPTIONS_TIMEOUT_MAX_S * NS_PER_S;
}
_Static_assert(OPTIONS_TIMEOUT_MAX_S <= UINT64_MAX / NS_PER_S - 1, "nanoseconds fit 64 bits");

static enum options_result
take_timeout(const char *text, struct options *options)
{
	if (!read_seconds(text, &options->timeout_ns)) {
		return usage("--timeout '%s' is not a number of seconds such as 10 or 0.5: more "
		             "than 0, at most %llu, at most 9 decimals",
		             text, OPTIONS_TIMEOUT_MAX_S);
	}
	return OPTIONS_RUN;
}

static enum options_result
take_nmi_watchdog(const char *text, struct options *options)
{
	if (!read_seconds(text, &options->nmi_watchdog_ns) ||
	    options->nmi_watchdog_ns < OPTIONS_NMI_WATCHDOG_MIN_NS) {
		return usage("--nmi-watchdog '%s' is not a number of seconds such as 10 or 0.5: "
		             "0.1 or more, at most %llu, at most 9 decimals",
		             text, OPTIONS_TIMEOUT_MAX_S);
	}
	return OPTIONS_RUN;
}

static enum options_result
take_inject(const char *text, struct options *options)
{
	struct inject_order order;

	if (!inject_parse(text, &order)) {
		return usage("--inject '%s' is not nmi, mce or mce-fatal with @exit=N behind it, N "
		             "from 1 to %u, such as nmi@exit=100",
		             text, INJECT_EXIT_MAX);
	}
	if (options->inject.count == INJECT_MAX) {
		return usage("--inject '%s' is one too many: at most %d are possible", text,
		             INJECT_MAX);
	}
	options->inject.orders[options->inject.count++] = order;
	return OPTIONS_RUN;
}

static enum options_result
take_module(const char *path, struct options *options)
{
	if (options->module_count == OPTIONS_MODULES_MAX) {
		return usage("--module '%s' is one too many: at most %d are possible", path,
		             OPTIONS_MODULES_MAX);
	}
	options->modules[options->module_count++] = path;
	return OPTIONS_RUN;
}

/*
 * getopt leaves optopt 0 for a long option that it does not know, the option's own value for a long
 * one that was given a value needlessly, and otherwise a letter that it does not know. Only after a
 * long option is `word` the one refused: in a group such as -xv it is still the word before.
 */
static enum options_result
refuse_option(const char *word)
{
	int length = (int)strcspn(word, "=");

	switch (optopt) {
	case 0:
		return usage("there is no option %.*s, or it is short for several", length, word);
	case 'v':
	case 'h':
	case OPTION_VERSION:
		return usage("option %.*s takes no value", length, word);
	default:
		return usage("there is no option -%c", optopt);
	}
}

/* A letter that needs a value ends its group, so `word` is the right one for both kinds. */
static enum options_result
refuse_missing_value(const char *word)
{
	if (strncmp(word, "--", 2) != 0) {
		return usage("option -%c needs a value", optopt);
	}
	return usage("option %s needs a value", word);
}

static enum options_result
print(const char *text)
{
	fputs(text, stdout);
	return OPTIONS_EXIT;
}

static enum options_result
take_option(int option, const char *word, struct options *options)
{
	switch (option) {
	case 'c':
		return take_cpus(optarg, options);
	case 'm':
		return take_memory(optarg, options);
	case 't':
		return take_timeout(optarg, options);
	case 'v':
		options->verbosity++;
		return OPTIONS_RUN;
	case 'h':
		return print(help_text);
	case OPTION_NMI_WATCHDOG:
		return take_nmi_watchdog(optarg, options);
	case OPTION_INJECT:
		return take_inject(optarg, options);
	case OPTION_MODULE:
		return take_module(optarg, options);
	case OPTION_DUMP_DTB:
		options->dump_dtb = optarg;
		return OPTIONS_RUN;
	case OPTION_VERSION:
		return print("vmm (Overtake) " OPTIONS_VERSION "\n");
	case ':':
		return refuse_missing_value(word);
	default:
		return refuse_option(word);
	}
}

/* A blank before all but the first, and the NUL at the end. False: no room. */
static bool
append_word(struct options *options, size_t *used, const char *word)
{
	size_t length = strlen(word);

	if (length >= sizeof(options->bootargs) - *used - (*used != 0)) {
		return false;
	}
	if (*used != 0) {
		options->bootargs[(*used)++] = ' ';
	}
	memcpy(options->bootargs + *used, word, length + 1);
	*used += length;
	return true;
}

/* What the guest must know of the options stands before the user's words. There is room for it. */
static size_t
tell_guest(struct options *options)
{
	char word[sizeof("inject=") + INJECT_WORD_MAX] = "inject=";
	size_t used = 0;

	if (options->nmi_watchdog_ns != 0) {
		append_word(options, &used, "nmi_watchdog=1");
	}
	for (uint32_t i = 0; i < options->inject.count; i++) {
		inject_format(&options->inject.orders[i], word + strlen("inject="));
		append_word(options, &used, word);
	}
	return used;
}

static enum options_result
join_bootargs(char **words, struct options *options)
{
	size_t used = tell_guest(options);

	for (; *words != NULL; words++) {
		if (!append_word(options, &used, *words)) {
			return usage("the boot arguments are longer than %zu bytes",
			             sizeof(options->bootargs) - 1);
		}
	}
	return OPTIONS_RUN;
}

enum options_result
options_parse(int argc, char **argv, struct options *options)
{
	enum options_result result = OPTIONS_RUN;
	int option;

	*options = (struct options){
		.cpu_count = OPTIONS_CPUS_DEFAULT,
		.memory_size = OPTIONS_MEMORY_DEFAULT,
	};
	if (argc > 1 && strcmp(argv[1], "run") == 0) {
		argc--;
		argv++;
	}
	/* 0 is glibc's and musl's way to start afresh; the colon in the list silences getopt. */
	optind = 0;
	while (result == OPTIONS_RUN &&
	       (option = getopt_long(argc, argv, "+:c:m:t:vh", long_options, NULL)) != -1) {
		result = take_option(option, argv[optind - 1], options);
	}
	if (result != OPTIONS_RUN) {
		return result;
	}
	if (optind >= argc) {
		return usage("there is no image to run: name a GUEST.ELF");
	}
	options->image = argv[optind];
	return join_bootargs(argv + optind + 1, options);
}
