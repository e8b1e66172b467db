// SPDX-License-Identifier: ISC
/*
 * The kernel inside the VMM: the tour and the kernel's checks of itself on many machines, its boot
 * arguments, and what a user reads when it fails.
 *
 * guest_test [VMM [GUEST.ELF [FOLDER OF PROGRAMS]]]
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/scenario_abi.h"
#include "tests/scenario/spawn.h"
#include "tests/scenario/tour_expect.h"
#include "tests/scenario/user/programs.h"
#include "tests/unit/suite.h"

#define TEST_TIMEOUT_S 180
#define WORDS_MAX      24

static const char *vmm_path = "build/vmm";
static const char *guest_path = "build/guest.elf";
static const char *program_folder = "build/scenario";

static struct spawn vmm; /* too large for a stack */

#define VMM(...) ((const char *const[WORDS_MAX]){ vmm_path, __VA_ARGS__, NULL })

static const char *
program(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s.elf", program_folder, name);
	return path;
}

static void
run(const char *const *argv, int status)
{
	spawn_run(&vmm, argv);
	ck_assert_msg(vmm.status == status,
	              "status %d, not %d\n--- stdout:\n%.4000s\n--- stderr:\n%.3000s", vmm.status,
	              status, vmm.out.text, vmm.err.text);
}

static void
expect_out(const char *text)
{
	ck_assert_msg(strstr(vmm.out.text, text) != NULL, "no \"%s\" in:\n%.4000s", text,
	              vmm.out.text);
}

static void
expect_err(const char *text)
{
	ck_assert_msg(strstr(vmm.err.text, text) != NULL, "no \"%s\" in:\n%.4000s", text,
	              vmm.err.text);
}

static const struct {
	const char *cpus;
	const char *memory;
} machines[] = {
	{ "1", "8M" }, { "1", "32M" }, { "2", "8M" }, { "2", "32M" }, { "3", "32M" },
	{ "4", "1G" }, { "8", "32M" }, { "8", "1G" }, { "2", "4G" },
};

#define MACHINE_COUNT (int)(sizeof(machines) / sizeof(machines[0]))

/*
 * P13 (every): the tour holds on every machine, quietly: nothing on stderr, the pictures of each
 * model in order.
 */
START_TEST(test_tour_any_machine_succeeds)
{
	run(VMM("-c", machines[_i].cpus, "-m", machines[_i].memory, guest_path), EXIT_STATUS_OK);
	tour_expect(vmm.out.text, machines[_i].cpus[0] != '1');
	ck_assert_str_eq(vmm.err.text, "");
}
END_TEST

static const char *const fallbacks[][2] = {
	{ "apic=x2apic", "timer=tsc-deadline" },
	{ "apic=x2apic", "timer=lapic" },
	{ "apic=xapic", "timer=tsc-deadline" },
	{ "apic=xapic", "timer=lapic" },
};

/* Each way to send interrupts and to keep time carries the tour. */
START_TEST(test_tour_any_apic_and_timer_succeeds)
{
	run(VMM("-c", "4", guest_path, fallbacks[_i][0], fallbacks[_i][1]), EXIT_STATUS_OK);
	tour_expect(vmm.out.text, true);
}
END_TEST

static const char *const ticks[] = { "hz=10", "hz=1000" };

/* The order does not depend on the tick's frequency. */
START_TEST(test_tour_any_tick_succeeds)
{
	run(VMM(guest_path, ticks[_i]), EXIT_STATUS_OK);
	tour_expect(vmm.out.text, true);
}
END_TEST

/* preempt= shows the named model and no other. */
START_TEST(test_tour_one_model_shows_only_that)
{
	run(VMM(guest_path, "preempt=voluntary"), EXIT_STATUS_OK);
	expect_out("^ might_sleep in A");
	ck_assert_ptr_eq(strstr(vmm.out.text, "preempt=none"), NULL);
	ck_assert_ptr_eq(strstr(vmm.out.text, "preempt=full"), NULL);
}
END_TEST

