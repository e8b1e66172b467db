// SPDX-License-Identifier: ISC
/*
 * The same image under another machine: QEMU's TCG, which translates instead of virtualizing, with
 * and without the device tree that our VMM would give.
 *
 * qemu_test [VMM [GUEST.ELF [FOLDER OF PROGRAMS [FOLDER FOR FILES]]]]
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/scenario_abi.h"
#include "tests/scenario/spawn.h"
#include "tests/scenario/tour_expect.h"
#include "tests/unit/suite.h"

#define QEMU           "/usr/bin/qemu-system-x86_64"
#define TEST_TIMEOUT_S 180
#define WORDS_MAX      32

static const char *vmm_path = "build/vmm";
static const char *guest_path = "build/guest.elf";
static const char *program_folder = "build/scenario";
static const char *file_folder = "build/test";

static const char *memory = "32"; /* MiB; a test that changes it is a process of its own */

static struct spawn qemu; /* too large for a stack */

/* isa-debug-exit makes 2 * status + 1 of a status. */
#define QEMU_STATUS(status) (2 * (status) + 1)

struct machine {
	const char *type;
	const char *cpus;
	bool has_tree;
	const char *bootargs;
};

/* What the VMM would pass to a machine of so many cpus. */
static const char *
dump_tree(const char *cpus)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/guest-%s-%d.dtb", file_folder, cpus, getpid());
	spawn_run(&qemu, (const char *const[]){ vmm_path, "-c", cpus, "--dump-dtb", path,
	                                        guest_path, NULL });
	ck_assert_int_eq(qemu.status, 0);
	return path;
}

/* cpu: its model. */
static void
boot_cpu(const char *cpu, const struct machine *machine, const char *image)
{
	const char *tree = machine->has_tree ? dump_tree(machine->cpus) : NULL;
	const char *argv[WORDS_MAX] = {
		QEMU,          "-accel",
		"tcg",         "-M",
		machine->type, "-smp",
		machine->cpus, "-m",
		memory,        "-display",
		"none",        "-serial",
		"stdio",       "-no-reboot",
		"-device",     "isa-debug-exit,iobase=0xf4,iosize=4",
		"-append",     machine->bootargs,
		"-kernel",     image,
		"-cpu",        cpu,
	};

	if (tree != NULL) {
		argv[22] = "-initrd";
		argv[23] = tree;
	}
	spawn_run(&qemu, argv);
	if (tree != NULL) {
		unlink(tree);
	}
}

static void
boot(const struct machine *machine, const char *image)
{
	boot_cpu("qemu64", machine, image);
}

static void
expect_status(int status)
{
	ck_assert_msg(qemu.status == QEMU_STATUS(status),
	              "status %d, not %d\n--- stdout:\n%.6000s\n--- stderr:\n%.2000s", qemu.status,
	              QEMU_STATUS(status), qemu.out.text, qemu.err.text);
}

static const struct machine machines[] = {
	{ "pc", "1", false, "" },  { "pc", "1", true, "" },      { "pc", "2", false, "" },
	{ "pc", "2", true, "" },   { "pc", "4", false, "" },     { "pc", "4", true, "" },
	{ "q35", "2", false, "" }, { "microvm", "2", true, "" }, { "pc", "8", false, "hz=1000" },
};

#define MACHINE_COUNT (int)(sizeof(machines) / sizeof(machines[0]))

/* P13 (every): the tour holds under TCG on 1, 2, 4 and 8 cpus, with and without a tree. */
START_TEST(test_qemu_tour_succeeds)
{
	boot(&machines[_i], guest_path);
	expect_status(EXIT_STATUS_OK);
	tour_expect(qemu.out.text, machines[_i].cpus[0] != '1');
}
END_TEST

static const char *const programs[] = {
	"kernel",    "kernel-debug", "spinning",   "interrupts", "interrupts-debug", "points",
	"long_loop", "user",         "user-debug", "vcpu_entry", "vcpu_entry-debug",
};

