// SPDX-License-Identifier: ISC
/*
 * The command line: every option, both sides of each bound, and the exact complaint about each
 * mistake. What the parser prints is captured through temporary files.
 */
#include "vmm/options.h"

#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include "shared/boot_abi.h"
#include "shared/scenario_abi.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX  64u
#define OUTPUT_MAX 8192u

struct run {
	enum options_result result;
	struct options options;
	char out[OUTPUT_MAX];
	char err[OUTPUT_MAX];
};

/* A stream's output goes to a temporary file from here on; returns what stood there before. */
static int
divert(FILE *stream, FILE **file)
{
	int saved;

	fflush(stream);
	saved = dup(fileno(stream));
	*file = tmpfile();
	ck_assert_int_ge(saved, 0);
	ck_assert_ptr_nonnull(*file);
	ck_assert_int_ge(dup2(fileno(*file), fileno(stream)), 0);
	return saved;
}

static void
restore(FILE *stream, int saved, FILE *file, char *text)
{
	size_t size;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	rewind(file);
	size = fread(text, 1, OUTPUT_MAX - 1, file);
	text[size] = '\0';
	fclose(file);
}

static void
parse_words(struct run *run, int count, char **words)
{
	FILE *out_file;
	FILE *err_file;
	int out = divert(stdout, &out_file);
	int err = divert(stderr, &err_file);

	memset(&run->options, 0xa5, sizeof(run->options));
	run->result = options_parse(count, words, &run->options);
	restore(stdout, out, out_file, run->out);
	restore(stderr, err, err_file, run->err);
}

/* Parses "vmm" and the words of the line, which single blanks separate. */
static void
parse(struct run *run, const char *line)
{
	static char copy[OUTPUT_MAX];
	char *words[WORDS_MAX] = { (char *)"vmm" };
	int count = 1;

	ck_assert_uint_lt(strlen(line), sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
		ck_assert_int_lt(count, WORDS_MAX - 1);
		words[count++] = word;
	}
	parse_words(run, count, words);
}

static void
assert_silent(const struct run *run, const char *line)
{
	ck_assert_msg(run->result == OPTIONS_RUN && run->out[0] == '\0' && run->err[0] == '\0',
	              "\"%s\": result %d, \"%s\" \"%s\"", line, run->result, run->out, run->err);
}

static void
assert_complaint(const char *line, const char *complaint)
{
	static struct run run;
	char expected[1024];

	parse(&run, line);
	snprintf(expected, sizeof(expected), "vmm: %s. Try 'vmm --help'.\n", complaint);
	ck_assert_msg(run.result == OPTIONS_USAGE && strcmp(run.err, expected) == 0 &&
	                      run.out[0] == '\0',
	              "\"%s\": result %d, expected \"%s\", got \"%s\"", line, run.result, expected,
	              run.err);
}

START_TEST(test_options_image_alone_has_the_defaults)
{
	/* What is not said has the documented default, whatever the structure held before. */
	static struct run run;

	parse(&run, "guest.elf");
	assert_silent(&run, "guest.elf");
	ck_assert_str_eq(run.options.image, "guest.elf");
	ck_assert_uint_eq(run.options.cpu_count, 2);
	ck_assert_uint_eq(run.options.memory_size, 32u << 20);
	ck_assert_uint_eq(run.options.timeout_ns, 0);
	ck_assert_uint_eq(run.options.nmi_watchdog_ns, 0);
	ck_assert_uint_eq(run.options.inject.count, 0);
	ck_assert_uint_eq(run.options.module_count, 0);
	ck_assert_uint_eq(run.options.verbosity, 0);
	ck_assert_ptr_null(run.options.dump_dtb);
	ck_assert_str_eq(run.options.bootargs, "");
}
END_TEST

