// SPDX-License-Identifier: ISC
/*
 * The scenario `shell` inside the VMM: sessions through a pipe and a terminal, and the preemption
 * model switched from outside by SIGUSR1.
 *
 * shell_test [VMM [GUEST.ELF [FOLDER OF PROGRAMS]]]
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/scenario_abi.h"
#include "tests/scenario/spawn.h"
#include "tests/unit/suite.h"

#define TEST_TIMEOUT_S 180
#define WORDS_MAX      10
#define GUARD          "-t", "50" /* a guest that hangs is reported, not killed */

static const char *vmm_path = "build/vmm";
static const char *guest_path = "build/guest.elf";
static const char *program_folder = "build/scenario";

static struct spawn vmm; /* too large for a stack */

#define VMM(...) ((const char *const[WORDS_MAX]){ vmm_path, GUARD, __VA_ARGS__, NULL })

static void
expect_end(int status, const char *err)
{
	spawn_finish(&vmm);
	spawn_close(&vmm);
	ck_assert_msg(vmm.status == status,
	              "status %d, not %d\n--- stdout:\n%.6000s\n--- stderr:\n%.3000s", vmm.status,
	              status, vmm.out.text, vmm.err.text);
	ck_assert_str_eq(vmm.err.text, err);
}

static void
expect_out(const char *text)
{
	ck_assert_msg(strstr(vmm.out.text, text) != NULL, "no \"%s\" in:\n%.4000s", text,
	              vmm.out.text);
}

static void
start_shell(const struct spawn_options *options)
{
	spawn_start(&vmm, options, VMM(guest_path, "scenario=shell"));
}

static void
send(const char *text)
{
	spawn_send(&vmm, text, strlen(text));
}

/* ---- lines and commands ---- */

