// SPDX-License-Identifier: ISC
/*
 * Inputs of a target as a plain program runs them: replayed, told, made small, written as text.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "shared/fuzz_abi.h"
#include "tests/fuzz/apart.h"
#include "tests/fuzz/inputs.h"
#include "tests/fuzz/shrink.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/text.h"

#define COLUMNS       100
#define INPUT_MAX     (1u << 20)
#define HASH_SEED     0xcbf29ce484222325u
#define HASH_MULTIPLY 0x100000001b3u

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

static const char usage[] =
	"usage: %s [OPTION]... FILE|FOLDER...\n"
	"Runs the inputs, and says what is wrong with each that is wrong.\n"
	"  --tell           each input's records, what happens, and what is wrong\n"
	"  --twice          again, the last ones first: what is told must be the same\n"
	"  --hash           a number for what an input did; with --tell, and for what is told\n"
	"  --random N       and N random inputs: new ones, and changes of those given\n"
	"  --seed S         the first one's seed; 1\n"
	"  --bug NAME       with this seeded bug\n"
	"  --shrink OUT     makes the one input as small as it can be and as wrong, into OUT\n"
	"  --text           each input as text\n"
	"  --from-text OUT  the one input is text: it is written to OUT, and not run\n"
	"  --kinds          the kinds of records, as C\n"
	"  --options        what libFuzzer should be told, as ClusterFuzz reads it\n"
	"Exit status: 0 nothing is wrong, 1 something is, 64 the command is, 66 an input\n"
	"cannot be read, 74 OUT cannot be written.\n";

enum verb {
	TELL = 1,
	TWICE,
	HASH,
	RANDOM,
	SEED,
	BUG,
	SHRINK,
	TEXT,
	FROM_TEXT,
	KINDS,
	OPTIONS,
	HELP
};

static bool tells, is_twice, hashes;
static const char *shrink_out, *text_out;
static struct inputs inputs;
static const char *running = ""; /* the input's name */
static uint64_t hash;

static void
hash_bytes(const void *bytes, size_t size)
{
	for (size_t n = 0; n < size; n++) {
		hash = (hash ^ ((const uint8_t *)bytes)[n]) * HASH_MULTIPLY;
	}
}

/* Which, and in which order: what the schedule did. */
void
fuzz_feature(uint32_t n)
{
	hash_bytes(&n, sizeof(n));
}

/* One of the sanitizers abort()s, or a signal that it does not take. */
static void
name_running(int signal_number)
{
	fprintf(stderr, "%s: %s\n", running, strsignal(signal_number));
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

const char *
__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

const char *
__asan_default_options(void)
{
	return "abort_on_error=1:handle_abort=0";
}

/* Of numbers, and of what is done twice, what is told is a part. */
static void
print_line(const char *line)
{
	if (hashes || is_twice) {
		hash_bytes(line, strlen(line));
	} else {
		printf("%.*s\n", COLUMNS, line);
	}
}

static void
print_records(const struct named_input *input, bool numbered)
{
	static const char *const streams[] = { "operation", "reply", "schedule", "unknown" };
	char line[TEXT_LINE_MAX];

	if (fuzz_target.kinds == NULL || input->size < sizeof(struct fuzz_header)) {
		return;
	}
	text_header(input->data, line, sizeof(line));
	printf("%s\n", line);
	for (size_t at = sizeof(struct fuzz_header), n = 0;
	     input->size - at >= 2 && input->size - at - 2 >= input->data[at + 1];
	     at += 2 + (size_t)input->data[at + 1], n++) {
		text_record(input->data + at, line, sizeof(line));
		if (numbered) {
			printf("%4zu %-10s %.*s\n", n, streams[FUZZ_STREAM(input->data[at])],
			       COLUMNS - 16, line);
		} else {
			printf("%s\n", line);
		}
	}
}

/* Runs one; `hash` is what it did. */
static const char *
run(const struct named_input *input)
{
	const char *finding;

	running = input->name;
	hash = HASH_SEED;
	if (tells && !hashes && !is_twice) {
		printf("%s: %zu bytes\n", input->name, input->size);
		print_records(input, true);
	}
	if ((tells || is_twice) && fuzz_target.tell != NULL) {
		fuzz_target.tell(input->data, input->size, print_line);
	}
	finding = fuzz_target.run(input->data, input->size);
	if (finding != NULL) {
		hash_bytes(finding, strlen(finding));
	}
	return finding;
}

/* Returns how many are wrong. */
static unsigned int
run_all(void)
{
	uint64_t *hashes_before = calloc(inputs.count + 1, sizeof(*hashes_before));
	unsigned int failures = 0;

	for (size_t n = 0; hashes_before != NULL && n < inputs.count; n++) {
		const char *finding = run(&inputs.list[n]);

		hashes_before[n] = hash;
		if (hashes) {
			printf("%016llx  %s\n", (unsigned long long)hash, inputs.list[n].name);
		}
		if (finding != NULL) {
			printf("%s: %.*s\n", inputs.list[n].name, COLUMNS, finding);
			failures++;
		} else if (tells && !hashes && !is_twice) {
			printf("%s: nothing is wrong\n", inputs.list[n].name);
		}
	}
	for (size_t n = inputs.count; is_twice && hashes_before != NULL && n-- != 0;) {
		run(&inputs.list[n]);
		if (hash != hashes_before[n]) {
			printf("%s: does something else when it is run again\n",
			       inputs.list[n].name);
			failures++;
		}
	}
	free(hashes_before);
	return failures;
}

static int
write_file(const char *path, const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "wb");

	if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return EX_IOERR;
	}
	return EX_OK;
}