START_TEST(test_options_all_together_are_taken)
{
	/* Every option once, in short and long spelling, with the word run before and without. */
	static const char *const lines[] = {
		"-c 4 -m 64M -t 2.5 --module a --module b --dump-dtb d -v guest.elf x=1 y",
		"-c4 -m64M -t2.5 --module=a --module=b --dump-dtb=d -v guest.elf x=1 y",
		"--cpus 4 --memory 65536K --timeout 2.50 --module a --module b --dump-dtb d "
		"--verbose guest.elf x=1 y",
		"--cpus=4 --memory=67108864 --timeout=02.5 --mod a --mod b --dump d --verb "
		"guest.elf x=1 y",
		"run -vc4 -m 64m -t 2.500000000 --module a --module b --dump-dtb d -- guest.elf "
		"x=1 y",
	};
	static struct run run;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(&run, lines[i]);
		assert_silent(&run, lines[i]);
		ck_assert_str_eq(run.options.image, "guest.elf");
		ck_assert_uint_eq(run.options.cpu_count, 4);
		ck_assert_uint_eq(run.options.memory_size, 64u << 20);
		ck_assert_uint_eq(run.options.timeout_ns, 2500000000);
		ck_assert_uint_eq(run.options.module_count, 2);
		ck_assert_str_eq(run.options.modules[0], "a");
		ck_assert_str_eq(run.options.modules[1], "b");
		ck_assert_str_eq(run.options.dump_dtb, "d");
		ck_assert_uint_eq(run.options.verbosity, 1);
		ck_assert_str_eq(run.options.bootargs, "x=1 y");
	}
}
END_TEST

START_TEST(test_options_last_of_a_kind_counts)
{
	/* A repeated option replaces the one before, a repeated -v adds up. */
	static struct run run;

	parse(&run, "-c 1 -c 3 -m 4M -m 8M -t 9 -t 1 -v -vv --verbose g");
	assert_silent(&run, "repeated");
	ck_assert_uint_eq(run.options.cpu_count, 3);
	ck_assert_uint_eq(run.options.memory_size, 8u << 20);
	ck_assert_uint_eq(run.options.timeout_ns, 1000000000);
	ck_assert_uint_eq(run.options.verbosity, 4);
}
END_TEST

START_TEST(test_options_words_after_image_are_boot_arguments)
{
	/* Nothing after the image is an option or a subcommand, and each word stays as it is. */
	static const char *const lines[][2] = {
		{ "g -c 99 --help -v --", "-c 99 --help -v --" },
		{ "g run -m", "run -m" },
		{ "run run -x", "-x" },
		{ "-v -- g --", "--" },
		{ "g a=b=c '\"", "a=b=c '\"" },
	};
	static struct run run;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(&run, lines[i][0]);
		assert_silent(&run, lines[i][0]);
		ck_assert_str_eq(run.options.bootargs, lines[i][1]);
		ck_assert_uint_eq(run.options.cpu_count, 2);
	}
	parse(&run, "run run -x");
	ck_assert_str_eq(run.options.image, "run");
}
END_TEST

START_TEST(test_options_word_with_blanks_is_kept)
{
	/*
	 * A boot argument that the shell passes with blanks in it, or empty, is joined as it
	 * stands.
	 */
	static struct run run;
	char *words[] = { (char *)"vmm", (char *)"g",    (char *)"a b",
		          (char *)"",    (char *)" c= ", NULL };

	parse_words(&run, 5, words);
	assert_silent(&run, "blanks");
	ck_assert_str_eq(run.options.bootargs, "a b   c= ");
}
END_TEST