static const struct {
	const char *input;
	const char *
		output; /* from the first prompt on; NULL: the end of the banner's line is enough */
	int status;
} sessions[] = {
	{ "exit 7\n", "> exit 7\n", 7 },
	{ "exit\n", "> exit\n", 0 },
	{ "exit 63\nexit 1\n", "> exit 63\n", 63 },
	{ "exit 64\nexit -1\nexit 1x\nexit 1 2\nexit 256\n",
	  "> exit 64\nexit: '64' is no status (EINVAL): 0 to 63\n"
	  "> exit -1\nexit: '-1' is no status (EINVAL): 0 to 63\n"
	  "> exit 1x\nexit: '1x' is no status (EINVAL): 0 to 63\n"
	  "> exit 1 2\nexit: too many words. Try 'help'.\n"
	  "> exit 256\nexit: '256' is no status (EINVAL): 0 to 63\n> \n",
	  0 },
	{ "preempt\npreempt none\npreempt\npreempt voluntary\npreempt\n"
	  "preempt full\npreempt\npreempt lazy\n"
	  "preempt\n",
	  "> preempt\nnone voluntary (full) lazy\n> preempt none\n"
	  "> preempt\n(none) voluntary full lazy\n"
	  "> preempt voluntary\n> preempt\nnone (voluntary) full lazy\n"
	  "> preempt full\n> preempt\nnone voluntary (full) lazy\n"
	  "> preempt lazy\n> preempt\nnone voluntary full (lazy)\n> \n",
	  0 },
	{ "preempt none\npreempt soon\npreempt nonex\npreempt none full\npreempt\n",
	  "> preempt none\n> preempt soon\n"
	  "preempt: 'soon' is no model (EINVAL): (none) voluntary full lazy\n"
	  "> preempt nonex\npreempt: 'nonex' is no model (EINVAL): (none) voluntary full lazy\n"
	  "> preempt none full\npreempt: too many words. Try 'help'.\n"
	  "> preempt\n(none) voluntary full lazy\n> \n",
	  0 },
	{ "sit  down\nEXIT 3\n",
	  "> sit  down\nshell: 'sit': unknown. Try 'help'.\n"
	  "> EXIT 3\nshell: 'EXIT': unknown. Try 'help'.\n> \n",
	  0 },
	{ "\n   \n\t preempt \t \n", "> \n>    \n>   preempt   \nnone voluntary (full) lazy\n> \n",
	  0 },
	{ "a b c d e f g h i j k l m n\n",
	  "> a b c d e f g h i j k l m n\nshell: 'a': unknown. Try 'help'.\n> \n", 0 },
	{ "renice 1 20\nrenice 1 -21\nrenice 1\nrenice 99 0\nrenice x 0\nrenice 3 0\n",
	  "> renice 1 20\nrenice: wants a pid and a level from -20 to 19 (EINVAL)\n"
	  "> renice 1 -21\nrenice: wants a pid and a level from -20 to 19 (EINVAL)\n"
	  "> renice 1\nrenice: wants a pid and a level from -20 to 19 (EINVAL)\n"
	  "> renice 99 0\nrenice: '99' is no task (ESRCH)\n"
	  "> renice x 0\nrenice: 'x' is no task (ESRCH)\n"
	  "> renice 3 0\nrenice: event is of class rt, which has no levels (EINVAL)\n> \n",
	  0 },
	{ "taskset 1 0\ntaskset 1 a0\ntaskset 1 g\ntaskset 1\ntaskset 1 10000000000000000\n"
	  "taskset 99999999999 1\n",
	  "> taskset 1 0\ntaskset: none of the cpus 0 is online (EINVAL)\n"
	  "> taskset 1 a0\ntaskset: none of the cpus a0 is online (EINVAL)\n"
	  "> taskset 1 g\ntaskset: wants a pid and a set of cpus in hexadecimal (EINVAL)\n"
	  "> taskset 1\ntaskset: wants a pid and a set of cpus in hexadecimal (EINVAL)\n"
	  "> taskset 1 10000000000000000\n"
	  "taskset: wants a pid and a set of cpus in hexadecimal (EINVAL)\n"
	  "> taskset 99999999999 1\ntaskset: '99999999999' is no task (ESRCH)\n> \n",
	  0 },
	/* A line's end is a return, a newline, or both. */
	{ "preempt\r\npreempt\r\rexit 2\r",
	  "> preempt\nnone voluntary (full) lazy\n"
	  "> preempt\nnone voluntary (full) lazy\n> \n> exit 2\n",
	  2 },
	/* A control byte spoils its line, and only that. */
	{ "preempt none\033[D\nexit \0013\n\177preempt\n",
	  "> preempt none[D\nshell: a line with control byte 0x1b: ignored\n"
	  "> exit 3\nshell: a line with control byte 0x01: ignored\n"
	  "> preempt\nnone voluntary (full) lazy\n> \n",
	  0 },
	{ "exot\b\177it 4\n", "> exot\b \b\b \bit 4\n", 4 },
	/* 78 bytes fit, 79 do not. */
	{ "1234567890123456789012345678901234567890123456789012345678901234567890exit 123\n"
	  "1234567890123456789012345678901234567890123456789012345678901234567890exit 1234\n"
	  "exit 5\n",
	  "> 1234567890123456789012345678901234567890123456789012345678901234567890exit 123\n"
	  "shell: '1234567890123456789012345678901234567890123456789012345678901234567890exit': "
	  "unknown. Try 'help'.\n"
	  "> 1234567890123456789012345678901234567890123456789012345678901234567890exit 123\n"
	  "shell: a line of more than 78 bytes: ignored\n"
	  "> exit 5\n",
	  5 },
	/* The end: of the input, with or without a newline, or a Ctrl-D where a line would begin.
	 */
	{ "", "> \n", 0 },
	{ "preempt", "> preempt\nnone voluntary (full) lazy\n> \n", 0 },
	{ "exit 6", "> exit 6\n", 6 },
	{ "\004exit 6\n", "> \n", 0 },
	{ "exit\004 6\nexit 8\n",
	  "> exit 6\nshell: a line with control byte 0x04: ignored\n> exit 8\n", 8 },
};

#define SESSION_COUNT (int)(sizeof(sessions) / sizeof(sessions[0]))