static const struct {
	const char *word;
	const char *answer;
} refused[] = {
	{ "nonsense=1", "boot argument 'nonsense=1': unknown" },
	{ "nonsense", "boot argument 'nonsense': unknown" },
	{ "=", "boot argument '=': unknown" },
	{ "preempt=soon", "boot argument preempt='soon': must be none, voluntary, full or lazy" },
	{ "preempt=", "boot argument preempt='': must be none, voluntary, full or lazy" },
	{ "preempt", "boot argument preempt='': must be none, voluntary, full or lazy" },
	{ "preempt=fullx", "boot argument preempt='fullx': must be" },
	{ "hz=9", "boot argument hz='9': must be a number from 10 to 1000" },
	{ "hz=1001", "boot argument hz='1001': must be" },
	{ "hz=100x", "boot argument hz='100x': must be" },
	{ "hz=99999999999999999999", "must be a number" },
	{ "hz=-100", "boot argument hz='-100': must be" },
	{ "apic=9", "boot argument apic='9': must be x2apic or xapic" },
	{ "trace=off", "boot argument trace=off: the tour has nothing to show" },
	{ "trace=no", "boot argument trace='no': must be off or on" },
	{ "idle=", "boot argument idle='': must be halt or poll" },
	{ "scenario=", "boot argument scenario='': must be tour, shell, user or vcpu" },
	{ "scenario=tourist",
	  "boot argument scenario='tourist': must be tour, shell, user or vcpu" },
	{ "threadirqs=", "boot argument threadirqs='': must be without a value" },
	{ "threadirqs=on", "boot argument threadirqs='on': must be without a value" },
	{ "inject=nmi",
	  "boot argument inject='nmi': must be nmi, mce or mce-fatal, with @exit=N; 8 at most" },
	{ "inject=nmi@exit=0", "boot argument inject='nmi@exit=0': must be nmi, mce or" },
	{ "inject=nmi@exit=1x", "boot argument inject='nmi@exit=1x': must be nmi, mce or" },
	{ "inject=smi@exit=1", "boot argument inject='smi@exit=1': must be nmi, mce or" },
	{ "inject", "boot argument inject='': must be nmi, mce or" },
	{ "nmi_watchdog=2", "boot argument nmi_watchdog='2': must be a number from 0 to 1" },
	{ "watchdog_thresh=61", "boot argument watchdog_thresh='61': must be a number from 0" },
	{ "softlockup_panic=on", "boot argument softlockup_panic='on': must be a number" },
	{ "resched_latency_warn_ms=1s", "boot argument resched_latency_warn_ms='1s': must be" },
	{ "vcpus=0", "boot argument vcpus='0': must be a number from 1 to 1000" },
	{ "early=late", "boot argument early='late': must be irqs-off or irqs-on" },
	{ "timer=sundial", "boot argument timer='sundial': must be tsc-deadline or lapic" },
};

#define REFUSED_COUNT (int)(sizeof(refused) / sizeof(refused[0]))

/*
 * An unknown or malformed boot argument is answered by name, with what is accepted, and status 64.
 */
START_TEST(test_boot_argument_bad_is_refused)
{
	run(VMM(guest_path, refused[_i].word), EXIT_STATUS_USAGE);
	expect_out(refused[_i].answer);
}
END_TEST

/* A good argument before a bad one does not save it, and blanks do not matter. */
START_TEST(test_boot_argument_bad_after_good_is_refused)
{
	run(VMM(guest_path, "hz=100", "  preempt=none  ", "hz=0"), EXIT_STATUS_USAGE);
	expect_out("boot argument hz='0'");
}
END_TEST

static const char *const kernel_machines[] = { "1", "2", "4" };

static void
expect_kernel_passed(void)
{
	expect_out("PASS");
	expect_out("\n0 failures\n");
	ck_assert_ptr_eq(strstr(vmm.out.text, "FAIL"), NULL);
}

/*
 * P4, P5, P7-P9, P13, P18, P21, P23, P32, P39, P68 (every): the kernel's checks from inside.
 */