#define PROGRAM_COUNT (int)(sizeof(programs) / sizeof(programs[0]))

/* The kernel's checks from inside hold under TCG as under KVM. */
START_TEST(test_qemu_kernel_checks_pass)
{
	const struct machine machine = { "pc", _i % 2 == 0 ? "1" : "4", false, "" };
	char image[4096];

	snprintf(image, sizeof(image), "%s/%s.elf", program_folder, programs[_i / 2]);
	boot(&machine, image);
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, "0 failures"), NULL);
}
END_TEST

/* Without our VMM: NMIs of the cpu's own, and machine checks in name only. */
#define ERRORS                                                                              \
	" inject=nmi@exit=300 inject=nmi@exit=301 inject=mce@exit=340 inject=nmi@exit=420 " \
	"-- 3 1"

static const struct load {
	const char *program;
	struct machine machine;
	const char *says;
} loads[] = {
	{ "locks", { "pc", "1", false, "-- all 3 2 2000" }, "\n3 locks, 0 failures\n" },
	{ "locks", { "pc", "2", false, "-- all 3 2 1000" }, "\n3 locks, 0 failures\n" },
	{ "locks", { "pc", "4", false, "-- all 3 2 500" }, "\n3 locks, 0 failures\n" },
	{ "waiting", { "pc", "1", false, "" }, "PASS nobody sleeps uninterruptibly" },
	{ "waiting", { "pc", "2", false, "" }, "PASS nobody sleeps uninterruptibly" },
	{ "waiting", { "pc", "4", false, "" }, "PASS nobody sleeps uninterruptibly" },
	{ "rcu", { "pc", "1", false, "" }, "PASS readers see no freed memory" },
	{ "rcu", { "pc", "2", false, "" }, "PASS readers see no freed memory" },
	{ "rcu", { "pc", "4", false, "" }, "PASS readers see no freed memory" },
	{ "watchdog",
	  { "pc", "2", false, "preempt=none softlockup_ticks=20 -- spin" },
	  "soft lockup: spinner" },
	{ "watchdog",
	  { "pc", "2", false, "preempt=full softlockup_ticks=20 -- spin" },
	  "another task ran meanwhile" },
	{ "nmis", { "pc", "1", false, "" }, "\n0 failures\n" },
	{ "nmis", { "pc", "2", false, "" }, "\n0 failures\n" },
	{ "nmis", { "pc", "4", false, "" }, "\n0 failures\n" },
	{ "softirqs", { "pc", "1", false, "preempt=none" }, "\n0 failures\n" },
	{ "softirqs", { "pc", "2", false, "preempt=voluntary" }, "\n0 failures\n" },
	{ "softirqs", { "pc", "4", false, "" }, "\n0 failures\n" },
	{ "notifiers", { "pc", "1", false, "-- 1 1000" }, "\n0 failures\n" },
	{ "notifiers", { "pc", "2", false, "-- 2 300 1" }, "\n0 failures\n" },
	{ "notifiers", { "pc", "4", false, "-- 3 200 1" }, "\n0 failures\n" },
	{ "notifiers-debug", { "pc", "4", false, "-- 4 100 1" }, "\n0 failures\n" },
	{ "user", { "pc", "2", false, "" }, "general protection fault at the return to rip" },
	{ "user_nmis", { "pc", "4", false, "-- 2000" }, "\n0 failures\n" },
	{ "everything", { "pc", "4", false, "-- 1 20000" }, "\n0 failures\n" },
	{ "everything-debug", { "pc", "2", false, "-- 2 20000" }, "\n0 failures\n" },
	{ "everything-debug", { "pc", "4", false, "-- 3 20000" }, "\n0 failures\n" },
	{ "interrupts", { "pc", "1", false, "-- spurious" }, ": nobody cared. Its handlers:" },
	{ "interrupts", { "pc", "4", false, "threadirqs" }, "\n0 failures\n" },
	{ "vcpu_random", { "pc", "1", false, "-- 1000 2" }, "\n0 failures\n" },
	{ "vcpu", { "pc", "1", false, "-- check 4 3 100" }, "\n0 failures\n" },
	{ "vcpu", { "pc", "2", false, "-- check 4 3 100" }, "\n0 failures\n" },
	{ "vcpu", { "pc", "4", false, "-- check 1 3 100" }, "\n0 failures\n" },
	{ "vcpu", { "pc", "4", false, "preempt=full -- check 64 2 8" }, "\n0 failures\n" },
	{ "vcpu-debug", { "pc", "2", false, "-- check 4 2 50" }, "\n0 failures\n" },
	{ "vcpu_storm", { "pc", "1", false, "-- all 1 3000" }, "\n0 failures\n" },
	{ "vcpu_storm", { "pc", "2", false, "-- sums 5000 1" }, "\n0 failures\n" },
	{ "vcpu_storm", { "pc", "2", false, "-- all 2 800" }, "\n0 failures\n" },
	{ "vcpu_storm", { "pc", "4", false, "-- all 3 400" }, "\n0 failures\n" },
	{ "vcpu_storm-debug", { "pc", "2", false, "-- all 4 400" }, "\n0 failures\n" },
	{ "vcpu_inject",
	  { "pc", "1", false, "early=irqs-on" ERRORS },
	  "\n3 NMIs, 1 machine checks\n" },
	{ "vcpu_inject",
	  { "pc", "1", false, "early=irqs-off" ERRORS },
	  "\n3 NMIs, 1 machine checks\n" },
	{ "vcpu_inject",
	  { "pc", "2", false, "early=irqs-on" ERRORS },
	  "\n3 NMIs, 1 machine checks\n" },
	{ "vcpu_inject",
	  { "pc", "2", false, "early=irqs-off" ERRORS },
	  "\n3 NMIs, 1 machine checks\n" },
	{ "vcpu_inject",
	  { "pc", "4", false, "early=irqs-on" ERRORS },
	  "\n3 NMIs, 1 machine checks\n" },
	{ "vcpu_inject",
	  { "pc", "4", false, "early=irqs-off" ERRORS },
	  "\n3 NMIs, 1 machine checks\n" },
};