/* P17: a session through a pipe is answered line by line, to the byte, and ends with its status. */
START_TEST(test_shell_session_is_answered)
{
	start_shell(NULL);
	send(sessions[_i].input);
	spawn_end_input(&vmm);
	expect_end(sessions[_i].status, "");
	ck_assert_str_eq(strchr(vmm.out.text, '\n') + 1, sessions[_i].output);
}
END_TEST

/* Several hundred bytes that come at once pass through a FIFO of sixteen: no line is lost. */
START_TEST(test_shell_lines_at_once_are_complete)
{
	const unsigned int lines = 40;
	const char *at;

	start_shell(NULL);
	for (unsigned int i = 0; i < lines; i++) {
		send(i % 2 == 0 ? "preempt none\n" : "preempt full\n");
	}
	send("preempt\nexit 9\n");
	expect_end(9, "");
	at = strchr(vmm.out.text, '\n') + 1;
	for (unsigned int i = 0; i < lines; i++) {
		const char *line = i % 2 == 0 ? "> preempt none\n" : "> preempt full\n";

		ck_assert_int_eq(strncmp(at, line, strlen(line)), 0);
		at += strlen(line);
	}
	ck_assert_str_eq(at, "> preempt\nnone voluntary (full) lazy\n> exit 9\n");
}
END_TEST

/* On a terminal what is typed appears once, and Ctrl-D ends. */
START_TEST(test_shell_on_terminal_echoes)
{
	const struct spawn_options options = { .has_terminal = true };

	start_shell(&options);
	spawn_expect(&vmm, &vmm.out, "\n> ");
	send("preempt\n");
	spawn_expect(&vmm, &vmm.out, "(full) lazy\n> ");
	send("\004");
	expect_end(EXIT_STATUS_OK, "");
	expect_out("\n> preempt\nnone voluntary (full) lazy\n> \n");
}
END_TEST

static const char *const boot_models[] = { "preempt=none", "preempt=voluntary", "preempt=full",
	                                   "preempt=lazy" };
static const char *const boot_options[] = { "PREEMPT_NONE", "PREEMPT_VOLUNTARY", "PREEMPT",
	                                    "PREEMPT_LAZY" };
static const char *const shown[] = { "(none) voluntary full lazy", "none (voluntary) full lazy",
	                             "none voluntary (full) lazy", "none voluntary full (lazy)" };

/*
 * P13: config names the model of the boot in the words of Kconfig, and beside it the active one:
 * each of them, the one with number 0 too.
 */
START_TEST(test_shell_config_names_the_models)
{
	static const char *const fixed[] = { "CONFIG_SMP=y\n",
		                             "CONFIG_NR_CPUS=64\n",
		                             "CONFIG_HZ=250\n",
		                             "CONFIG_PREEMPT_COUNT=y\n",
		                             "CONFIG_PREEMPTION=y\n",
		                             "CONFIG_PREEMPT_DYNAMIC=y\n",
		                             "# CONFIG_PREEMPT_RT is not set\n",
		                             "# CONFIG_DEBUG_PREEMPT is not set\n",
		                             "# CONFIG_BUGS is not set\n" };
	int next = (_i + 1) % 4;
	char line[100];

	spawn_start(&vmm, NULL, VMM(guest_path, "scenario=shell", "hz=250", boot_models[_i]));
	snprintf(line, sizeof(line), "preempt %s\nconfig\n", strchr(boot_models[next], '=') + 1);
	send(line);
	spawn_end_input(&vmm);
	expect_end(EXIT_STATUS_OK, "");
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		expect_out(fixed[i]);
	}
	for (int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line),
		         i == _i ? "\nCONFIG_%s=y\n" : "\n# CONFIG_%s is not set\n",
		         boot_options[i]);
		expect_out(line);
	}
	snprintf(line, sizeof(line), "\npreempt: %s\n> ", shown[next]);
	expect_out(line);
}
END_TEST