START_TEST(test_options_boot_arguments_fill_their_room)
{
	/* OPTIONS_BOOTARGS_MAX counts the NUL: so many bytes less one fit, one more is refused. */
	static char text[2 * OPTIONS_BOOTARGS_MAX];
	static char line[OUTPUT_MAX];
	static struct run run;

	for (size_t size = OPTIONS_BOOTARGS_MAX - 3; size < OPTIONS_BOOTARGS_MAX + 3; size++) {
		for (size_t first = 1; first < 4; first++) {
			memset(text, 'x', size);
			text[size] = '\0';
			text[first] = ' ';
			snprintf(line, sizeof(line), "g %s", text);
			if (size < OPTIONS_BOOTARGS_MAX) {
				parse(&run, line);
				assert_silent(&run, "long");
				ck_assert_str_eq(run.options.bootargs, text);
			} else {
				assert_complaint(line,
				                 "the boot arguments are longer than 2047 bytes");
			}
		}
	}
}
END_TEST

START_TEST(test_options_cpus_in_range_are_taken)
{
	/* All numbers from 1 to BOOT_CPUS_MAX, and leading zeros, which are decimal. */
	static struct run run;
	char line[64];

	for (uint32_t count = 1; count <= BOOT_CPUS_MAX; count++) {
		snprintf(line, sizeof(line), "-c %u g", count);
		parse(&run, line);
		assert_silent(&run, line);
		ck_assert_uint_eq(run.options.cpu_count, count);
	}
	parse(&run, "-c 0010 g");
	ck_assert_uint_eq(run.options.cpu_count, 10);
}
END_TEST

START_TEST(test_options_bad_cpus_are_refused)
{
	/* Out of range, junk on either side, signs, other bases, overflow. */
	static const char *const values[] = {
		"0",
		"65",
		"1x",
		"x1",
		"+1",
		"-1",
		"0x2",
		"1.0",
		"1e1",
		"",
		"two",
		"4294967297",
		"18446744073709551617",
		"99999999999999999999999999",
	};
	char complaint[256];
	char line[128];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(line, sizeof(line), "--cpus=%s g", values[i]);
		snprintf(complaint, sizeof(complaint), "--cpus '%s' is not a number from 1 to 64",
		         values[i]);
		assert_complaint(line, complaint);
	}
}
END_TEST

START_TEST(test_options_good_memory_is_taken)
{
	/* Suffixes in both cases, both bounds, multiples of 4K however they are written. */
	static const struct {
		const char *text;
		uint64_t size;
	} rows[] = {
		{ "4M", 4ull << 20 },
		{ "4m", 4ull << 20 },
		{ "4096K", 4ull << 20 },
		{ "4096k", 4ull << 20 },
		{ "4194304", 4ull << 20 },
		{ "4100K", (4ull << 20) + 4096 },
		{ "4198400", (4ull << 20) + 4096 },
		{ "3G", 3ull << 30 },
		{ "1024G", 1ull << 40 },
		{ "1024g", 1ull << 40 },
		{ "1099511627776", 1ull << 40 },
		{ "1099511623680", (1ull << 40) - 4096 },
	};
	static struct run run;
	char line[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "-m %s g", rows[i].text);
		parse(&run, line);
		assert_silent(&run, line);
		ck_assert_uint_eq(run.options.memory_size, rows[i].size);
	}
}
END_TEST