#define LOAD_COUNT (int)(sizeof(loads) / sizeof(loads[0]))

/*
 * P21, P32, P39, P41, P45, P48-P51, P53, P55, P58 (every): what is under load adds up under TCG,
 * whose cpus run at the same time.
 */
START_TEST(test_qemu_load_adds_up)
{
	char image[4096];

	snprintf(image, sizeof(image), "%s/%s.elf", program_folder, loads[_i].program);
	boot(&loads[_i].machine, image);
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, loads[_i].says), NULL);
}
END_TEST

/* Ring 3 may use what a newer cpu has, and keeps it as its own. */
START_TEST(test_qemu_user_has_segment_bases)
{
	const struct machine machine = { "pc", "2", false, "" };
	char image[4096];

	snprintf(image, sizeof(image), "%s/user.elf", program_folder);
	boot_cpu("max", &machine, image);
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, "PASS segment bases are each task's own"), NULL);
}
END_TEST

/* P55 (every): a thousand vcpus on four cpus all come to their end. */
START_TEST(test_qemu_vcpu_crowd_ends)
{
	const struct machine machine = { "pc", "4", false, "-- crowd 1000" };
	char image[4096];

	memory = "256";
	snprintf(image, sizeof(image), "%s/vcpu.elf", program_folder);
	boot(&machine, image);
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, "1000 vcpus, "), NULL);
}
END_TEST