/* The image with checks and bugs says that it has them, and tells the order of locks it learned. */
START_TEST(test_shell_config_tells_images_apart)
{
	char image[4096];

	snprintf(image, sizeof(image), "%.*s-%s.elf", (int)(strlen(guest_path) - strlen(".elf")),
	         guest_path, _i == 0 ? "debug" : "bugs");
	spawn_start(&vmm, NULL, VMM(image, "scenario=shell"));
	send("config\nlockdep\nexit\n");
	expect_end(EXIT_STATUS_OK, "");
	expect_out("\nCONFIG_DEBUG_PREEMPT=y\n");
	expect_out("\ntask->pi_lock -> rq->lock\n");
	expect_out(_i == 0 ? "\n# CONFIG_BUGS is not set\n" : "\nCONFIG_BUGS=y\n");
}
END_TEST

/* P37: the shell's own task moves where it is let, and its table tells so, and its level. */
START_TEST(test_shell_tasks_move_and_change)
{
	start_shell(NULL);
	send("taskset 1 2\nrenice 1 -5\ntasks\ntaskset 1 1\nrenice 1 19\ntasks\n");
	spawn_end_input(&vmm);
	expect_end(EXIT_STATUS_OK, "");
	expect_out("\n  pid  name             class  prio  state  cpu  allowed");
	expect_out("\n    1  main             fair    115  R        1        2 ");
	expect_out("\n    1  main             fair    139  R        0        1 ");
	expect_out("\n    3  event            rt       49  D ");
}
END_TEST

/* help names every command, one a line. */
START_TEST(test_shell_help_is_complete)
{
	start_shell(NULL);
	send("help\n");
	spawn_end_input(&vmm);
	expect_end(EXIT_STATUS_OK, "");
	expect_out("\nhelp ");
	expect_out("\nconfig ");
	expect_out("\npreempt  [MODEL] ");
	expect_out("\ntasks ");
	expect_out("\nrenice   PID NICE ");
	expect_out("\ntaskset  PID CPUS ");
	expect_out("\nsoftirqs ");
	expect_out("\nexit     [STATUS] ");
}
END_TEST

/* softirqs is a table of Linux's vectors, in their order, with a column a cpu. */
START_TEST(test_shell_softirqs_are_told)
{
	start_shell(NULL);
	send("softirqs\n");
	spawn_end_input(&vmm);
	expect_end(EXIT_STATUS_OK, "");
	expect_out("CPU0 ");
	expect_out("\n          HI:          0 ");
	expect_out("\n     TASKLET:          0 ");
	expect_out("\n         RCU:          0 ");
}
END_TEST

/* ---- SIGUSR1 ---- */

/* P17: each SIGUSR1 to a shell that idles switches to the next model, and the shell goes on. */
START_TEST(test_shell_signal_switches_the_model)
{
	char line[100];

	start_shell(NULL);
	spawn_expect(&vmm, &vmm.out, "\n> ");
	for (int i = 0; i < 12; i++) {
		size_t before = vmm.out.size;

		kill(vmm.pid, SIGUSR1);
		snprintf(line, sizeof(line), "preempt: %s\n> ", shown[(i + 3) % 4]);
		spawn_expect(&vmm, &vmm.out, line);
		ck_assert_str_eq(vmm.out.text + before, line);
		vmm.out.size = 0; /* the same line comes again */
	}
	send("preempt\nexit 4\n");
	expect_end(4, "");
	expect_out("preempt\nnone voluntary (full) lazy\n> exit 4\n");
}
END_TEST

/* Signals while it stands still are one event, and that one is not lost. */
START_TEST(test_shell_signals_that_meet_are_one)
{
	int status;

	start_shell(NULL);
	spawn_expect(&vmm, &vmm.out, "\n> ");
	kill(vmm.pid, SIGSTOP);
	ck_assert_int_eq(waitpid(vmm.pid, &status, WUNTRACED), vmm.pid);
	ck_assert(WIFSTOPPED(status));
	for (unsigned int i = 0; i < 1000; i++) {
		kill(vmm.pid, SIGUSR1);
	}
	kill(vmm.pid, SIGCONT);
	spawn_expect(&vmm, &vmm.out, "preempt: none voluntary full (lazy)\n> ");
	send("preempt\nexit\n");
	expect_end(EXIT_STATUS_OK, "");
	expect_out("> preempt: none voluntary full (lazy)\n"
	           "> preempt\nnone voluntary full (lazy)\n> exit\n");
}
END_TEST