START_TEST(test_kernel_checks_from_inside_pass)
{
	run(VMM("-c", kernel_machines[_i], program("kernel")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/* P13, P14, P16 (every): the table of points, cell by cell. */
START_TEST(test_points_follow_the_model)
{
	run(VMM("-c", kernel_machines[_i], program("points")), EXIT_STATUS_OK);
	expect_out("\nPASS ");
	expect_out("\n0 failures\n");
}
END_TEST

/*
 * P15, P16 (every): a long kernel loop delays a woken task as far as its model says: under lazy, a
 * fair one to the first tick that starts with its request, a FIFO one not at all.
 */
START_TEST(test_long_loop_delays_as_the_model_says)
{
	run(VMM("-c", kernel_machines[_i], program("long_loop")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/* P9, P44 (every): the spinning locks from inside: exclusion, and where a request is met. */
START_TEST(test_spinning_checks_from_inside_pass)
{
	run(VMM("-c", kernel_machines[_i], program("spinning")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/*
 * P7, P20, P46, P47 (every): interrupts and exceptions from inside: their contexts, and where a
 * request that they make is met.
 */
START_TEST(test_interrupt_checks_from_inside_pass)
{
	static const char *const programs[] = { "interrupts-debug", "interrupts", "interrupts" };

	run(VMM("-c", kernel_machines[_i], program(programs[_i])), EXIT_STATUS_OK);
	expect_kernel_passed();
	run(VMM("-c", kernel_machines[_i], program("interrupts"), "threadirqs"), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/*
 * P51, P60: guests of ring 3 by hand: each exit is what the instruction asks for, the guest's
 * registers are its own, and the host's interrupts are served; in the checked kernel, too.
 */
START_TEST(test_vcpu_entries_from_inside_pass)
{
	run(VMM("-c", kernel_machines[_i], program("vcpu_entry")), EXIT_STATUS_OK);
	expect_kernel_passed();
	run(VMM("-c", kernel_machines[_i], program("vcpu_entry-debug")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/* P25 (every): the kernel's checks where idle cpus poll, and are asked by flag alone. */
START_TEST(test_kernel_checks_with_polling_idle_pass)
{
	run(VMM("-c", kernel_machines[_i], program("kernel"), "idle=poll"), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/*
 * P32, P39 (none, full): a storm of waits, timeouts, signals, futexes and stops ends, and leaves
 * nobody behind.
 */
START_TEST(test_storm_of_waits_ends)
{
	static const char *const models[] = { "preempt=none", "preempt=none", "preempt=full" };

	run(VMM("-c", kernel_machines[_i], program("waiting"), models[_i]), EXIT_STATUS_OK);
	expect_out("PASS nobody sleeps uninterruptibly\n");
	ck_assert_ptr_eq(strstr(vmm.out.text, "FAIL"), NULL);
}
END_TEST

/*
 * P1-P3 (every): the same under the checked counter, which finds nothing wrong, where there are
 * most cpus; and the tour. Under TCG the checks run on one cpu and on four, too.
 */
START_TEST(test_debug_kernel_checks_from_inside_pass)
{
	if (_i == 2) {
		run(VMM("-c", kernel_machines[_i], program("kernel-debug")), EXIT_STATUS_OK);
		expect_kernel_passed();
	}
	run(VMM("-c", kernel_machines[_i], "build/guest-debug.elf"), EXIT_STATUS_OK);
}
END_TEST

static const struct {
	const char *cpus;
	const char *operations;
} lock_machines[] = { { "1", "300" }, { "2", "80" }, { "4", "40" } };

/*
 * P21, P32 (every): mutexes, rwsems and semaphores under load add up, and wake whoever sleeps: in
 * each model, on one cpu and on several.
 */
START_TEST(test_locks_under_load_add_up)
{
	static const char *const models[] = { "preempt=full", "preempt=voluntary", "preempt=none",
		                              "preempt=lazy" };

	run(VMM("-c", lock_machines[_i / 4].cpus, program("locks"), models[_i % 4], "--", "all",
	        "3", "1", lock_machines[_i / 4].operations),
	    EXIT_STATUS_OK);
	expect_out("\n3 locks, 0 failures\n");
}
END_TEST

/* P32, P36: works, delayed works, timers, parks and stops by all cpus at a time lose nothing. */
START_TEST(test_storm_of_workers_passes)
{
	run(VMM("-c", kernel_machines[_i], program("workers")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/* P45 (every): NMIs within NMIs, and from other cpus at every moment: none is lost. */
START_TEST(test_nmis_checks_from_inside_pass)
{
	run(VMM("-c", kernel_machines[_i], program("nmis")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/*
 * P41, P43, J31 (every): a flood of softirqs on every cpu, and a storm of raises: nothing starves,
 * and nothing is lost.
 */
START_TEST(test_storm_of_softirqs_passes)
{
	static const char *const models[] = { "preempt=full", "preempt=voluntary", "preempt=none" };
	static const char *const programs[] = { "softirqs-debug", "softirqs", "softirqs" };

	run(VMM("-c", kernel_machines[_i], program(programs[_i]), models[_i]), EXIT_STATUS_OK);
	expect_kernel_passed();
	if (_i == 2) {
		run(VMM("-c", kernel_machines[_i], program("softirqs"), "threadirqs"),
		    EXIT_STATUS_OK);
		expect_kernel_passed();
	}
}
END_TEST

/*
 * P48-P50, P59 (every): tasks with several preempt notifiers lose their cpus in every way, and
 * move: each call is in its turn, and in its context.
 */
START_TEST(test_storm_of_notifiers_passes)
{
	static const char *const rounds[] = { "40", "40", "10" };

	run(VMM("-c", kernel_machines[_i], program("notifiers"), "--", "1", rounds[_i]),
	    EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/*
 * P32, P41, P45 (every): user and kernel tasks, timers, softirqs, calls, NMIs and readers at
 * once, while the model changes: all goes on, and adds up.
 */
START_TEST(test_everything_at_once_passes)
{
	run(VMM("-c", "2", program("everything"), "--", "1", "500"), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

#define SPIN(model, ...)                                                                          \
	VMM("-c", "2", program("watchdog"), "preempt=" model, "softlockup_ticks=20", __VA_ARGS__, \
	    "--", "spin")

/*
 * P27 (none): a loop in the kernel is reported twice: somebody else is kept waiting, and the cpu's
 * most important task, too. Who ran is named, as is the code: the VMM adds that to the addresses.
 */
START_TEST(test_watchdog_endless_loop_is_reported)
{
	run(SPIN("none", "resched_latency_warn_ms=50"), EXIT_STATUS_OK);
	expect_out("cpu 0: spinner, pid ");
	expect_out(", was asked to give way 5 ticks ago, preempt=none");
	expect_out("soft lockup: spinner, pid ");
	expect_out(">] spin_in_kernel+0x");
	expect_out("another task did not run meanwhile");
	run(SPIN("none", "softlockup_panic=1"), EXIT_STATUS_CRASHED);
	expect_out("panic on cpu 0: soft lockup: spinner, pid ");
	expect_err("spin_in_kernel");
}
END_TEST

/* P27 (full, lazy): the same loop stops nobody, and nobody says a word. */
START_TEST(test_watchdog_preempted_loop_is_no_lockup)
{
	run(SPIN("full", "resched_latency_warn_ms=50"), EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.out.text, "another task ran meanwhile\n");
	run(SPIN("lazy", "resched_latency_warn_ms=50"), EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.out.text, "another task ran meanwhile\n");
}
END_TEST

/* P27: interrupts off for good: a panic, and the VMM says in which function. */
START_TEST(test_watchdog_hard_lockup_is_a_panic)
{
	run(VMM("-c", kernel_machines[_i], "--nmi-watchdog", "0.2", program("watchdog"), "--",
	        "hang"),
	    EXIT_STATUS_CRASHED);
	expect_out(": hard lockup: no timer interrupt since the last NMI\ntask hanger, pid ");
	expect_err("spin_for_ever");
	if (_i != 0) {
		expect_out("\ncpu 0: ");
	}
}
END_TEST

/* A panic tells of the other cpus, and names the one that does not even take its NMI. */
START_TEST(test_panic_tells_of_the_other_cpus)
{
	run(VMM("-c", "4", program("watchdog"), "--", "deaf"), EXIT_STATUS_CRASHED);
	expect_out("panic on cpu 0: nothing is wrong on this cpu\ntask panicker, pid ");
	expect_out("\ncpu 1: ");
	expect_out("\ncpu 2: ");
	expect_out("\ncpu 3 does not answer; its task is ");
}
END_TEST

/* P27: cpus that compute are healthy, however slow and busy the host is: more cpus than it has. */
START_TEST(test_watchdog_computing_cpus_are_healthy)
{
	run(VMM("-c", kernel_machines[_i], "--nmi-watchdog", "0.2", program("watchdog"), "--",
	        "compute"),
	    EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.out.text, "every cpu has taken 3 NMIs\n");
}
END_TEST

/* A failed assertion: its text, and a backtrace of the VMM's that names both callers. */
START_TEST(test_fault_assertion_is_reported)
{
	run(VMM(program("fault_assert")), EXIT_STATUS_CRASHED);
	expect_out("fault_assert.c:");
	expect_out("assertion failed: one == 2");
	expect_err("fail_inner");
	expect_err("fail_outer");
	expect_err("main+");
}
END_TEST

/* P1, P2: scheduling with preemption off stops the kernel, by that name. */
START_TEST(test_fault_scheduling_while_atomic_is_reported)
{
	run(VMM(program("fault_atomic")), EXIT_STATUS_CRASHED);
	expect_out("scheduling while atomic: main, pid 1, preempt_count 00000001");
	expect_err("schedule+");
}
END_TEST

static struct spawn nm;

/* The function of the image that the address lies in. */
static const char *
function_at(const char *image, uint64_t address)
{
	static char found[128];
	char name[128];
	char type;
	uint64_t start;

	ck_assert_int_eq(
		spawn_run(&nm, (const char *const[]){ "/usr/bin/env", "nm", "-n", image, NULL }),
		0);
	found[0] = '\0';
	for (const char *line = nm.out.text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%" SCNx64 " %c %127s", &start, &type, name) == 3 &&
		    (type == 't' || type == 'T') && start <= address) {
			strcpy(found, name);
		}
	}
	return found;
}

/* The mistakes of debug_faults.c: what is said of each, and who made the outermost disable. */
static const struct {
	const char *name;
	const char *message;
	const char *leaker; /* NULL: there is none */
	const char *place;  /* a function that took a lock of which the report speaks; NULL: none */
} debug_faults[] = {
	{ "overflow", "preempt_count 000000f4 overflows: preempt + 1", "leak_too_often", NULL },
	{ "underflow", "preempt_count 00000000 underflows: preempt - 1", NULL, NULL },
	{ "timer-leak", ": preempt_count 00010001 at its end, 00010000 at its start",
	  "leak_in_timer", NULL },
	{ "task-leak", "ends with preempt_count 00000001", "leak_disable", NULL },
	{ "main-leak", "task main, pid 1, ends with preempt_count 00000001", "leak_disable", NULL },
	{ "schedule-in-atomic", "scheduling while atomic: main, pid 1, preempt_count 00000002",
	  "leak_lock", NULL },
	{ "sleep-in-atomic",
	  "sleeping function called from invalid context: in atomic; task main, pid 1",
	  "leak_disable", NULL },
	{ "sleep-irqs-off",
	  "sleeping function called from invalid context: interrupts are off; task main, pid 1",
	  NULL, NULL },
	{ "sleep-state-set",
	  "sleeping function called from invalid context: its state is set already", NULL, NULL },
	{ "cpu-unpinned", "using smp_processor_id() in preemptible code: task main, pid 1", NULL,
	  NULL },
	{ "stack-end", "kernel stack of main, pid 1, overran its end", NULL, NULL },
	{ "lock-order",
	  "possible deadlock: first is taken under second here, and second under first elsewhere\n",
	  "lock_second_first", "lock_first_second" },
	{ "irq-unsafe",
	  "possible deadlock: first is taken in an interrupt here, "
	  "and with interrupts on elsewhere\n",
	  "lock_in_timer", "lock_first_second" },
	{ "softirq-unsafe",
	  "possible deadlock: shared_lock is taken in a softirq here, "
	  "and with softirqs on elsewhere\n",
	  "share_with_softirq", "lock_bh_on" },
	{ "softirq-leak", ": preempt_count 00000102 at its end, 00000101 at its start",
	  "leak_in_softirq", NULL },
	{ "sleep-under-raw", "wrong nesting: mutex (sleeping) is taken under first (raw)\n",
	  "lock_mutex_under_raw", "lock_mutex_under_raw" },
	{ "exit-with-lock", "mutex is held by a task that ends\n", NULL, "end_with_mutex" },
	{ "mutex-twice", "possible deadlock: mutex is taken under itself\n", NULL,
	  "lock_mutex_twice" },
	{ "unlock-not-held", "first is released, and not held\n", "unlock_not_held",
	  "unlock_not_held" },
	{ "lock-two-cpus", "possible deadlock: local is taken under another of its class\n",
	  "lock_two_cpus", "lock_two_cpus" },
	{ "lock-twice", "possible deadlock: first is taken under itself\n", "lock_twice",
	  "lock_twice" },
};

#define DEBUG_FAULT_COUNT (int)(sizeof(debug_faults) / sizeof(debug_faults[0]))

/* The VMM's report names this function among what the last words speak of. */
static void
expect_place(const char *name)
{
	const char *at = strstr(vmm.err.text, "\n  places in the guest's last words\n");
	char words[64];

	snprintf(words, sizeof(words), "  %s+0x", name);
	ck_assert_msg(at != NULL && strstr(at, words) != NULL, "no place \"%s\" in:\n%.4000s",
	              words, vmm.err.text);
}

/*
 * P2, P3, P10, J48: a debug image stops at a mistake with the counter or with a lock, says which,
 * where the outermost disable that is still in force was made: in the function that leaked it, and
 * by name who took the locks.
 */
START_TEST(test_debug_fault_is_reported_with_its_leaker)
{
	static const char words[] = "preemption disabled at [<";
	const char *at;

	run(VMM(program("debug_faults"), "--", debug_faults[_i].name), EXIT_STATUS_CRASHED);
	expect_out("panic on cpu ");
	expect_out(debug_faults[_i].message);
	if (debug_faults[_i].place != NULL) {
		expect_place(debug_faults[_i].place);
	}
	at = strstr(vmm.out.text, words);
	if (debug_faults[_i].leaker == NULL) {
		ck_assert_msg(at == NULL, "nobody disabled preemption:\n%.4000s", vmm.out.text);
		return;
	}
	ck_assert_msg(at != NULL, "no \"%s\" in:\n%.4000s", words, vmm.out.text);
	ck_assert_str_eq(
		function_at(program("debug_faults"), strtoull(at + strlen(words), NULL, 16) - 1),
		debug_faults[_i].leaker);
}
END_TEST

/*
 * RCU: readers of every kind under updaters of every kind see no freed memory; on two cpus with
 * all checks on.
 */
START_TEST(test_rcu_readers_see_no_freed_memory)
{
	static const char *const programs[] = { "rcu", "rcu-debug", "rcu" };

	run(VMM("-c", kernel_machines[_i], program(programs[_i])), EXIT_STATUS_OK);
	expect_out("PASS readers see no freed memory");
}
END_TEST

/* Ring 3 did on this machine what it must not, and one line says so. */
static void
expect_killed(const char *task, const char *words)
{
	char start[64];
	const char *line;
	const char *found;

	snprintf(start, sizeof(start), "\ntask %s, pid ", task);
	line = strstr(vmm.out.text, start);
	ck_assert_msg(line != NULL, "no \"%s\" in:\n%.4000s", start + 1, vmm.out.text);
	found = strstr(line + 1, words);
	ck_assert_msg(found != NULL && found < strchr(line + 1, '\n'), "no \"%s\" in:%.200s", words,
	              line);
}

static void
expect_user_passed(void)
{
	expect_kernel_passed();
#define EXPECT_KILLED(name, words) expect_killed(#name, words);
	USER_FAULTS(EXPECT_KILLED)
#undef EXPECT_KILLED
}

/*
 * P13, P22, P24, P39 (none, voluntary, full): ring 3 is preempted under every model, keeps its
 * registers, and harms nobody but itself, which is told in words.
 */
START_TEST(test_user_programs_run_and_fail_alone)
{
	static const char *const programs[] = { "user", "user-debug", "user" }; /* all checks on */

	run(VMM("-c", kernel_machines[_i], program(programs[_i])), EXIT_STATUS_OK);
	expect_user_passed();
}
END_TEST

/* P45: ring 3 keeps its registers under NMIs, which come anywhere. */
START_TEST(test_user_registers_survive_nmis)
{
	run(VMM("-c", "2", program("user_nmis")), EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(vmm.out.text, "PASS registers of ring 3 are right under NMIs"),
	                 NULL);
	ck_assert_ptr_ne(strstr(vmm.out.text, "\n0 failures\n"), NULL);
}
END_TEST

/* P45, P53: so does a vcpu's guest, whose early faults they are. */
START_TEST(test_vcpu_registers_survive_nmis)
{
	run(VMM("-c", "2", program("vcpu_nmis")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/* P51: a hundred payloads of random bytes harm nobody. */
START_TEST(test_vcpu_payloads_at_random_are_harmless)
{
	run(VMM("-c", "1", program("vcpu_random")), EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

static const char *
user_program(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/../user/%s.elf", program_folder, name);
	return path;
}

/* Programs of ring 3 that nobody linked to the kernel run as modules, and their status is told. */
START_TEST(test_user_modules_are_run)
{
	run(VMM("--module", user_program("hello"), guest_path, "scenario=user"), EXIT_STATUS_OK);
	expect_out("hello from ring 3\nmodule 0: status 0\n");
	run(VMM("--module", user_program("faults"), guest_path, "scenario=user"),
	    EXIT_STATUS_FAILED);
	expect_out("task module 0, pid ");
	expect_out("module 0: status 139\n");
}
END_TEST

/* What is no program of ring 3 is refused in words, and so is nothing at all. */
START_TEST(test_user_modules_bad_are_refused)
{
	run(VMM("--module", vmm_path, guest_path, "scenario=user"), EXIT_STATUS_FAILED);
	expect_out("program module 0: not a static executable: link it with -static -no-pie\n");
	run(VMM(guest_path, "scenario=user"), EXIT_STATUS_USAGE);
	expect_out("scenario=user: no program was given");
}
END_TEST

/* ---- vcpus ---- */

/*
 * P51-P54, P57 (every): payloads that check themselves, under both orders of the run loop, on 1, 2
 * and 4 cpus: sums and breakpoints are their vcpu's, what traps is done once, nothing is lost.
 */
START_TEST(test_vcpu_payloads_check_themselves)
{
	static const char *const models[] = { "preempt=none", "preempt=full", "preempt=lazy" };

	run(VMM("-c", kernel_machines[_i], program("vcpu"), models[_i], "--", "check", "2", "1",
	        "8"),
	    EXIT_STATUS_OK);
	expect_kernel_passed();
	if (_i != 1) {
		return; /* what no model makes a difference to is looked at in one */
	}
	expect_out("payload broken: not a static executable: link it with -static -no-pie\n");
	expect_out(": division error, error 0, address 0: it has no handler\n");
	expect_out(": page fault, error 5, address ffffffff80200000: it has no handler\n");
	expect_out("its handlers nest too deep\n");
}
END_TEST

static const struct {
	const char *cpus;
	const char *storm;
	const char *count;
} storms[] = {
	{ "1", "sums", "40" },  { "1", "kicks", "80" },  { "1", "moves", "40" },
	{ "2", "sums", "160" }, { "2", "kicks", "160" }, { "2", "moves", "80" },
	{ "4", "sums", "40" },  { "4", "kicks", "160" }, { "4", "moves", "40" },
};

#define STORM_COUNT (int)(sizeof(storms) / sizeof(storms[0]))

/*
 * P50, P51, P55, P58 (every): vcpus that are preempted, asked for everything, and moved, end
 * right and add up, under both orders of the run loop.
 */
START_TEST(test_vcpu_storms_add_up)
{
	run(VMM("-c", storms[_i].cpus, program("vcpu_storm"), "--", storms[_i].storm,
	        storms[_i].count, "1"),
	    EXIT_STATUS_OK);
	expect_kernel_passed();
}
END_TEST

/* P55 (every): many vcpus on few cpus all come to their end. */
START_TEST(test_vcpu_crowd_ends)
{
	run(VMM("-c", "2", "-m", "64M", program("vcpu"), "--", "crowd", "50"), EXIT_STATUS_OK);
	expect_out("50 vcpus, ");
	expect_kernel_passed();
}
END_TEST

static const char *
payload(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/../payload/%s", program_folder, name);
	return path;
}

/* Payloads run as modules, ELF or flat; what became of each vcpu is told, and that it adds up. */
START_TEST(test_vcpu_modules_are_run)
{
	static const char *const orders[] = { "early=irqs-off", "early=irqs-on" };

	run(VMM("--module", payload("hello.elf"), guest_path, "scenario=vcpu", "vcpus=3",
	        orders[_i]),
	    EXIT_STATUS_OK);
	expect_out("vcpu 2: hello from a payload\n");
	expect_out(_i == 0 ? "3 vcpus, early=irqs-off, " : "3 vcpus, early=irqs-on, ");
	expect_out("  shutdown 0\n  all ");
	run(VMM("--module", payload("modify.bin"), guest_path, "scenario=vcpu", orders[_i]),
	    EXIT_STATUS_OK);
	run(VMM("--module", payload("exceptions.elf"), guest_path, "scenario=vcpu", orders[_i]),
	    EXIT_STATUS_FAILED);
	expect_out("  division error\n");
	run(VMM("--module", vmm_path, guest_path, "scenario=vcpu", orders[_i]), EXIT_STATUS_FAILED);
	expect_out("payload module 0: not a static executable: link it with -static -no-pie\n");
	run(VMM(guest_path, "scenario=vcpu", orders[_i]), EXIT_STATUS_USAGE);
	expect_out("scenario=vcpu: no payload was given");
}
END_TEST

/* The compiler may have put a part of a function aside: "function.cold". */
static bool
is_of_function(const char *symbol, const char *function)
{
	size_t length = strlen(function);

	return strncmp(symbol, function, length) == 0 &&
	       (symbol[length] == '\0' || symbol[length] == '.');
}

/*
 * Is the function among the frames that are printed below these words? RCU's lines of another cpu
 * may stand between them.
 */
static bool
is_in_backtrace(const char *image, const char *words, const char *function)
{
	const char *line = strstr(vmm.out.text, words);

	ck_assert_msg(line != NULL, "no \"%s\" in:\n%.4000s", words, vmm.out.text);
	for (line = strchr(line, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
		bool is_frame = strncmp(line, "\n  [<", 5) == 0;

		if (!is_frame && strncmp(line, "\nrcu: ", 6) != 0) {
			break;
		}
		if (is_frame && is_of_function(function_at(image, strtoull(line + 5, NULL, 16) - 1),
		                               function)) {
			return true;
		}
	}
	return false;
}

/* P46: the backtrace of a panic on the interrupt stack goes on in the interrupted code. */
START_TEST(test_fault_in_interrupt_shows_what_it_interrupted)
{
	run(VMM("-c", "1", program("fault_irq")), EXIT_STATUS_CRASHED);
	expect_out("failed in an interrupt");
	ck_assert(is_in_backtrace(program("fault_irq"), "backtrace:", "fail_in_irq"));
	ck_assert(is_in_backtrace(program("fault_irq"), "backtrace:", "arch_call_on_stack"));
	ck_assert(is_in_backtrace(program("fault_irq"), "backtrace:", "wait_interrupted"));
	expect_err("wait_interrupted+");
}
END_TEST

/* P46: who runs over the end of the interrupt stack meets its guard, and is told so. */
START_TEST(test_fault_irq_stack_overflow_is_named)
{
	run(VMM("-c", "1", program("fault_irq"), "--", "deep"), EXIT_STATUS_CRASHED);
	expect_out("interrupt stack overflow: access to ");
	ck_assert(is_in_backtrace(program("fault_irq"), "backtrace:", "dig"));
}
END_TEST

static const struct {
	const char *cpus;
	const char *early;
} errors[] = {
	{ "1", "early=irqs-on" },  { "2", "early=irqs-on" },  { "4", "early=irqs-on" },
	{ "1", "early=irqs-off" }, { "2", "early=irqs-off" }, { "4", "early=irqs-off" },
};

#define ERROR_COUNT (int)(sizeof(errors) / sizeof(errors[0]))

/*
 * P53: NMIs and machine checks from outside, behind chosen exits, are charged once each, to
 * the vcpu of the exit, and what that was for is done once. One that is ordered too late is told.
 * Ticks are exits, too: with few of them no error comes before all vcpus can take it.
 */
START_TEST(test_injected_errors_reach_their_vcpus)
{
	run(VMM("-c", errors[_i].cpus, "--inject", "nmi@exit=300", "--inject", "nmi@exit=301",
	        "--inject", "mce@exit=340", "--inject", "mce@exit=380", "--inject", "nmi@exit=420",
	        "--inject", "mce@exit=99999", program("vcpu_inject"), "hz=10", errors[_i].early,
	        "--", "3", "2"),
	    EXIT_STATUS_OK);
	expect_out("\n3 NMIs, 2 machine checks\n");
	expect_out("\ninject=mce@exit=99999: not reached, there were ");
	ck_assert_str_eq(vmm.err.text,
	                 "vmm: --inject mce@exit=99999: the guest has not come that far\n");
}
END_TEST

/* P53: an error that nobody can contain is the end, and the cpu that had it is named, twice. */
START_TEST(test_injected_fatal_error_is_a_panic)
{
	static const char words[] = "uncontainable error on cpu ";
	char line[64];
	const char *at;

	run(VMM("-c", errors[_i].cpus, "--inject", "mce-fatal@exit=30", program("vcpu_inject"),
	        errors[_i].early),
	    EXIT_STATUS_CRASHED);
	at = strstr(vmm.out.text, words);
	ck_assert_ptr_nonnull(at);
	snprintf(line, sizeof(line), "vmm: guest panic on cpu %.1s\n", at + strlen(words));
	expect_err(line);
	snprintf(line, sizeof(line), "panic on cpu %.1s: %s", at + strlen(words), words);
	expect_out(line);
}
END_TEST

static const struct {
	const char *cpus;
	const char *words;
} stalls[] = {
	{ "1", "rcu: waits for a reader that left its cpu: task long reader" },
	{ "2", "rcu: cpu 1 is at, task long reader" },
};

/* RCU: a grace period that takes long says once who holds it up, and where that is, and ends. */
START_TEST(test_rcu_stall_names_the_reader)
{
	const char *report;

	run(VMM("-c", stalls[_i].cpus, program("rcu"), "--", "stall"), EXIT_STATUS_OK);
	ck_assert(is_in_backtrace(program("rcu"), stalls[_i].words, "hold_grace_period_up"));
	report = strstr(vmm.out.text, "rcu: a grace period is ");
	ck_assert_ptr_nonnull(report);
	ck_assert_ptr_null(strstr(report + 1, "rcu: a grace period is "));
	expect_out("the grace period ended");
}
END_TEST

static const struct {
	const char *name;
	const char *message;
} faults[] = {
	{ "fault_null", "null pointer" },
	{ "fault_stack", "kernel stack overflow" },
	{ "fault_text", "write" },
	{ "fault_data", "execut" },
};

/*
 * A bad access is named as what it is: null pointer, stack overflow, write to text, execution of
 * data.
 */
START_TEST(test_fault_access_is_named)
{
	run(VMM("-c", "1", program(faults[_i].name)), EXIT_STATUS_CRASHED);
	expect_out("panic on cpu 0");
	expect_out(faults[_i].message);
	expect_err("backtrace");
	expect_err("last trace records");
	expect_err("sched_switch");
}
END_TEST

/* The place of a preempt_disable() is reported by its name: a kernel's address, of 64 bits. */
START_TEST(test_fault_preempt_disable_is_named)
{
	run(VMM(program("fault_place")), EXIT_STATUS_CRASHED);
	expect_err("\n  preemption disabled at main+0x1\n");
}
END_TEST

/*
 * The loop would go on for ever: the limit ends it, and the report says where each cpu was. That
 * may be the loop or an interrupt on top of it; the task's bottom frame is there in any case.
 */
START_TEST(test_loop_in_kernel_ends_at_timeout)
{
	run(VMM("-t", "1", program("loop_kernel")), EXIT_STATUS_TIMEOUT);
	expect_err("vmm: timeout after 1 s");
	expect_err("vmm: cpu 0 at ");
	expect_err("task_entry");
	expect_err("vmm: cpu 1 at ");
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("guest");
	TCase *tests = tcase_create("guest");

	vmm_path = argc > 1 ? argv[1] : vmm_path;
	guest_path = argc > 2 ? argv[2] : guest_path;
	program_folder = argc > 3 ? argv[3] : program_folder;
	if (access("/dev/kvm", R_OK | W_OK) != 0) {
		printf("SKIP: no /dev/kvm here: the kernel was not run on KVM\n100%%: Checks: 0, "
		       "Failures: 0, Errors: 0\n");
		return 0;
	}
	tcase_set_timeout(tests, TEST_TIMEOUT_S);
	tcase_add_loop_test(tests, test_tour_any_machine_succeeds, 0, MACHINE_COUNT);
	tcase_add_loop_test(tests, test_tour_any_apic_and_timer_succeeds, 0, 4);
	tcase_add_loop_test(tests, test_tour_any_tick_succeeds, 0, 2);
	tcase_add_test(tests, test_tour_one_model_shows_only_that);
	tcase_add_loop_test(tests, test_boot_argument_bad_is_refused, 0, REFUSED_COUNT);
	tcase_add_test(tests, test_boot_argument_bad_after_good_is_refused);
	tcase_add_loop_test(tests, test_kernel_checks_from_inside_pass, 0, 3);
	tcase_add_loop_test(tests, test_points_follow_the_model, 0, 3);
	tcase_add_loop_test(tests, test_long_loop_delays_as_the_model_says, 0, 3);
	tcase_add_loop_test(tests, test_spinning_checks_from_inside_pass, 0, 3);
	tcase_add_loop_test(tests, test_interrupt_checks_from_inside_pass, 0, 3);
	tcase_add_loop_test(tests, test_vcpu_entries_from_inside_pass, 0, 3);
	tcase_add_loop_test(tests, test_kernel_checks_with_polling_idle_pass, 0, 3);
	tcase_add_loop_test(tests, test_storm_of_waits_ends, 0, 3);
	tcase_add_loop_test(tests, test_debug_kernel_checks_from_inside_pass, 0, 3);
	tcase_add_loop_test(tests, test_locks_under_load_add_up, 0, 12);
	tcase_add_loop_test(tests, test_storm_of_workers_passes, 0, 3);
	tcase_add_loop_test(tests, test_nmis_checks_from_inside_pass, 0, 3);
	tcase_add_test(tests, test_user_registers_survive_nmis);
	tcase_add_test(tests, test_vcpu_registers_survive_nmis);
	tcase_add_test(tests, test_vcpu_payloads_at_random_are_harmless);
	tcase_add_test(tests, test_watchdog_endless_loop_is_reported);
	tcase_add_test(tests, test_watchdog_preempted_loop_is_no_lockup);
	tcase_add_loop_test(tests, test_watchdog_hard_lockup_is_a_panic, 0, 3);
	tcase_add_loop_test(tests, test_watchdog_computing_cpus_are_healthy, 0, 3);
	tcase_add_loop_test(tests, test_storm_of_softirqs_passes, 0, 3);
	tcase_add_loop_test(tests, test_storm_of_notifiers_passes, 0, 3);
	tcase_add_test(tests, test_everything_at_once_passes);
	tcase_add_test(tests, test_panic_tells_of_the_other_cpus);
	tcase_add_test(tests, test_fault_assertion_is_reported);
	tcase_add_test(tests, test_fault_scheduling_while_atomic_is_reported);
	tcase_add_loop_test(tests, test_debug_fault_is_reported_with_its_leaker, 0,
	                    DEBUG_FAULT_COUNT);
	tcase_add_loop_test(tests, test_rcu_readers_see_no_freed_memory, 0, 3);
	tcase_add_loop_test(tests, test_user_programs_run_and_fail_alone, 0, 3);
	tcase_add_test(tests, test_user_modules_are_run);
	tcase_add_test(tests, test_user_modules_bad_are_refused);
	tcase_add_loop_test(tests, test_vcpu_payloads_check_themselves, 0, 3);
	tcase_add_loop_test(tests, test_vcpu_storms_add_up, 0, STORM_COUNT);
	tcase_add_test(tests, test_vcpu_crowd_ends);
	tcase_add_loop_test(tests, test_vcpu_modules_are_run, 0, 2);
	tcase_add_test(tests, test_fault_in_interrupt_shows_what_it_interrupted);
	tcase_add_test(tests, test_fault_irq_stack_overflow_is_named);
	tcase_add_loop_test(tests, test_rcu_stall_names_the_reader, 0, 2);
	tcase_add_loop_test(tests, test_injected_errors_reach_their_vcpus, 0, ERROR_COUNT);
	tcase_add_loop_test(tests, test_injected_fatal_error_is_a_panic, 0, ERROR_COUNT);
	tcase_add_loop_test(tests, test_fault_access_is_named, 0, 4);
	tcase_add_test(tests, test_fault_preempt_disable_is_named);
	tcase_add_test(tests, test_loop_in_kernel_ends_at_timeout);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