static int
shrink_one(void)
{
	struct named_input *input = &inputs.list[0];
	const char *finding;
	unsigned int runs;
	size_t before;

	if (inputs.count != 1 || inputs.errors != 0) {
		fprintf(stderr, "%s: --shrink takes one input\n", fuzz_target.name);
		return EX_USAGE;
	}
	before = input->size;
	input->size = shrink(input->data, input->size, apart_run, &runs);
	finding = apart_run(input->data, input->size);
	if (finding == NULL) {
		printf("%s: nothing is wrong\n", input->name);
		return EX_USAGE;
	}
	printf("%s: %s\n%zu bytes of %zu, after %u runs:\n", input->name, finding, input->size,
	       before, runs);
	print_records(input, true);
	return write_file(shrink_out, input->data, input->size);
}

/* ---- text ---- */

static int
print_text(void)
{
	for (size_t n = 0; n < inputs.count; n++) {
		printf("# %s\n", inputs.list[n].name);
		print_records(&inputs.list[n], false);
	}
	return inputs.errors == 0 ? EX_OK : EX_NOINPUT;
}

static int
read_text(const char *path)
{
	static uint8_t data[INPUT_MAX];
	size_t size_max = fuzz_target.size_max < sizeof(data) ? fuzz_target.size_max : sizeof(data);
	FILE *file = fopen(path, "r");
	const char *wrong;
	size_t size;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	wrong = text_read(file, data, size_max, &size);
	fclose(file);
	if (wrong != NULL) {
		fprintf(stderr, "%s: %s\n", path, wrong);
		return EX_NOINPUT;
	}
	return write_file(text_out, data, size);
}

static void
print_kinds(void)
{
	for (size_t n = 0; n < fuzz_target.kind_count; n++) {
		const struct fuzz_kind *kind = &fuzz_target.kinds[n];

		printf("{ .type = %u, .arg_count = %u, .below = {", kind->type, kind->arg_count);
		for (unsigned int arg = 0; arg < FUZZ_ARGS_MAX; arg++) {
			printf(" %u,", kind->below[arg]);
		}
		printf(" } },\n");
	}
}

/* Records need room for all at once: inputs do not grow from a few bytes. */
static void
print_options(void)
{
	printf("[libfuzzer]\nmax_len = %zu\ntimeout = 10\n", fuzz_target.size_max);
	if (fuzz_target.kinds != NULL) {
		printf("len_control = 0\n");
	}
}

/* ---- the command ---- */