/* As fast as they can be sent, they neither kill nor stop anything, and the next is heard. */
START_TEST(test_shell_signals_without_pause_are_survived)
{
	start_shell(NULL);
	spawn_expect(&vmm, &vmm.out, "\n> ");
	for (unsigned int i = 0; i < 20000; i++) {
		kill(vmm.pid, SIGUSR1);
	}
	spawn_expect(&vmm, &vmm.out, "preempt: none voluntary full (lazy)\n");
	send("help\nexit 11\n");
	expect_end(11, "");
}
END_TEST

static void
raise_before_exec(void)
{
	sigset_t user;

	sigemptyset(&user);
	sigaddset(&user, SIGUSR1);
	sigprocmask(SIG_BLOCK, &user, NULL);
	raise(SIGUSR1);
}

/* One that is there before the guest's first instruction waits for its subscription. */
START_TEST(test_shell_signal_before_boot_waits)
{
	const struct spawn_options options = { .prepare = raise_before_exec };

	start_shell(&options);
	spawn_expect(&vmm, &vmm.out, "preempt: none voluntary full (lazy)\n");
	send("preempt\nexit\n");
	expect_end(EXIT_STATUS_OK, "");
	expect_out("preempt\nnone voluntary full (lazy)\n> exit\n");
}
END_TEST

/*
 * P13, P19: a cpu that computes in the kernel is interrupted too, under full and under none: the
 * one that has subscribed.
 */
START_TEST(test_signal_reaches_a_computing_cpu)
{
	char image[4096];

	snprintf(image, sizeof(image), "%s/event_loop.elf", program_folder);
	spawn_start(&vmm, NULL, VMM("-c", _i == 0 ? "1" : "3", image));
	spawn_expect(&vmm, &vmm.out, "computing\n");
	kill(vmm.pid, SIGUSR1);
	spawn_expect(&vmm, &vmm.out, "computing again\n");
	kill(vmm.pid, SIGUSR1);
	expect_end(EXIT_STATUS_OK, "");
	expect_out("preempt: none voluntary full (lazy)\n");
	expect_out("preempt: none (voluntary) full lazy\n");
}
END_TEST

/* The tour, whose orders an event would spoil, takes none. */
START_TEST(test_tour_takes_no_events)
{
	const struct spawn_options options = { .prepare = raise_before_exec };

	spawn_start(&vmm, &options, VMM(guest_path));
	expect_end(EXIT_STATUS_OK, "vmm: SIGUSR1: this guest takes no events\n");
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("shell");
	TCase *tests = tcase_create("shell");

	vmm_path = argc > 1 ? argv[1] : vmm_path;
	guest_path = argc > 2 ? argv[2] : guest_path;
	program_folder = argc > 3 ? argv[3] : program_folder;
	if (access("/dev/kvm", R_OK | W_OK) != 0) {
		printf("SKIP: no /dev/kvm here: the shell was not run on KVM\n100%%: Checks: 0, "
		       "Failures: 0, Errors: 0\n");
		return 0;
	}
	tcase_set_timeout(tests, TEST_TIMEOUT_S);
	tcase_add_loop_test(tests, test_shell_session_is_answered, 0, SESSION_COUNT);
	tcase_add_test(tests, test_shell_lines_at_once_are_complete);
	tcase_add_test(tests, test_shell_on_terminal_echoes);
	tcase_add_test(tests, test_shell_tasks_move_and_change);
	tcase_add_loop_test(tests, test_shell_config_names_the_models, 0, 4);
	tcase_add_loop_test(tests, test_shell_config_tells_images_apart, 0, 2);
	tcase_add_test(tests, test_shell_help_is_complete);
	tcase_add_test(tests, test_shell_softirqs_are_told);
	tcase_add_test(tests, test_shell_signal_switches_the_model);
	tcase_add_test(tests, test_shell_signals_that_meet_are_one);
	tcase_add_test(tests, test_shell_signals_without_pause_are_survived);
	tcase_add_test(tests, test_shell_signal_before_boot_waits);
	tcase_add_loop_test(tests, test_signal_reaches_a_computing_cpu, 0, 2);
	tcase_add_test(tests, test_tour_takes_no_events);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
