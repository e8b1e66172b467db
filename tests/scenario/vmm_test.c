// SPDX-License-Identifier: ISC
/*
 * The VMM from outside: every way a run can begin and end, as a user sees it. Spawns the real
 * program with the small guests of this folder and checks exit status and output.
 *
 * vmm_test [VMM [FOLDER OF GUESTS]]; by default build/vmm and build/scenario.
 */
#define _GNU_SOURCE /* unshare */
#include "vmm/uart.h"

#include "tests/scenario/pvh.h"
#include "tests/scenario/spawn.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define AGREE(a, b) _Static_assert((a) == (b), #a " in pvh.h and in its header")
AGREE(PORT_UART, UART_PORT);
AGREE(PORT_ID, DOORBELL_PORT + DOORBELL_ID);
AGREE(PORT_EXIT, DOORBELL_PORT + DOORBELL_EXIT);
AGREE(PORT_CONSOLE, DOORBELL_PORT + DOORBELL_CONSOLE);
AGREE(PORT_PANIC, DOORBELL_PORT + DOORBELL_PANIC);
AGREE(PORT_EVENT, DOORBELL_PORT + DOORBELL_EVENT);
AGREE(PORT_INJECT, DOORBELL_PORT + DOORBELL_INJECT);
AGREE(INFO_CMDLINE, offsetof(struct pvh_start_info, cmdline));
AGREE(INFO_MEMMAP, offsetof(struct pvh_start_info, memmap));
AGREE(INFO_MEMMAP_COUNT, offsetof(struct pvh_start_info, memmap_count));
AGREE(MEMMAP_ADDR, offsetof(struct pvh_memmap_entry, addr));
AGREE(MEMMAP_SIZE, offsetof(struct pvh_memmap_entry, size));
AGREE(MEMMAP_TYPE, offsetof(struct pvh_memmap_entry, type));
AGREE(MEMMAP_NEXT, sizeof(struct pvh_memmap_entry));
AGREE(MEMMAP_RESERVED, PVH_MEM_RESERVED);
AGREE(RING_REGION_SIZE, CONSOLE_REGION_SIZE);
AGREE(RING_HEAD, offsetof(struct console_ring, head));
AGREE(RING_TAIL, offsetof(struct console_ring, tail));
AGREE(RING_SIZE, offsetof(struct console_ring, size));
AGREE(RING_DATA, offsetof(struct console_ring, data));

#define TEST_TIMEOUT_S 180 /* of the runner, behind the deadline of spawn.h */
#define WORDS_MAX      16

static const char *vmm_path = "build/vmm";
static const char *guest_folder = "build/scenario";

static struct spawn vmm; /* too large for a stack */

/* The path of a guest; good until the next call but one. */
static const char *
guest(const char *name)
{
	static char paths[2][4096];
	static unsigned int turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s.elf", guest_folder, name);
	return path;
}

/* The arguments after the program's name, as a NULL-terminated argv. */
#define VMM(...) ((const char *const[WORDS_MAX]){ vmm_path, __VA_ARGS__, NULL })

static void
expect_status(int status)
{
	if (vmm.status != status) {
		ck_abort_msg("status %d, not %d\n--- stdout:\n%.1000s\n--- stderr:\n%.4000s",
		             vmm.status, status, vmm.out.text, vmm.err.text);
	}
}

static void
expect_in_stderr(const char *text)
{
	if (strstr(vmm.err.text, text) == NULL) {
		ck_abort_msg("no \"%s\" in stderr:\n%.4000s", text, vmm.err.text);
	}
}

static void
expect_one_line_of_stderr(void)
{
	const char *end = strchr(vmm.err.text, '\n');

	ck_assert_ptr_nonnull(end);
	ck_assert_msg(end[1] == '\0', "more than a line:\n%s", vmm.err.text);
	ck_assert_int_eq(strncmp(vmm.err.text, "vmm: ", 5), 0);
}

/* Runs to the end and expects the status and a single line that contains the text. */
static void
expect_refusal(const char *const *argv, int status, const char *text)
{
	spawn_run(&vmm, argv);
	expect_status(status);
	expect_in_stderr(text);
	expect_one_line_of_stderr();
	ck_assert_str_eq(vmm.out.text, "");
}