/* P27: interrupts that are off for good are a hard lockup, and the other cpus are told of. */
START_TEST(test_qemu_hard_lockup_is_a_panic)
{
	const struct machine machine = { "pc", _i == 0 ? "2" : "4", false,
		                         "nmi_watchdog=1 -- hang-nmi" };
	char image[4096];

	snprintf(image, sizeof(image), "%s/watchdog.elf", program_folder);
	boot(&machine, image);
	expect_status(EXIT_STATUS_CRASHED);
	ck_assert_ptr_ne(strstr(qemu.out.text, "hard lockup: no timer interrupt since"), NULL);
	ck_assert_ptr_ne(strstr(qemu.out.text, "\ncpu 0: "), NULL);
}
END_TEST

/* Boots an image where each instruction takes 2^shift ns. */
static void
boot_counted(const char *shift, const char *image)
{
	char icount[64];

	snprintf(icount, sizeof(icount), "shift=%s,sleep=off", shift);
	spawn_run(&qemu, (const char *const[]){
				 QEMU, "-accel", "tcg", "-icount", icount, "-m", "32", "-display",
				 "none", "-serial", "stdio", "-no-reboot", "-device",
				 "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", image, NULL });
}

/*
 * P13 (every): the tour's interrupt hits what it is to hit on a machine that is slower than the
 * interrupt is late, too.
 */
START_TEST(test_qemu_tour_succeeds_on_a_slow_machine)
{
	static const char *const shifts[] = { "0", "8", "9", "10" };
	char image[4096];

	snprintf(image, sizeof(image), "%s/../guest-debug.elf", program_folder);
	boot_counted(shifts[_i], image);
	expect_status(EXIT_STATUS_OK);
	tour_expect(qemu.out.text, false);
}
END_TEST

/*
 * P6, P32, P33, P39 (every): an interrupt at every instruction of a window loses nothing. -icount
 * makes a nanosecond an instruction, so the program's sweep leaves none out.
 */
START_TEST(test_qemu_sweep_passes)
{
	char image[4096];

	snprintf(image, sizeof(image), "%s/sweep.elf", program_folder);
	boot_counted("0", image);
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, "all sweeps passed"), NULL);
}
END_TEST

/* One cpu, where each instruction takes a nanosecond, and the program is told so. */
static void
boot_swept(const char *image, const char *words)
{
	spawn_run(&qemu, (const char *const[]){ QEMU,
	                                        "-accel",
	                                        "tcg",
	                                        "-icount",
	                                        "shift=0,sleep=off",
	                                        "-cpu",
	                                        "max",
	                                        "-m",
	                                        "32",
	                                        "-display",
	                                        "none",
	                                        "-serial",
	                                        "stdio",
	                                        "-no-reboot",
	                                        "-device",
	                                        "isa-debug-exit,iobase=0xf4,iosize=4",
	                                        "-append",
	                                        words,
	                                        "-kernel",
	                                        image,
	                                        NULL });
}

/*
 * P45: an NMI before and behind every SWAPGS, in every way into the kernel from ring 3 and back,
 * costs no register of user code. Each comes a nanosecond sooner than the one before; the program
 * fails if a place was never hit.
 */
START_TEST(test_qemu_nmis_on_ways_from_ring_3_pass)
{
	char image[4096];

	snprintf(image, sizeof(image), "%s/user_nmis.elf", program_folder);
	boot_swept(image, "-- 20000 1");
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, "PASS an NMI came before and behind every SWAPGS"),
	                 NULL);
}
END_TEST

/*
 * P45, P53: an NMI at every instruction of a vcpu's way into its guest and out, for each sort of
 * exit, is the guest's early fault, told once, and costs it no register. The program fails if an
 * instruction was never hit.
 */
START_TEST(test_qemu_nmis_on_ways_of_vcpus_pass)
{
	char image[4096];

	snprintf(image, sizeof(image), "%s/vcpu_nmis.elf", program_folder);
	boot_swept(image, "-- 1");
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_ne(strstr(qemu.out.text, "PASS an NMI came at every place"), NULL);
}
END_TEST

