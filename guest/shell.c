// SPDX-License-Identifier: ISC
/*
 * Commands from the console, a line each. What comes is echoed, as on any serial line: a terminal
 * on the other side does not do so itself, and what a pipe brought is then part of the record. The
 * console is asked every few milliseconds, which also works where its interrupts do not.
 */
#include "guest/shell.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/config.h"
#include "guest/event.h"
#include "guest/lockdep.h"
#include "guest/preempt_model.h"
#include "guest/preempt_names.h"
#include "guest/printk.h"
#include "guest/shell_tasks.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/string.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define PROMPT       "> "
#define LINE_MAX     78 /* bytes; with the prompt it fills a terminal's line */
#define WORDS_MAX    8
#define POLL_NS      (10 * 1000 * 1000)
#define STATUS_LIMIT 64u /* the guest's own are below */

#define INPUT_ENDED (-1)

#define CTRL_D      0x04
#define BACKSPACE   0x08
#define DELETE      0x7f
#define CONTROL_END 0x20 /* smaller bytes are control bytes */

struct line {
	char text[LINE_MAX + 1];
	size_t length;
	bool is_too_long; /* bytes were dropped */
	int control;      /* a control byte that was dropped; -1: none */
};

struct shell {
	bool is_over;
	int status;
	uint32_t lines_seen; /* event_line_count() at the last prompt */
	bool after_return;   /* a newline that comes next belongs to it */
};

static struct shell shell;

/* ---- lines ---- */

static void
print_prompt(const struct line *line)
{
	shell.lines_seen = event_line_count();
	printk(PROMPT "%.*s", (int)line->length, line->text);
}

/* The end is asked for first: what the console then still has is all that there is. */
static int
read_byte(const struct line *line)
{
	for (;;) { /* bounded: by whoever types */
		bool ended = event_input_ended();
		int byte = arch_console_read();

		if (byte >= 0 || ended) {
			return byte >= 0 ? byte : INPUT_ENDED;
		}
		timer_sleep(POLL_NS);
		if (event_line_count() != shell.lines_seen) {
			print_prompt(line);
		}
	}
}

/* A return, a newline, or both are one newline. */
static int
next_byte(const struct line *line)
{
	int byte = read_byte(line);

	if (byte == '\n' && shell.after_return) {
		byte = read_byte(line);
	}
	shell.after_return = byte == '\r';
	return byte == '\r' ? '\n' : byte;
}

static void
erase(struct line *line)
{
	if (line->length != 0) {
		line->length--;
		printk("\b \b");
	}
}

static void
add(struct line *line, int byte)
{
	if (byte == '\t') {
		byte = ' ';
	}
	if (byte < CONTROL_END) {
		line->control = byte;
	} else if (line->length == LINE_MAX) {
		line->is_too_long = true;
	} else {
		line->text[line->length++] = (char)byte;
		printk("%c", byte);
	}
}

static bool
is_begun(const struct line *line)
{
	return line->length != 0 || line->is_too_long || line->control >= 0;
}

/* False at the end of the input. A last line without a newline is one too. */
static bool
read_line(struct line *line)
{
	int byte;

	*line = (struct line){ .control = -1 };
	print_prompt(line);
	for (;;) { /* bounded: by whoever types */
		byte = next_byte(line);
		if (byte == '\n' || byte == INPUT_ENDED || (byte == CTRL_D && !is_begun(line))) {
			break;
		}
		if (byte == BACKSPACE || byte == DELETE) {
			erase(line);
		} else {
			add(line, byte);
		}
	}
	printk("\n");
	line->text[line->length] = '\0';
	return byte == '\n' || is_begun(line);
}

/* ---- commands ---- */

struct command {
	const char *name;
	const char *arguments;
	const char *help;
	unsigned int arguments_max;
	void (*run)(unsigned int count, const char *const *arguments);
};

static void run_help(unsigned int count, const char *const *arguments);

static void
run_config(unsigned int count, const char *const *arguments)
{
	(void)count;
	(void)arguments;
	config_print();
}

static void
run_preempt(unsigned int count, const char *const *arguments)
{
	char names[PREEMPT_NAMES_SIZE];
	enum preempt_model model;

	preempt_names_format(names, sizeof(names), preempt_model());
	if (count == 0) {
		printk("%s\n", names);
	} else if (preempt_names_parse(arguments[0], strlen(arguments[0]), &model)) {
		preempt_model_set(model);
	} else {
		printk("preempt: '%s' is no model (EINVAL): %s\n", arguments[0], names);
	}
}