static const char *
temporary_file(const void *bytes, size_t size)
{
	static char path[64];
	int fd;

	strcpy(path, "/tmp/vmm_test.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), size);
	close(fd);
	return path;
}

/* ---- what is refused before the guest runs ---- */

/* Wrong words on the command line are usage errors: 64. */
START_TEST(test_vmm_usage_error_is_64)
{
	spawn_run(&vmm, (const char *const[]){ vmm_path, NULL });
	expect_status(EXIT_STATUS_USAGE);
	spawn_run(&vmm, VMM("--no-such-option", guest("hello_uart")));
	expect_status(EXIT_STATUS_USAGE);
	spawn_run(&vmm, VMM("-c", "0", guest("hello_uart")));
	expect_status(EXIT_STATUS_USAGE);
}
END_TEST

/* Who asks for help gets it on stdout, and no run: 0. */
START_TEST(test_vmm_help_is_0)
{
	spawn_run(&vmm, VMM("--help", guest("hello_uart")));
	expect_status(EXIT_STATUS_OK);
	ck_assert_ptr_nonnull(strstr(vmm.out.text, "--module"));
	ck_assert_str_eq(vmm.err.text, "");
}
END_TEST

/* A file that is no image is named with what is wrong: 65. So is an empty one. */
START_TEST(test_vmm_bad_image_is_65)
{
	const char *path = temporary_file("#!/bin/sh\n", 10);

	expect_refusal(VMM(path), EXIT_STATUS_BAD_IMAGE, path);
	unlink(path);
	path = temporary_file("", 0);
	expect_refusal(VMM(path), EXIT_STATUS_BAD_IMAGE, path);
	unlink(path);
}
END_TEST

/* A file that cannot be read is named with the reason: 66. Images, modules, folders, FIFOs. */
START_TEST(test_vmm_unreadable_input_is_66)
{
	char fifo[] = "/tmp/vmm_test.fifo.XXXXXX";

	expect_refusal(VMM("/no/such.elf"), EXIT_STATUS_NO_INPUT, "/no/such.elf: No such file");
	expect_refusal(VMM("/tmp"), EXIT_STATUS_NO_INPUT, "/tmp: not a regular file");
	expect_refusal(VMM("--module", "/no/module", guest("hello_uart")), EXIT_STATUS_NO_INPUT,
	               "/no/module: No such file");
	ck_assert_ptr_nonnull(mkdtemp(fifo));
	rmdir(fifo);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	expect_refusal(VMM(fifo), EXIT_STATUS_NO_INPUT, "not a regular file");
	unlink(fifo);
}
END_TEST

/*
 * A module that does not fit is named with its size and the memory's: 64; one that fits is no
 * matter.
 */
START_TEST(test_vmm_module_too_large_is_64)
{
	static char bytes[5 << 20];
	const char *path = temporary_file(bytes, sizeof(bytes));

	expect_refusal(VMM("-m", "4M", "--module", path, guest("hello_uart")), EXIT_STATUS_USAGE,
	               "5242880 bytes do not fit into the 4 MiB");
	spawn_run(&vmm, VMM("-m", "8M", "--module", path, guest("hello_uart")));
	expect_status(7);
	unlink(path);
}
END_TEST

/* Steps into a mount namespace of our own, where /dev/kvm can be anything. */
static void
own_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		_exit(SPAWN_SKIP);
	}
}

static void
hide_kvm(void)
{
	own_mounts();
	if (mount("none", "/dev", "tmpfs", 0, NULL) != 0) {
		_exit(SPAWN_SKIP);
	}
}

static void
fake_kvm(void)
{
	int fd;

	hide_kvm();
	fd = open("/dev/kvm", O_CREAT | O_WRONLY, 0600);
	if (fd < 0) {
		_exit(SPAWN_SKIP);
	}
	close(fd);
}

static void
forbid_kvm(void)
{
	const uid_t nobody = 65534;

	fake_kvm();
	if (setgid(nobody) != 0 || setuid(nobody) != 0 || access(vmm_path, X_OK) != 0 ||
	    access(guest_folder, X_OK) != 0) {
		_exit(SPAWN_SKIP);
	}
}

/* True, and loud, if the host does not let us set the scene. */
static bool
is_skipped(const char *what)
{
	if (vmm.status == SPAWN_SKIP) {
		fprintf(stderr, "SKIP %s: needs root, mount namespaces, a readable build\n", what);
	}
	return vmm.status == SPAWN_SKIP;
}

static const struct {
	void (*prepare)(void);
	const char *name;
	const char *text;
} without_kvm[] = {
	{ hide_kvm, "without /dev/kvm", "load a KVM module" },
	{ fake_kvm, "with a /dev/kvm that is not KVM", "is not KVM" },
	{ forbid_kvm, "without permission for /dev/kvm", "join its group" },
};

/* Without a usable KVM: 69, and one line that says what to do about it. In a mount namespace. */
START_TEST(test_vmm_without_kvm_is_69)
{
	const struct spawn_options options = { .prepare = without_kvm[_i].prepare };

	spawn_start(&vmm, &options, VMM(guest("hello_uart")));
	spawn_finish(&vmm);
	if (is_skipped(without_kvm[_i].name)) {
		return;
	}
	expect_status(EXIT_STATUS_NO_KVM);
	expect_in_stderr(without_kvm[_i].text);
	expect_one_line_of_stderr();
}
END_TEST