/* The shell works over a serial line: it answers, switches the model, and ends with its status. */
START_TEST(test_qemu_shell_answers)
{
	static const char session[] = "preempt voluntary\rpreempt\rsit\rexit 5\r";

	spawn_start(&qemu, NULL,
	            (const char *const[]){ QEMU, "-accel", "tcg", "-smp", "2", "-m", "32",
	                                   "-display", "none", "-serial", "stdio", "-no-reboot",
	                                   "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
	                                   "-append", "scenario=shell", "-kernel", guest_path,
	                                   NULL });
	spawn_expect(&qemu, &qemu.out, "\n> ");
	spawn_send(&qemu, session, sizeof(session) - 1);
	spawn_finish(&qemu);
	spawn_close(&qemu);
	expect_status(5);
	ck_assert_ptr_ne(strstr(qemu.out.text, "\n> preempt voluntary\n> preempt\n"
	                                       "none (voluntary) full lazy\n> sit\n"
	                                       "shell: 'sit': unknown."),
	                 NULL);
}
END_TEST

/* A bad boot argument is answered and ends with status 64 there too: never a hang. */
START_TEST(test_qemu_bad_boot_argument_is_refused)
{
	const struct machine machine = { "pc", "1", false, "preempt=soon" };

	boot(&machine, guest_path);
	expect_status(EXIT_STATUS_USAGE);
	ck_assert_ptr_ne(strstr(qemu.out.text, "preempt='soon': must be"), NULL);
}
END_TEST

/* What this cpu lacks is refused by name: TCG has no x2APIC and no TSC deadline. */
START_TEST(test_qemu_missing_feature_is_refused)
{
	static const char *const words[] = { "apic=x2apic", "timer=tsc-deadline" };
	const struct machine machine = { "pc", "1", false, words[_i] };

	boot(&machine, guest_path);
	expect_status(EXIT_STATUS_USAGE);
	ck_assert_ptr_ne(strstr(qemu.out.text, words[_i]), NULL);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("qemu");
	TCase *tests = tcase_create("qemu");

	vmm_path = argc > 1 ? argv[1] : vmm_path;
	guest_path = argc > 2 ? argv[2] : guest_path;
	program_folder = argc > 3 ? argv[3] : program_folder;
	file_folder = argc > 4 ? argv[4] : file_folder;
	if (access(QEMU, X_OK) != 0) {
		printf("SKIP: no " QEMU ": the image was not run under QEMU\n"
		       "100%%: Checks: 0, Failures: 0, Errors: 0\n");
		return 0;
	}
	tcase_set_timeout(tests, TEST_TIMEOUT_S);
	tcase_add_loop_test(tests, test_qemu_tour_succeeds, 0, MACHINE_COUNT);
	tcase_add_loop_test(tests, test_qemu_kernel_checks_pass, 0, 2 * PROGRAM_COUNT);
	tcase_add_loop_test(tests, test_qemu_load_adds_up, 0, LOAD_COUNT);
	tcase_add_test(tests, test_qemu_user_has_segment_bases);
	tcase_add_loop_test(tests, test_qemu_tour_succeeds_on_a_slow_machine, 0, 4);
	tcase_add_test(tests, test_qemu_vcpu_crowd_ends);
	tcase_add_loop_test(tests, test_qemu_hard_lockup_is_a_panic, 0, 2);
	tcase_add_test(tests, test_qemu_sweep_passes);
	tcase_add_test(tests, test_qemu_nmis_on_ways_from_ring_3_pass);
	tcase_add_test(tests, test_qemu_nmis_on_ways_of_vcpus_pass);
	tcase_add_test(tests, test_qemu_shell_answers);
	tcase_add_test(tests, test_qemu_bad_boot_argument_is_refused);
	tcase_add_loop_test(tests, test_qemu_missing_feature_is_refused, 0, 2);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