static const struct option long_options[] = {
	{ "tell", no_argument, NULL, TELL },
	{ "twice", no_argument, NULL, TWICE },
	{ "hash", no_argument, NULL, HASH },
	{ "random", required_argument, NULL, RANDOM },
	{ "seed", required_argument, NULL, SEED },
	{ "bug", required_argument, NULL, BUG },
	{ "shrink", required_argument, NULL, SHRINK },
	{ "text", no_argument, NULL, TEXT },
	{ "from-text", required_argument, NULL, FROM_TEXT },
	{ "kinds", no_argument, NULL, KINDS },
	{ "options", no_argument, NULL, OPTIONS },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static uint64_t
number(const char *option, const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end == text || *end != '\0') {
		fprintf(stderr, "%s: --%s takes a number, not '%s'\n", fuzz_target.name, option,
		        text);
		exit(EX_USAGE);
	}
	return value;
}

struct command {
	enum verb verb; /* TEXT, FROM_TEXT, SHRINK, KINDS, OPTIONS; 0: run */
	const char *bug;
	uint64_t seed;
	size_t random_count;
};

static void
take_option(struct command *command, int option)
{
	switch ((enum verb)option) {
	case TELL:
		tells = true;
		break;
	case TWICE:
		is_twice = true;
		break;
	case HASH:
		hashes = true;
		break;
	case RANDOM:
		command->random_count = number("random", optarg);
		break;
	case SEED:
		command->seed = number("seed", optarg);
		break;
	case BUG:
		command->bug = optarg;
		break;
	case SHRINK:
		shrink_out = optarg;
		command->verb = SHRINK;
		break;
	case FROM_TEXT:
		text_out = optarg;
		command->verb = FROM_TEXT;
		break;
	case TEXT:
	case KINDS:
	case OPTIONS:
		command->verb = (enum verb)option;
		break;
	case HELP:
		printf(usage, fuzz_target.name);
		exit(EX_OK);
	default:
		fprintf(stderr, usage, fuzz_target.name);
		exit(EX_USAGE);
	}
}

static int
run_inputs(const struct command *command)
{
	unsigned int failures;
	size_t checks;

	inputs_add_random(&inputs, command->seed, command->random_count);
	failures = run_all();
	checks = inputs.count * (is_twice ? 2 : 1);
	if (checks == 0) {
		fprintf(stderr, "%s: no input\n", fuzz_target.name);
		return EX_NOINPUT;
	}
	printf("%zu%%: Checks: %zu, Failures: %u, Errors: %u\n",
	       (checks - failures) * 100 / (checks + inputs.errors), checks, failures,
	       inputs.errors);
	return failures != 0 ? 1 : inputs.errors != 0 ? EX_NOINPUT : EX_OK;
}

static int
do_command(const struct command *command)
{
	switch (command->verb) {
	case TEXT:
		return print_text();
	case SHRINK:
		return shrink_one();
	default:
		return run_inputs(command);
	}
}

int
main(int argc, char **argv)
{
	struct command command = { .bug = getenv("FUZZ_BUG"), .seed = 1 };
	int option, status;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		take_option(&command, option);
	}
	if (command.verb == KINDS || command.verb == OPTIONS) {
		(command.verb == KINDS ? print_kinds : print_options)();
		return EX_OK;
	}
	if (command.verb == FROM_TEXT && optind + 1 == argc) {
		return read_text(argv[optind]);
	}
	if (command.verb == FROM_TEXT || (optind == argc && command.random_count == 0)) {
		fprintf(stderr, usage, fuzz_target.name);
		return EX_USAGE;
	}
	if (!fuzz_target.begin(command.bug)) {
		fprintf(stderr, "%s: there is no bug '%s' here\n", fuzz_target.name,
		        command.bug != NULL ? command.bug : "");
		return EX_USAGE;
	}
	signal(SIGABRT, name_running);
	for (int n = optind; n < argc; n++) {
		inputs_read(&inputs, argv[n]);
	}
	status = do_command(&command);
	inputs_free(&inputs);
	return status;
}