#define DESCRIPTORS_MAX 40

static rlim_t descriptors;

/* The soft limit only: what hurts is the VMM. */
static void
have_few_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = descriptors;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * Too few descriptors, whatever is the first that is missing: one line that names it, and a status
 * that says whose fault it is; one more each time, until there are enough.
 */
START_TEST(test_vmm_few_descriptors_are_refused)
{
	const struct spawn_options options = { .prepare = have_few_descriptors };
	unsigned int refused = 0;

	for (descriptors = 4; descriptors < DESCRIPTORS_MAX; descriptors++) {
		spawn_start(&vmm, &options, VMM("-c", "2", guest("hello_uart")));
		spawn_finish(&vmm);
		spawn_close(&vmm);
		if (vmm.status == 7) {
			break;
		}
		if (vmm.status == 127) { /* not enough for the dynamic linker */
			continue;
		}
		ck_assert(vmm.status == EXIT_STATUS_NO_INPUT || vmm.status == EXIT_STATUS_NO_KVM ||
		          vmm.status == EXIT_STATUS_OS);
		expect_in_stderr(": Too many open files\n");
		expect_one_line_of_stderr();
		refused++;
	}
	ck_assert_uint_lt(descriptors, DESCRIPTORS_MAX);
	ck_assert_uint_ge(refused, 4); /* a VM, two cpus, what it waits on */
}
END_TEST

static void
have_little_memory(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 1ull << 30;
	setrlimit(RLIMIT_AS, &limit);
}

/* More memory than the host gives is refused, with its size: 71. Of both ranges of memory. */
START_TEST(test_vmm_too_much_memory_is_71)
{
	static const char *const sizes[] = { "2G", "3200M" };
	const struct spawn_options options = { .prepare = have_little_memory };

	for (int i = 0; i < 2; i++) {
		spawn_start(&vmm, &options, VMM("-m", sizes[i], guest("hello_uart")));
		spawn_finish(&vmm);
		spawn_close(&vmm);
		expect_status(EXIT_STATUS_OS);
		expect_in_stderr(i == 0 ? "2048 MiB of guest memory" : "3200 MiB of guest memory");
		expect_one_line_of_stderr();
	}
}
END_TEST

/*
 * --dump-dtb writes a tree and does not run, with KVM and without; an image not ours has none: 65.
 */
START_TEST(test_vmm_dump_dtb_writes_tree)
{
	const struct spawn_options options = { .prepare = hide_kvm };
	static const uint8_t magic[] = { 0xd0, 0x0d, 0xfe, 0xed };
	const char *path = temporary_file("", 0);
	uint8_t bytes[4] = { 0 };
	int fd;

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(truncate(path, 0), 0);
		spawn_start(&vmm, i == 0 ? NULL : &options,
		            VMM("--dump-dtb", path, guest("triple_fault")));
		spawn_finish(&vmm);
		spawn_close(&vmm);
		if (is_skipped("--dump-dtb without /dev/kvm")) {
			break;
		}
		expect_status(EXIT_STATUS_OK);
		ck_assert_str_eq(vmm.err.text, "");
		fd = open(path, O_RDONLY);
		ck_assert_int_eq(read(fd, bytes, 4), 4);
		ck_assert_mem_eq(bytes, magic, 4);
		close(fd);
	}
	expect_refusal(VMM("--dump-dtb", path, guest("hello_uart")), EXIT_STATUS_BAD_IMAGE,
	               "gets no device tree");
	expect_refusal(VMM("--dump-dtb", "/no/such/folder", guest("triple_fault")),
	               EXIT_STATUS_CANT_CREATE, "/no/such/folder");
	expect_refusal(VMM("--dump-dtb", "/dev/full", guest("triple_fault")),
	               EXIT_STATUS_CANT_CREATE, "/dev/full: No space left");
	unlink(path);
}
END_TEST

/* ---- how a guest ends the run ---- */

/* The doorbell's status is the process's, and the UART's bytes are stdout, byte for byte. */
START_TEST(test_vmm_guest_exit_status_is_ours)
{
	spawn_run(&vmm, VMM(guest("hello_uart")));
	expect_status(7);
	ck_assert_str_eq(vmm.out.text, "hello from the uart\n");
	ck_assert_str_eq(vmm.err.text, "");
}
END_TEST

