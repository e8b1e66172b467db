// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "tests/explore/name.h"
#include "tests/explore/note.h"
#include "tests/explore/picture.h"
#include "tests/explore/tell.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/schedule_ear.h"
#include "tests/host/record.h"

#define LINE_SIZE 101

/* Booted anew, for the names and the records of just this image. */
static void
run_told(const struct fuzz_input *input, void (*prepare)(void), const struct schedule_ear *ear,
         void (*seen)(const struct host_transition *t, unsigned int at), struct host_result *result)
{
	name_forget();
	host_boot_image(input->header.cpus);
	record_runs = true;
	schedule_ear = ear;
	host_transition_seen = seen;
	schedule_run(input, prepare, result);
	host_transition_seen = NULL;
	schedule_ear = NULL;
	record_runs = false;
}

static void
write_action(enum fuzz_action action, char *words, size_t size)
{
	static const char *const names[FUZZ_ACTION_COUNT] = {
#define WORDS(name, words) [FUZZ_ACTION_##name] = words,
		FUZZ_ACTIONS(WORDS)
#undef WORDS
	};

	snprintf(words, size, "schedule: %s", names[action]);
}

/* ---- as a picture ---- */

static unsigned int moment;

static void
draw_transition(const struct host_transition *t, unsigned int at)
{
	moment = at;
	note_see(t, at);
}

static void
draw_action(enum fuzz_action action, unsigned int cpu)
{
	char words[LINE_SIZE];

	write_action(action, words, sizeof(words));
	note_add(cpu, moment, "%s", words);
}

void
schedule_tell(const struct fuzz_input *input, void (*prepare)(void), const char *title,
              const char *finding, void (*print)(const char *line))
{
	static const struct schedule_ear ear = { draw_action, note_value };
	struct host_result result = { .status = 0 };
	bool failed;

	moment = 0;
	picture_begin();
	run_told(input, prepare, &ear, draw_transition, &result);
	failed = result.end == HOST_END_FAILED;
	picture_end(&(struct picture){ .title = title,
	                               .outcome = finding != NULL ? finding
	                                          : failed        ? result.reason
	                                                          : "nothing is wrong",
	                               .cpus = input->header.cpus + 1u,
	                               .failed = failed,
	                               .cpu = failed ? result.cpu : -1 },
	            print);
}

/* ---- step by step ---- */

static void (*print_line)(const char *line);

static void
print_transition(const struct host_transition *t, unsigned int at)
{
	char line[LINE_SIZE];

	tell_transition(t, at, line, sizeof(line));
	print_line(line);
}

static void
print_action(enum fuzz_action action, unsigned int cpu)
{
	char words[LINE_SIZE];
	char line[LINE_SIZE];

	write_action(action, words, sizeof(words));
	tell_event(cpu, words, line, sizeof(line));
	print_line(line);
}

static void
print_value(unsigned int value, unsigned int n)
{
	char line[LINE_SIZE];

	tell_choice(value, n, line, sizeof(line));
	print_line(line);
}

void
schedule_tell_steps(const struct fuzz_input *input, void (*prepare)(void),
                    void (*print)(const char *line))
{
	static const struct schedule_ear ear = { print_action, print_value };
	struct host_result result = { .status = 0 };

	print_line = print;
	run_told(input, prepare, &ear, print_transition, &result);
}