START_TEST(test_options_bad_memory_is_refused)
{
	/* Three complaints: not a size at all, out of range (overflow too), not whole pages. */
	static const char *const no_sizes[] = {
		"",    "M",    "x",    "32X", "32MB", "32MiB", "32M ", "-32M",
		"+4M", "4.5M", "0x4M", "4T",  "4MM",  "1e9",   "4 M",
	};
	static const char *const out_of_range[] = {
		"0",
		"1",
		"4095K",
		"4190208",
		"1025G",
		"1099511627777",
		"17179869184G",
		"17592186044416M",
		"18014398509481988K",
		"18446744073709551616",
		"4294967296G",
		"99999999999999999999K",
	};
	static const char *const no_pages[] = { "4194305", "4097K", "33554433", "1099511627775" };
	static struct run run;
	char expected[256];

	for (size_t i = 0; i < sizeof(no_sizes) / sizeof(no_sizes[0]); i++) {
		char *words[] = { (char *)"vmm", (char *)"-m", (char *)no_sizes[i], (char *)"g",
			          NULL };

		parse_words(&run, 4, words);
		snprintf(expected, sizeof(expected),
		         "vmm: --memory '%s' is not a size such as 32M or 65536K. Try 'vmm "
		         "--help'.\n",
		         no_sizes[i]);
		ck_assert_int_eq(run.result, OPTIONS_USAGE);
		ck_assert_str_eq(run.err, expected);
	}
	for (size_t i = 0; i < sizeof(out_of_range) / sizeof(out_of_range[0]); i++) {
		char complaint[128];
		char line[64];

		snprintf(line, sizeof(line), "-m %s g", out_of_range[i]);
		snprintf(complaint, sizeof(complaint), "--memory '%s' is not from 4M to 1024G",
		         out_of_range[i]);
		assert_complaint(line, complaint);
	}
	for (size_t i = 0; i < sizeof(no_pages) / sizeof(no_pages[0]); i++) {
		char complaint[128];
		char line[64];

		snprintf(line, sizeof(line), "-m %s g", no_pages[i]);
		snprintf(complaint, sizeof(complaint), "--memory '%s' is not a multiple of 4K",
		         no_pages[i]);
		assert_complaint(line, complaint);
	}
}
END_TEST

START_TEST(test_options_good_timeout_is_exact)
{
	/* Decimal fractions become nanoseconds without rounding. */
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "1", 1000000000 },
		{ "10", 10000000000 },
		{ "0.5", 500000000 },
		{ ".5", 500000000 },
		{ "0.000000001", 1 },
		{ "1.000000001", 1000000001 },
		{ "0.1", 100000000 },
		{ "0.3", 300000000 },
		{ "123.456789012", 123456789012 },
		{ "1000000000", 1000000000000000000 },
		{ "999999999.999999999", 999999999999999999 },
		{ "1000000000.000000000", 1000000000000000000 },
	};
	static struct run run;
	char line[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "-t %s g", rows[i].text);
		parse(&run, line);
		assert_silent(&run, line);
		ck_assert_uint_eq(run.options.timeout_ns, rows[i].ns);
	}
}
END_TEST

START_TEST(test_options_bad_timeout_is_refused)
{
	/* Zero, negative, junk, what strtod would take, too fine, too long. */
	static const char *const values[] = {
		"0",
		"0.0",
		".",
		"5.",
		"-1",
		"+1",
		"1s",
		"1e3",
		"inf",
		"nan",
		"0x1",
		"1,5",
		"1.5.5",
		"0.0000000001",
		"1.0000000000",
		"1000000001",
		"1000000000.000000001",
		"18446744073",
		"18446744073.709551616",
		"99999999999999999999999",
		"abc",
	};
	char complaint[256];
	char line[128];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(line, sizeof(line), "-t %s g", values[i]);
		snprintf(
			complaint, sizeof(complaint),
			"--timeout '%s' is not a number of seconds such as 10 or 0.5: more than 0, "
			"at most 1000000000, at most 9 decimals",
			values[i]);
		assert_complaint(line, complaint);
	}
}
END_TEST

START_TEST(test_options_nmi_watchdog_tells_the_guest)
{
	/* The guest is told before all other words; less than a guest needs to boot is refused. */
	static const char *const bad[] = { "0", "0.09", "0.099999999", "-1", "10s", "1000000001" };
	static struct run run;
	char complaint[256];
	char line[128];

	parse(&run, "--nmi-watchdog 2.5 g a=1 -- b");
	assert_silent(&run, "--nmi-watchdog");
	ck_assert_uint_eq(run.options.nmi_watchdog_ns, 2500000000);
	ck_assert_str_eq(run.options.bootargs, "nmi_watchdog=1 a=1 -- b");
	parse(&run, "--nmi-watchdog=0.1 g");
	assert_silent(&run, "--nmi-watchdog=");
	ck_assert_uint_eq(run.options.nmi_watchdog_ns, 100000000);
	ck_assert_str_eq(run.options.bootargs, "nmi_watchdog=1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "--nmi-watchdog %s g", bad[i]);
		snprintf(complaint, sizeof(complaint),
		         "--nmi-watchdog '%s' is not a number of seconds such as 10 or 0.5: 0.1 or "
		         "more, at most 1000000000, at most 9 decimals",
		         bad[i]);
		assert_complaint(line, complaint);
	}
}
END_TEST