/* -v says on stderr what was set up, and leaves stdout to the guest. */
START_TEST(test_vmm_verbose_speaks_on_stderr)
{
	spawn_run(&vmm, VMM("-v", guest("hello_uart")));
	expect_status(7);
	ck_assert_str_eq(vmm.out.text, "hello from the uart\n");
	expect_in_stderr("KVM_CAP_IRQCHIP");
	expect_in_stderr("0x000100000");
	expect_in_stderr("set up in");
}
END_TEST

/* -v says where modules lie, by their names. */
START_TEST(test_vmm_verbose_names_modules)
{
	const char *path = temporary_file("module", 6);

	spawn_run(&vmm, VMM("-v", "--module", path, guest("hello_uart")));
	unlink(path);
	expect_status(7);
	expect_in_stderr(path);
}
END_TEST

static void
expect_lines_of_100(void)
{
	for (const char *line = vmm.err.text; *line != '\0'; line += strcspn(line, "\n") + 1) {
		int width = (int)strcspn(line, "\n");

		ck_assert_msg(width <= 100, "too wide: %.*s", width, line);
	}
}

/*
 * A triple fault is a crash: 70, with its name, registers, a symbolized backtrace, the other cpus.
 */
START_TEST(test_vmm_triple_fault_is_reported)
{
	spawn_run(&vmm, VMM("-c", "2", guest("triple_fault")));
	expect_status(EXIT_STATUS_CRASHED);
	expect_in_stderr("vmm: guest crashed on cpu 0: KVM_EXIT_SHUTDOWN (triple fault)\n");
	expect_in_stderr("  fall+0x3\n");
	expect_in_stderr("  outer+0x");
	expect_in_stderr("  start+0x");
	expect_in_stderr("code 0f 0b");
	expect_in_stderr("cr0 0000000000000011");
	expect_in_stderr("vmm: cpu 1 waits for INIT-SIPI\n");
	expect_lines_of_100();
}
END_TEST

/* A panic: the last words first, then the report, with registers from after the OUT instruction. */
START_TEST(test_vmm_panic_is_reported_after_words)
{
	spawn_run(&vmm, VMM(guest("panic")));
	expect_status(EXIT_STATUS_CRASHED);
	ck_assert_str_eq(vmm.out.text, "words\n");
	expect_in_stderr("vmm: guest panic on cpu 0\n");
	expect_in_stderr("after_panic+0x0\n");
	expect_in_stderr("  preemption disabled at disabler+0x1\n");
	expect_in_stderr("rcx 0000000011223344");
	expect_lines_of_100();
}
END_TEST

/* An instruction that cannot even be fetched is KVM's internal error: 70, with the suberror. */
START_TEST(test_vmm_internal_error_is_reported)
{
	spawn_run(&vmm, VMM(guest("bad_fetch")));
	expect_status(EXIT_STATUS_CRASHED);
	expect_in_stderr("vmm: guest crashed on cpu 0: KVM_EXIT_");
	expect_in_stderr("0x00000000d0000000");
	expect_in_stderr("code cannot be read");
	expect_lines_of_100();
}
END_TEST

/* A reset by the keyboard controller ends the run in order: 0, and a line says so. */
START_TEST(test_vmm_guest_reset_is_0)
{
	spawn_run(&vmm, VMM(guest("reset")));
	expect_status(EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.err.text, "vmm: guest reset\n");
}
END_TEST

/*
 * Garbage to all 65,536 ports, in all widths around the devices, neither ends the run nor harms it.
 */
START_TEST(test_vmm_garbage_to_every_port_is_harmless)
{
	spawn_run(&vmm, VMM("-t", "60", guest("ports")));
	expect_status(EXIT_STATUS_OK);
}
END_TEST

/* String I/O of many elements is done element by element. */
START_TEST(test_vmm_string_io_is_complete)
{
	spawn_run(&vmm, VMM("-t", "5", guest("string_io")));
	expect_status(EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.out.text, "out of a string\n");
}
END_TEST

/* Memory that is not there reads as ones and loses writes. */
START_TEST(test_vmm_absent_memory_reads_ones)
{
	spawn_run(&vmm, VMM("-t", "5", guest("mmio")));
	expect_status(EXIT_STATUS_OK);
}
END_TEST

/* INIT-SIPI-SIPI starts all the others, each once, up to 64 cpus. The guest counts them. */
START_TEST(test_vmm_sipi_starts_every_cpu)
{
	static const uint32_t counts[] = { 1, 2, 3, 8, 64 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char cpus[8], others[2] = { (char)('0' + counts[i] - 1), '\0' };

		snprintf(cpus, sizeof(cpus), "%u", counts[i]);
		spawn_run(&vmm, VMM("-t", "15", "-c", cpus, guest("smp"), others));
		expect_status((int)counts[i] - 1);
	}
}
END_TEST

/* ---- console and input ---- */

