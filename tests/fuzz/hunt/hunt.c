// SPDX-License-Identifier: ISC
/*
 * hunt --bug NAME --search random|pct|guided [--seed N] [--seconds N] [--fuzzer PROGRAM]
 *      [--corpus FOLDER] [--save FILE]
 * How long does a search need to find this bug? Prints one line: "found EXECUTIONS SECONDS WORDS",
 * or "none EXECUTIONS SECONDS". Found is what fails with the bug, again in a new process, and does
 * not without it. What fails without it is told as a false alarm, and the search goes on. What was
 * found is saved as an input of the target, and told by the command that is printed.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/hunt/hunt.h"
#include "tests/fuzz/target.h"

static const char *save_path;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	        "usage: hunt --bug NAME --search random|pct|guided [--seed N] [--seconds N] "
	        "[--fuzzer PROGRAM] [--corpus FOLDER] [--save FILE]\n");
	exit(64);
}

static void
choose_search(struct hunt_options *options, const char *search)
{
	options->by_priorities = search != NULL && strcmp(search, "pct") == 0;
	if (search != NULL && strcmp(search, "guided") == 0) {
		if (options->fuzzer == NULL) {
			usage();
		}
		return;
	}
	options->fuzzer = NULL;
	if (search == NULL || (!options->by_priorities && strcmp(search, "random") != 0)) {
		usage();
	}
}

static struct hunt_options
read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "bug", required_argument, NULL, 'b' },
		{ "search", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "fuzzer", required_argument, NULL, 'f' },
		{ "corpus", required_argument, NULL, 'c' },
		{ "save", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	struct hunt_options options = { .seed = 1, .seconds = 20 };
	const char *search = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'b':
			options.bug = optarg;
			break;
		case 's':
			search = optarg;
			break;
		case 'n':
			options.seed = strtoull(optarg, NULL, 10);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'f':
			options.fuzzer = optarg;
			break;
		case 'c':
			options.corpus = optarg;
			break;
		case 'o':
			save_path = optarg;
			break;
		default:
			usage();
		}
	}
	if (options.bug == NULL || optind != argc || options.seconds <= 0) {
		usage();
	}
	choose_search(&options, search);
	return options;
}

/* Is it the bug that was found? */
static bool
is_right(const struct hunt_options *options, const struct hunt_result *result)
{
	char words[HUNT_WORDS_MAX];

	if (hunt_fails(&result->last, NULL, words)) {
		fprintf(stderr, "hunt: false alarm, also without %s: %s\n", options->bug, words);
		return false;
	}
	if (!hunt_fails(&result->last, options->bug, words)) {
		fprintf(stderr, "hunt: %s: does not fail again: %s\n", options->bug, result->words);
		return false;
	}
	return true;
}

static void
save(const struct hunt_options *options, const struct hunt_case *one)
{
	FILE *file = fopen(save_path, "wb");

	if (file == NULL || fwrite(one->input, 1, one->size, file) != one->size ||
	    fclose(file) != 0) {
		perror(save_path);
		exit(74);
	}
	fprintf(stderr, "To see it again: build/replay/%s --bug %s --tell %s\n", fuzz_target.name,
	        options->bug, save_path);
}

int
main(int argc, char **argv)
{
	struct hunt_options options = read_options(argc, argv);
	static struct hunt_result result;

	do {
		(options.fuzzer != NULL ? hunt_guided : hunt_search)(&options, &result);
		if (!result.found || is_right(&options, &result)) {
			break;
		}
		result.found = false;
		options.seed += options.fuzzer != NULL ? 1000 : 0;
	} while (result.seconds < options.seconds);
	if (!result.found || result.seconds > options.seconds * 1.05) {
		printf("none %llu %.2f\n", (unsigned long long)result.executions, result.seconds);
		return 1;
	}
	if (save_path != NULL) {
		save(&options, &result.last);
	}
	printf("found %llu %.2f %s\n", (unsigned long long)result.executions, result.seconds,
	       result.words);
	return 0;
}