/* As Linux's /proc/softirqs. */
static void
run_softirqs(unsigned int count, const char *const *arguments)
{
	(void)count;
	(void)arguments;
	printk("%12s ", "");
	for_each_cpu (cpu) {
		printk("      CPU%-2u", cpu);
	}
	for (unsigned int nr = 0; nr < NR_SOFTIRQS; nr++) {
		printk("\n%12s:", softirq_name((enum softirq)nr));
		for_each_cpu (cpu) {
			printk(" %10u", softirq_served(cpu, (enum softirq)nr));
		}
	}
	printk("\n");
}

static bool
parse_status(const char *text, int *status)
{
	uint32_t value = 0;

	if (text[0] == '\0' || strlen(text) > 2) {
		return false;
	}
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9') {
			return false;
		}
		value = value * 10 + (uint32_t)(*c - '0');
	}
	*status = (int)value;
	return value < STATUS_LIMIT;
}

static void
run_exit(unsigned int count, const char *const *arguments)
{
	int status = EXIT_STATUS_OK;

	if (count != 0 && !parse_status(arguments[0], &status)) {
		printk("exit: '%s' is no status (EINVAL): 0 to %u\n", arguments[0],
		       STATUS_LIMIT - 1);
		return;
	}
	shell.is_over = true;
	shell.status = status;
}

#if CONFIG_LOCKDEP
static void
run_lockdep(unsigned int count, const char *const *arguments)
{
	(void)count;
	(void)arguments;
	lockdep_print_order();
}
#endif

static const struct command commands[] = {
	{ "help", "", "what the commands are", 0, run_help },
	{ "config", "", "the kernel's configuration, in the words of Linux's Kconfig", 0,
	  run_config },
	{ "preempt", "[MODEL]", "the preemption models; with MODEL, switch to that one", 1,
	  run_preempt },
	{ "tasks", "", "the tasks, where they are and how often they were switched", 0,
	  shell_tasks },
	{ "renice", "PID NICE", "change a task's nice level, -20 to 19", 2, shell_renice },
	{ "taskset", "PID CPUS", "let a task run on these cpus only (hexadecimal)", 2,
	  shell_taskset },
#if CONFIG_LOCKDEP
	{ "lockdep", "", "the order of locks, as far as it has been seen", 0, run_lockdep },
#endif
	{ "softirqs", "", "how often each cpu has served each softirq", 0, run_softirqs },
	{ "exit", "[STATUS]", "end the run, with status 0 to 63", 1, run_exit },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
run_help(unsigned int count, const char *const *arguments)
{
	(void)count;
	(void)arguments;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		printk("%-8s %-10s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	}
}

/* Cuts the text into words; returns how many, of which the array has the first WORDS_MAX. */
static unsigned int
split(char *text, const char *words[WORDS_MAX])
{
	unsigned int count = 0;
	bool in_word = false;

	for (char *c = text; *c != '\0'; c++) {
		if (*c == ' ') {
			*c = '\0';
			in_word = false;
		} else if (!in_word) {
			if (count < WORDS_MAX) {
				words[count] = c;
			}
			count++;
			in_word = true;
		}
	}
	return count;
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

static void
execute(char *text)
{
	const char *words[WORDS_MAX];
	unsigned int count = split(text, words);
	const struct command *command;

	if (count == 0) {
		return;
	}
	command = find_command(words[0]);
	if (command == NULL) {
		printk("shell: '%s': unknown. Try 'help'.\n", words[0]);
	} else if (count - 1 > command->arguments_max) {
		printk("%s: too many words. Try 'help'.\n", words[0]);
	} else {
		command->run(count - 1, words + 1);
	}
}

/* What of a line is missing could change what the rest means. */
static void
handle(struct line *line)
{
	if (line->control >= 0) {
		printk("shell: a line with control byte 0x%02x: ignored\n", line->control);
	} else if (line->is_too_long) {
		printk("shell: a line of more than %u bytes: ignored\n", LINE_MAX);
	} else {
		execute(line->text);
	}
}

int
shell_main(void)
{
	struct line line;

	printk("Overtake: %u cpu%s, %u Hz. 'help' lists the commands; 'exit' or Ctrl-D ends.\n",
	       cpu_count, cpu_count == 1 ? "" : "s", boot_args.hz);
	event_start();
	while (!shell.is_over && read_line(&line)) { /* bounded: by whoever types */
		handle(&line);
	}
	return shell.status;
}