START_TEST(test_options_inject_tells_the_guest)
{
	/* In the order given, behind the other option's word; INJECT_MAX, but not one more. */
	static struct run run;
	char expected[INJECT_MAX * 32 + 64] = "nmi_watchdog=1";
	char line[INJECT_MAX * 64 + 64] = "--nmi-watchdog 1 ";

	for (int i = 0; i < INJECT_MAX; i++) {
		char word[64];

		snprintf(word, sizeof(word), "--inject mce-fatal@exit=0%d ", 999999999 - i);
		strcat(line, word);
		snprintf(word, sizeof(word), " inject=mce-fatal@exit=%d", 999999999 - i);
		strcat(expected, word);
	}
	strcat(line, "g");
	strcat(expected, " a=1 -- b");
	strcat(line, " a=1 -- b");
	parse(&run, line);
	assert_silent(&run, line);
	ck_assert_uint_eq(run.options.inject.count, INJECT_MAX);
	ck_assert_uint_eq(run.options.inject.orders[INJECT_MAX - 1].exit,
	                  999999999 - (INJECT_MAX - 1));
	ck_assert_str_eq(run.options.bootargs, expected);
	parse(&run, "--inject nmi@exit=3 --inject=nmi@exit=3 g");
	assert_silent(&run, "--inject=");
	ck_assert_str_eq(run.options.bootargs, "inject=nmi@exit=3 inject=nmi@exit=3");
	line[0] = '\0';
	for (int i = 0; i < INJECT_MAX; i++) {
		strcat(line, "--inject nmi@exit=1 ");
	}
	strcat(line, "--inject mce@exit=2 g");
	assert_complaint(line, "--inject 'mce@exit=2' is one too many: at most 8 are possible");
}
END_TEST

START_TEST(test_options_bad_inject_is_refused)
{
	/* The complaint names the word, and shows what a good one looks like. */
	static const char *const values[] = { "nmi", "smi@exit=1", "nmi@exit=0",
		                              "nmi@exit=1000000000", "nmi@exit=1,cpu=0" };
	char complaint[256];
	char line[128];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(line, sizeof(line), "--inject %s g", values[i]);
		snprintf(complaint, sizeof(complaint),
		         "--inject '%s' is not nmi, mce or mce-fatal with @exit=N behind it, N "
		         "from 1 to 999999999, such as nmi@exit=100",
		         values[i]);
		assert_complaint(line, complaint);
	}
	assert_complaint("--inject", "option --inject needs a value");
}
END_TEST

START_TEST(test_options_module_too_many_is_refused)
{
	/* OPTIONS_MODULES_MAX modules keep their order, one more is refused by name. */
	char line[OPTIONS_MODULES_MAX * 16 + 64] = "";
	static struct run run;

	for (int i = 0; i < OPTIONS_MODULES_MAX; i++) {
		char words[32];

		snprintf(words, sizeof(words), "--module m%d ", i);
		strcat(line, words);
	}
	strcat(line, "g");
	parse(&run, line);
	assert_silent(&run, line);
	ck_assert_uint_eq(run.options.module_count, OPTIONS_MODULES_MAX);
	for (int i = 0; i < OPTIONS_MODULES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "m%d", i);
		ck_assert_str_eq(run.options.modules[i], name);
	}
	line[strlen(line) - 1] = '\0';
	strcat(line, "--module last g");
	assert_complaint(line, "--module 'last' is one too many: at most 16 are possible");
}
END_TEST