/* A guest that dies without ringing loses nothing of a full ring. */
START_TEST(test_vmm_console_is_complete_after_crash)
{
	spawn_run(&vmm, VMM(guest("console_die")));
	expect_status(EXIT_STATUS_CRASHED);
	ck_assert_uint_eq(vmm.out.size, 4096);
	for (size_t i = 0; i < vmm.out.size; i++) {
		ck_assert_int_eq(vmm.out.text[i], 'a' + (int)(i % 16));
	}
}
END_TEST

/* The ring's bytes and the UART's come out in the order of their making. */
START_TEST(test_vmm_console_and_uart_keep_order)
{
	spawn_run(&vmm, VMM(guest("console_order")));
	expect_status(EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.out.text, "1234\n");
}
END_TEST

/* Lying heads and a scribbled header cost a warning, once, and not the run. */
START_TEST(test_vmm_console_lies_are_survived)
{
	spawn_run(&vmm, VMM(guest("console_lies")));
	expect_status(EXIT_STATUS_OK);
	expect_in_stderr("resynchronised");
	expect_one_line_of_stderr();
	ck_assert_uint_le(vmm.out.size, 7 * 4096);
}
END_TEST

static void
full_stdout(void)
{
	int fd = open("/dev/full", O_WRONLY);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		_exit(SPAWN_SKIP);
	}
}

/*
 * What a guest leaves in the ring comes out at its exit; if it cannot, success is not reported: 73.
 */
START_TEST(test_vmm_output_lost_at_exit_is_73)
{
	const struct spawn_options options = { .prepare = full_stdout };

	spawn_run(&vmm, VMM(guest("console_exit")));
	expect_status(EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.out.text, "ok\n");
	spawn_start(&vmm, &options, VMM(guest("console_exit")));
	spawn_finish(&vmm);
	expect_status(EXIT_STATUS_CANT_CREATE);
	expect_in_stderr("standard output: No space left");
	expect_one_line_of_stderr();
}
END_TEST

/* A reader of stdout that goes away ends the run in order, with the status of SIGPIPE. */
START_TEST(test_vmm_closed_stdout_ends_the_run)
{
	spawn_start(&vmm, NULL, VMM(guest("chatter")));
	spawn_expect(&vmm, &vmm.out, "chatter\n");
	close(vmm.out.fd);
	vmm.out.fd = -1;
	spawn_finish(&vmm);
	expect_status(128 + SIGPIPE);
	expect_one_line_of_stderr();
	expect_in_stderr("standard output: Broken pipe");
}
END_TEST

/*
 * A reader that sleeps holds up the guest, but neither the timeout nor a signal: not even if input
 * comes that the main thread wants to hand over to the device that waits.
 */
START_TEST(test_vmm_sleeping_reader_is_given_up)
{
	const struct spawn_options options = { .out_unread = true };

	spawn_start(&vmm, &options, VMM("-t", "0.5", guest("chatter")));
	spawn_expect_full(&vmm);
	spawn_send(&vmm, "x", 1);
	spawn_finish(&vmm);
	spawn_close(&vmm);
	expect_status(EXIT_STATUS_TIMEOUT);
	spawn_start(&vmm, &options, VMM(guest("chatter")));
	spawn_expect_full(&vmm);
	kill(vmm.pid, SIGTERM);
	spawn_finish(&vmm);
	expect_status(128 + SIGTERM);
}
END_TEST

static char line_in[3000], line_out[3000];

static void
fill_line(void)
{
	for (size_t i = 0; i + 1 < sizeof(line_in); i++) {
		line_in[i] = (char)('a' + i % 26);
		line_out[i] = (char)('A' + i % 26);
	}
	line_in[sizeof(line_in) - 1] = '\n';
	line_out[sizeof(line_out) - 1] = '\n';
}

/*
 * Three thousand bytes, most of them there before the guest looks, pass through a FIFO of sixteen.
 */
START_TEST(test_vmm_input_from_pipe_is_complete)
{
	fill_line();
	spawn_start(&vmm, NULL, VMM("-t", "15", guest("echo")));
	spawn_send(&vmm, line_in, sizeof(line_in));
	spawn_finish(&vmm);
	expect_status(EXIT_STATUS_OK);
	ck_assert_uint_eq(vmm.out.size, 1 + sizeof(line_out));
	ck_assert_int_eq(vmm.out.text[0], '?');
	ck_assert_mem_eq(vmm.out.text + 1, line_out, sizeof(line_out));
}
END_TEST

/* The receive interrupt arrives as IRQ 4. */
START_TEST(test_vmm_uart_interrupts_the_guest)
{
	spawn_start(&vmm, NULL, VMM("-t", "15", guest("uart_irq")));
	spawn_expect(&vmm, &vmm.out, "?");
	spawn_send(&vmm, "Z", 1);
	spawn_finish(&vmm);
	expect_status('Z');
}
END_TEST