START_TEST(test_options_mistakes_are_named)
{
	/* Every way to misuse options has a complaint that names the word at fault. */
	assert_complaint("", "there is no image to run: name a GUEST.ELF");
	assert_complaint("run", "there is no image to run: name a GUEST.ELF");
	assert_complaint("-v --", "there is no image to run: name a GUEST.ELF");
	assert_complaint("-x g", "there is no option -x");
	assert_complaint("--verbose -xv g", "there is no option -x");
	assert_complaint("-vx", "there is no option -x");
	assert_complaint("--bogus g", "there is no option --bogus, or it is short for several");
	assert_complaint("--bogus=3 g", "there is no option --bogus, or it is short for several");
	assert_complaint("--ver g", "there is no option --ver, or it is short for several");
	assert_complaint("--m 4M g", "there is no option --m, or it is short for several");
	assert_complaint("--verbose=2 g", "option --verbose takes no value");
	assert_complaint("--help=2 g", "option --help takes no value");
	assert_complaint("--version=2 g", "option --version takes no value");
	assert_complaint("-c", "option -c needs a value");
	assert_complaint("-vm", "option -m needs a value");
	assert_complaint("-v --cpus", "option --cpus needs a value");
	assert_complaint("--module", "option --module needs a value");
	assert_complaint("run --dump-dtb", "option --dump-dtb needs a value");
}
END_TEST

START_TEST(test_options_version_is_printed)
{
	/* --version answers on stdout and needs no image. */
	static struct run run;

	parse(&run, "--version");
	ck_assert_int_eq(run.result, OPTIONS_EXIT);
	ck_assert_str_eq(run.out, "vmm (Overtake) 0.1.0\n");
	ck_assert_str_eq(run.err, "");
}
END_TEST

/* Lines of at most 80 columns, plain ASCII, and a newline at the end. */
static void
assert_readable(const char *text)
{
	size_t column = 0;

	for (const char *c = text; *c != '\0'; c++) {
		column = *c == '\n' ? 0 : column + 1;
		ck_assert_msg(column <= 80, "a line is wider than 80 columns: %.*s", 80,
		              c - column + 1);
		ck_assert_msg(*c == '\n' || (*c >= ' ' && *c <= '~'), "byte 0x%x",
		              (unsigned char)*c);
	}
	ck_assert_uint_eq(column, 0);
}

START_TEST(test_options_help_is_complete)
{
	/* The help names every option, boot argument and exit status, within 80 columns. */
	static const char *const words[] = {
		"-c, --cpus N",
		"-m, --memory SIZE",
		"-t, --timeout SECONDS",
		"--nmi-watchdog SECONDS",
		"nmi_watchdog=1",
		"--inject nmi|mce|mce-fatal@exit=N",
		"inject=WHAT@exit=N",
		"watchdog_thresh=SECONDS",
		"softlockup_panic=0|1",
		"resched_latency_warn_ms=N",
		"--module FILE",
		"--dump-dtb FILE",
		"-v, --verbose",
		"--version",
		"-h, --help",
		"(default: 2)",
		"(default: 32M)",
		"preempt=none|voluntary|full|lazy",
		"hz=N",
		"apic=x2apic|xapic",
		"timer=tsc-deadline|lapic",
		"SIGINT",
		"SIGUSR1",
		"scenario=tour|shell|user|vcpu",
		"vcpus=N",
		"early=irqs-off|irqs-on",
		"SIGTERM",
		"Usage: vmm ",
		"Examples:",
	};
	static const int statuses[] = {
		EXIT_STATUS_OK,        EXIT_STATUS_FAILED,   EXIT_STATUS_USAGE,
		EXIT_STATUS_BAD_IMAGE, EXIT_STATUS_NO_INPUT, EXIT_STATUS_NO_KVM,
		EXIT_STATUS_CRASHED,   EXIT_STATUS_OS,       EXIT_STATUS_CANT_CREATE,
		EXIT_STATUS_TIMEOUT,
	};
	static struct run run;

	parse(&run, "-v --help --no-such-option");
	ck_assert_int_eq(run.result, OPTIONS_EXIT);
	ck_assert_str_eq(run.err, "");
	assert_readable(run.out);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		ck_assert_msg(strstr(run.out, words[i]) != NULL, "no \"%s\"", words[i]);
	}
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		char line[16];

		snprintf(line, sizeof(line), "\n  %3d  ", statuses[i]);
		ck_assert_msg(strstr(run.out, line) != NULL, "no status %d", statuses[i]);
	}
}
END_TEST

START_TEST(test_options_random_words_are_answered)
{
	/*
	 * Random sequences of words: silence with sound values, or exactly one line of complaint.
	 */
	static const char *const words[] = {
		"-c",         "4",     "-m",  "64M", "-t",  "1.5", "--module", "f",
		"--dump-dtb", "-v",    "--",  "-",   "run", "g",   "--cpus",   "--cpus=3",
		"-c9",        "--mem", "-vv", "-x",  "--v", "-vc", "0",
	};
	static struct run run;

	for (uint64_t seed = 0; seed < 3000; seed++) {
		struct random random = random_seeded(seed);
		char *argv[12] = { (char *)"vmm" };
		int argc = 1 + (int)random_below(&random, 10);

		for (int i = 1; i < argc; i++) {
			argv[i] = (char *)
				words[random_below(&random, sizeof(words) / sizeof(words[0]))];
		}
		parse_words(&run, argc, argv);
		if (run.result == OPTIONS_RUN) {
			ck_assert_msg(run.options.image != NULL && run.err[0] == '\0' &&
			                      run.options.cpu_count - 1 < BOOT_CPUS_MAX &&
			                      run.options.memory_size % 4096 == 0,
			              "seed %ju", (uintmax_t)seed);
		} else {
			ck_assert_msg(
				run.result == OPTIONS_USAGE && strncmp(run.err, "vmm: ", 5) == 0 &&
					strchr(run.err, '\n') == run.err + strlen(run.err) - 1,
				"seed %ju: \"%s\"", (uintmax_t)seed, run.err);
		}
	}
}
END_TEST

static Suite *
options_suite(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_options_image_alone_has_the_defaults);
	tcase_add_test(tests, test_options_all_together_are_taken);
	tcase_add_test(tests, test_options_last_of_a_kind_counts);
	tcase_add_test(tests, test_options_words_after_image_are_boot_arguments);
	tcase_add_test(tests, test_options_word_with_blanks_is_kept);
	tcase_add_test(tests, test_options_boot_arguments_fill_their_room);
	tcase_add_test(tests, test_options_cpus_in_range_are_taken);
	tcase_add_test(tests, test_options_bad_cpus_are_refused);
	tcase_add_test(tests, test_options_good_memory_is_taken);
	tcase_add_test(tests, test_options_bad_memory_is_refused);
	tcase_add_test(tests, test_options_good_timeout_is_exact);
	tcase_add_test(tests, test_options_bad_timeout_is_refused);
	tcase_add_test(tests, test_options_nmi_watchdog_tells_the_guest);
	tcase_add_test(tests, test_options_inject_tells_the_guest);
	tcase_add_test(tests, test_options_bad_inject_is_refused);
	tcase_add_test(tests, test_options_module_too_many_is_refused);
	tcase_add_test(tests, test_options_mistakes_are_named);
	tcase_add_test(tests, test_options_version_is_printed);
	tcase_add_test(tests, test_options_help_is_complete);
	tcase_add_test(tests, test_options_random_words_are_answered);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(options_suite());
}