/* ---- how we end the run ---- */

/* Endless loops, busy or halted, end at the timeout: 124, and where each cpu was. */
START_TEST(test_vmm_timeout_is_124)
{
	spawn_run(&vmm, VMM("-t", "0.2", guest("endless")));
	expect_status(EXIT_STATUS_TIMEOUT);
	ck_assert_str_eq(vmm.out.text, "!");
	expect_in_stderr("vmm: timeout after 0.2 s\n");
	expect_in_stderr("forever+0x0");
	expect_in_stderr("vmm: cpu 1 waits for INIT-SIPI\n");
	spawn_run(&vmm, VMM("-t", "0.2", guest("halt")));
	expect_status(EXIT_STATUS_TIMEOUT);
	expect_in_stderr("(halted)");
}
END_TEST

static const struct {
	int signal;
	const char *line;
} stops[] = {
	{ SIGINT, "vmm: stopped by SIGINT\n" },
	{ SIGTERM, "vmm: stopped by SIGTERM\n" },
	{ SIGHUP, "vmm: stopped by SIGHUP\n" },
	{ SIGQUIT, "vmm: stopped by SIGQUIT\n" },
};

/* A signal in the middle of a run stops it: 128 + its number, and one line. */
START_TEST(test_vmm_signal_stops_the_run)
{
	static const char *const guests[] = { "endless", "halt" };

	for (size_t i = 0; i < 2; i++) {
		spawn_start(&vmm, NULL, VMM(guest(guests[i])));
		spawn_expect(&vmm, &vmm.out, "!");
		kill(vmm.pid, stops[_i].signal);
		spawn_finish(&vmm);
		expect_status(128 + stops[_i].signal);
		ck_assert_str_eq(vmm.err.text, stops[_i].line);
	}
}
END_TEST

/*
 * A signal at any moment of the set-up stops it as well: each run is signalled after a little more
 * work of ours than the one before, until 20 were stopped in order. Before main() blocks it, the
 * signal itself kills, which is as good.
 */
START_TEST(test_vmm_signal_during_setup_stops)
{
	unsigned int blocked_count = 0;

	for (unsigned int i = 0; i < 300 && blocked_count < 20; i++) {
		spawn_start(&vmm, NULL, VMM(guest("endless")));
		for (volatile unsigned int work = 0; work < i * i * 2000; work++) {
			continue;
		}
		kill(vmm.pid, SIGTERM);
		spawn_finish(&vmm);
		spawn_close(&vmm);
		ck_assert_msg(vmm.status == 128 + SIGTERM || vmm.status == -SIGTERM,
		              "run %u ended with %d", i, vmm.status);
		blocked_count += vmm.status == 128 + SIGTERM ? 1 : 0;
	}
	ck_assert_uint_eq(blocked_count, 20);
}
END_TEST

static const struct {
	const char *guest;
	const char *keys; /* sent after the guest's first byte */
	int status;
} on_terminal[] = {
	{ "endless", "\x03", 128 + SIGINT }, { "endless", "\x1c", 128 + SIGQUIT },
	{ "echo", "Ok\n", EXIT_STATUS_OK },  { "endless", "", EXIT_STATUS_TIMEOUT },
	{ "chatter", "\x03", 128 + SIGINT },
};

static const char *
first_output(const char *name)
{
	return strcmp(name, "echo") == 0 ? "?" : strcmp(name, "chatter") == 0 ? "c" : "!";
}

/*
 * A terminal gives single keys while the guest runs and is as it was afterwards, however it ended.
 */
START_TEST(test_vmm_terminal_is_restored)
{
	const struct spawn_options options = { .has_terminal = true };
	static struct termios before, during, after; /* padding included */
	const char *keys = on_terminal[_i].keys;

	spawn_start(&vmm, &options,
	            VMM("-t", *keys == '\0' ? "0.3" : "15", guest(on_terminal[_i].guest)));
	spawn_expect(&vmm, &vmm.out, first_output(on_terminal[_i].guest));
	ck_assert_int_eq(tcgetattr(vmm.in_fd, &during), 0);
	ck_assert_uint_eq(during.c_lflag & (ICANON | ECHO), 0);
	ck_assert_uint_eq(during.c_lflag & ISIG, ISIG);
	spawn_send(&vmm, keys, strlen(keys));
	spawn_finish(&vmm);
	expect_status(on_terminal[_i].status);
	ck_assert_int_eq(tcgetattr(vmm.in_fd, &after), 0);
	/* A new terminal has the settings that ours had before. */
	spawn_close(&vmm);
	spawn_start(&vmm, &options, VMM("/no/such/image"));
	spawn_finish(&vmm);
	ck_assert_int_eq(tcgetattr(vmm.in_fd, &before), 0);
	ck_assert_uint_eq(before.c_lflag & ICANON, ICANON);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

/* A group of its own, which has a parent in its session: such a one can be stopped. */
static void
lead_group(void)
{
	setpgid(0, 0);
}

/* SIGTSTP stops the process as any other, and SIGCONT lets the guest go on where it was. */
START_TEST(test_vmm_stops_and_goes_on)
{
	const struct spawn_options options = { .prepare = lead_group };
	int status;

	spawn_start(&vmm, &options, VMM("-t", "15", guest("echo")));
	spawn_expect(&vmm, &vmm.out, "?");
	ck_assert_int_eq(kill(vmm.pid, SIGTSTP), 0);
	ck_assert_int_eq(waitpid(vmm.pid, &status, WUNTRACED), vmm.pid);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
	ck_assert_int_eq(kill(vmm.pid, SIGCONT), 0);
	spawn_send(&vmm, "Ok\n", 3);
	spawn_end_input(&vmm);
	spawn_finish(&vmm);
	expect_status(EXIT_STATUS_OK);
}
END_TEST

/* ---- events ---- */

/* SIGUSR1, any number of times, ends no run; that the guest takes no events is said once. */
START_TEST(test_vmm_event_without_listener_is_said_once)
{
	spawn_start(&vmm, NULL, VMM("-t", "15", guest("echo")));
	spawn_expect(&vmm, &vmm.out, "?");
	for (unsigned int i = 0; i < 100; i++) {
		kill(vmm.pid, SIGUSR1);
	}
	spawn_send(&vmm, "\n", 1);
	spawn_finish(&vmm);
	expect_status(EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.err.text, "vmm: SIGUSR1: this guest takes no events\n");
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

/* A guest that asks for nonsense gets no interrupt, keeps its event, and harms nobody. */
START_TEST(test_vmm_event_hostile_subscription_is_harmless)
{
	const struct spawn_options options = { .prepare = raise_before_exec };

	spawn_start(&vmm, &options, VMM("-t", "15", guest("events")));
	spawn_expect(&vmm, &vmm.out, "?");
	kill(vmm.pid, SIGUSR1);
	spawn_send(&vmm, "x", 1);
	spawn_finish(&vmm);
	expect_status(EXIT_STATUS_OK);
	ck_assert_str_eq(vmm.err.text, "");
}
END_TEST

/* ---- errors from outside ---- */

/*
 * Each ordered error comes once, right behind the OUT that asked for it; a guest that asks a
 * thousand times, for things that there are and for others, gets no more. inject.S counts.
 */
START_TEST(test_vmm_inject_each_order_comes_once)
{
	spawn_run(&vmm, VMM("-t", "15", guest("inject")));
	expect_status(0);
	spawn_run(&vmm, VMM("-t", "15", "--inject", "nmi@exit=5", guest("inject")));
	expect_status(1);
	spawn_run(&vmm, VMM("-t", "15", "--inject", "mce@exit=9", "--inject", "mce@exit=2",
	                    "--inject", "mce-fatal@exit=1", guest("inject")));
	expect_status(2 * 4 + 16);
	ck_assert_str_eq(vmm.err.text, "");
	spawn_run(&vmm, VMM("-t", "15", "--inject", "nmi@exit=1", "--inject", "mce@exit=2",
	                    "--inject", "mce-fatal@exit=3", guest("inject")));
	expect_status(1 + 4 + 16);
	ck_assert_str_eq(vmm.err.text, "");
}
END_TEST

/* An order that the guest never asked for is told at the end, and changes no status. */
START_TEST(test_vmm_inject_not_reached_is_said)
{
	spawn_run(&vmm, VMM("--inject", "mce-fatal@exit=007", "--inject", "nmi@exit=8",
	                    guest("hello_uart")));
	expect_status(7);
	ck_assert_str_eq(vmm.err.text,
	                 "vmm: --inject mce-fatal@exit=7: the guest has not come that far\n"
	                 "vmm: --inject nmi@exit=8: the guest has not come that far\n");
}
END_TEST

/* ---- hostile images ---- */

/* One damaged copy of a guest that works: cut off, or with some bits flipped in its headers. */
static const char *
damaged_guest(uint64_t seed)
{
	static uint8_t bytes[0x10000];
	struct random random = random_seeded(seed);
	int fd = open(guest("triple_fault"), O_RDONLY);
	ssize_t size = read(fd, bytes, sizeof(bytes));

	close(fd);
	ck_assert_int_gt(size, 0);
	if (seed % 5 == 0) {
		size = (ssize_t)random_below(&random, (size_t)size);
	} else {
		size_t flips = 1 + random_below(&random, 4);

		for (size_t i = 0; i < flips; i++) {
			/* The ELF header and three program headers. */
			uint8_t bit = (uint8_t)(1u << random_below(&random, 8));

			bytes[random_below(&random, 232)] ^= bit;
		}
	}
	return temporary_file(bytes, (size_t)size);
}

/*
 * 50 damaged copies: each is refused with one line, or runs to an end that the status table knows.
 */
START_TEST(test_vmm_damaged_image_has_defined_end)
{
	unsigned int refused_count = 0;

	for (uint64_t seed = 1; seed <= 50; seed++) {
		const char *path = damaged_guest(seed);

		spawn_run(&vmm, VMM("-t", "0.2", path));
		unlink(path);
		switch (vmm.status) {
		case EXIT_STATUS_BAD_IMAGE:
			expect_one_line_of_stderr();
			refused_count++;
			break;
		case EXIT_STATUS_CRASHED:
		case EXIT_STATUS_TIMEOUT:
			break;
		default:
			ck_abort_msg("seed %llu: status %d\n%s", (unsigned long long)seed,
			             vmm.status, vmm.err.text);
		}
	}
	ck_assert_uint_gt(refused_count, 10);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
vmm_suite(void)
{
	Suite *suite = suite_create("vmm");
	TCase *tests = tcase_create("vmm");

	tcase_set_timeout(tests, TEST_TIMEOUT_S);
	tcase_add_test(tests, test_vmm_usage_error_is_64);
	tcase_add_test(tests, test_vmm_help_is_0);
	tcase_add_test(tests, test_vmm_bad_image_is_65);
	tcase_add_test(tests, test_vmm_unreadable_input_is_66);
	tcase_add_test(tests, test_vmm_module_too_large_is_64);
	tcase_add_loop_test(tests, test_vmm_without_kvm_is_69, 0, COUNT(without_kvm));
	tcase_add_test(tests, test_vmm_few_descriptors_are_refused);
	tcase_add_test(tests, test_vmm_too_much_memory_is_71);
	tcase_add_test(tests, test_vmm_dump_dtb_writes_tree);
	tcase_add_test(tests, test_vmm_guest_exit_status_is_ours);
	tcase_add_test(tests, test_vmm_verbose_speaks_on_stderr);
	tcase_add_test(tests, test_vmm_verbose_names_modules);
	tcase_add_test(tests, test_vmm_triple_fault_is_reported);
	tcase_add_test(tests, test_vmm_panic_is_reported_after_words);
	tcase_add_test(tests, test_vmm_event_without_listener_is_said_once);
	tcase_add_test(tests, test_vmm_event_hostile_subscription_is_harmless);
	tcase_add_test(tests, test_vmm_internal_error_is_reported);
	tcase_add_test(tests, test_vmm_guest_reset_is_0);
	tcase_add_test(tests, test_vmm_garbage_to_every_port_is_harmless);
	tcase_add_test(tests, test_vmm_string_io_is_complete);
	tcase_add_test(tests, test_vmm_absent_memory_reads_ones);
	tcase_add_test(tests, test_vmm_sipi_starts_every_cpu);
	tcase_add_test(tests, test_vmm_console_is_complete_after_crash);
	tcase_add_test(tests, test_vmm_console_and_uart_keep_order);
	tcase_add_test(tests, test_vmm_console_lies_are_survived);
	tcase_add_test(tests, test_vmm_output_lost_at_exit_is_73);
	tcase_add_test(tests, test_vmm_closed_stdout_ends_the_run);
	tcase_add_test(tests, test_vmm_sleeping_reader_is_given_up);
	tcase_add_test(tests, test_vmm_input_from_pipe_is_complete);
	tcase_add_test(tests, test_vmm_uart_interrupts_the_guest);
	tcase_add_test(tests, test_vmm_timeout_is_124);
	tcase_add_loop_test(tests, test_vmm_signal_stops_the_run, 0, COUNT(stops));
	tcase_add_test(tests, test_vmm_signal_during_setup_stops);
	tcase_add_loop_test(tests, test_vmm_terminal_is_restored, 0, COUNT(on_terminal));
	tcase_add_test(tests, test_vmm_stops_and_goes_on);
	tcase_add_test(tests, test_vmm_inject_each_order_comes_once);
	tcase_add_test(tests, test_vmm_inject_not_reached_is_said);
	tcase_add_test(tests, test_vmm_damaged_image_has_defined_end);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(int argc, char **argv)
{
	vmm_path = argc > 1 ? argv[1] : vmm_path;
	guest_folder = argc > 2 ? argv[2] : guest_folder;
	return suite_run(vmm_suite());
}
