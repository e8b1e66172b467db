// SPDX-License-Identifier: ISC
/*
 * Ring 3 on a machine: programs that call, compute, wait for each other, run for ever, and do what
 * they must not. Each check prints PASS or FAIL with its name; bounded by counts, never by time.
 */
#include "tests/scenario/user/programs.h"

#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/regs.h"
#include "guest/arch/x86_64/syscall_way.h"
#include "guest/entry_user.h"
#include "guest/errno.h"
#include "guest/exception.h"
#include "guest/main.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "guest/string.h"
#include "guest/trace.h"
#include "guest/user.h"
#include "shared/scenario_abi.h"
#include "shared/user_abi.h"
#include "tests/scenario/user/shared.h"

#define MSEC          1000000
#define WAITS_MAX     2000 /* of a tick or so: more than any host stands still */
#define SWITCHES      5u   /* of each that share a cpu */
#define SWITCHES_OFF  3u   /* apart at most */
#define IMAGE_MAX     0x8000u
#define EXIT_STORM    8u
#define MEMORY_ROUNDS 8u

#define PROGRAMS(X) X(hello) X(calls) X(faults) X(spin) X(sums) X(futex) X(bases) X(grow)

#define BLOB(name) extern const char user_##name[], user_##name##_end[];
PROGRAMS(BLOB)

#define LOAD(name) load(#name, user_##name, user_##name##_end)

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s (preempt=%s)\n", passed ? "PASS" : "FAIL", name,
	       preempt_model_names[preempt_model()]);
	failures += !passed;
}

/* ---- programs and tasks ---- */

static struct user_program
load(const char *name, const char *start, const char *end)
{
	struct user_program program = { .mm = NULL };

	if (user_load(name, start, (size_t)(end - start), &program) != 0) {
		report(false, "a program is loaded");
	}
	return program;
}

static struct shared *
share(const struct user_program *program)
{
	return mm_map_page(program->mm, SHARED_ADDRESS, ARCH_PROT_WRITE);
}

static struct task *
run_on(const struct user_program *program, const char *comm, uint64_t cpus, uint64_t arg)
{
	return user_run(program, &(struct task_params){ .comm = comm, .cpus_allowed = cpus }, arg);
}

static int
run_alone(const struct user_program *program, const char *comm, uint64_t arg)
{
	return task_join(run_on(program, comm, 0, arg));
}

static void
check_hello(void)
{
	struct user_program program = LOAD(hello);

	report(run_alone(&program, "hello", 42) == 42, "a program runs, and ends with its status");
	user_unload(&program);
}

static void
check_calls(void)
{
	static const char *const words[CALL_COUNT] = {
#define CALL_WORDS(name, text) [CALL_##name] = text,
		USER_CALLS(CALL_WORDS)
#undef CALL_WORDS
	};
	struct user_program program = LOAD(calls);

	for (unsigned int call = 0; call < CALL_COUNT; call++) {
		report(run_alone(&program, "calls", call) == 0, words[call]);
	}
	user_unload(&program);
}

/* Each ends its task alone, and says why. */
static void
check_faults(void)
{
	static const char *const names[FAULT_COUNT] = {
#define FAULT_NAME(name, words) [FAULT_##name] = #name,
		USER_FAULTS(FAULT_NAME)
#undef FAULT_NAME
	};
	struct user_program program = LOAD(faults);

	for (unsigned int fault = 0; fault < FAULT_COUNT; fault++) {
		int status = run_alone(&program, names[fault], fault);

		if (status <= USER_STATUS_KILLED) {
			printk("fault %s: status %d\n", names[fault], status);
		}
		report(status > USER_STATUS_KILLED, "a task that faults is killed");
	}
	user_unload(&program);
}

extern const char syscall_entry[]; /* the arch's */

/*
 * Entries that the loader would refuse: the return to them faults, in the kernel or in ring 3.
 * Where SYSCALL stays in ring 3 a jump to where it leads is one: number 0 is exit().
 */
static void
check_bad_returns(void)
{
	struct user_program program = LOAD(hello);
	int status;

	program.entry = 0x0000800000000000;
	report(run_alone(&program, "hole", 0) > USER_STATUS_KILLED,
	       "a return to the hole is caught");
	program.entry = (uintptr_t)main;
	report(run_alone(&program, "kernel", 0) > USER_STATUS_KILLED,
	       "a return to the kernel's text is caught");
	program.entry = (uintptr_t)syscall_entry;
	status = run_alone(&program, "entry", 7);
	report(syscall_way == SYSCALL_FAULTS ? status == 7 : status > USER_STATUS_KILLED,
	       "a jump to the entry of system calls is caught, or is exit() where they fault");
	user_unload(&program);
}

/* ---- images ---- */

static uint8_t image[IMAGE_MAX];

/* With one byte changed. */
static bool
is_refused(size_t size, size_t at, uint8_t value)
{
	struct user_program program;

	memcpy(image, user_hello, (size_t)(user_hello_end - user_hello));
	image[at] = value;
	return user_load("broken", image, size, &program) == -ENOEXEC;
}

#define PROGRAM_HEADER 64 /* the first, which is loaded */

static void
check_images(void)
{
	size_t size = (size_t)(user_hello_end - user_hello);

	report(is_refused(size, 0, 'X') && is_refused(20, 0, 0x7f) && is_refused(size, 4, 1) &&
	               is_refused(size, 16, 3) && is_refused(size, 18, 40) &&
	               is_refused(size, 25, 0x90) && is_refused(size, 32, 0xff) &&
	               is_refused(100, 0, 0x7f) && is_refused(size, PROGRAM_HEADER + 23, 0xff),
	       "a broken image is refused");
}

/* ---- preemption ---- */

static struct atomic kernel_stops;

static void
compute_in_kernel(void *unused)
{
	(void)unused;
	while (!atomic_load(&kernel_stops)) { /* bounded: main stops it */
		cond_resched();
	}
}

/* Waits until every one has been switched away from so often; returns the greatest difference. */
static uint64_t
wait_for_switches(struct task *const *tasks, unsigned int count)
{
	uint64_t least = 0;
	uint64_t most = 0;

	for (unsigned int n = 0; n < WAITS_MAX && least < SWITCHES; n++) {
		schedule_timeout_uninterruptible(MSEC);
		least = UINT64_MAX;
		most = 0;
		for (unsigned int i = 0; i < count; i++) {
			least = tasks[i]->nivcsw < least ? tasks[i]->nivcsw : least;
			most = tasks[i]->nivcsw > most ? tasks[i]->nivcsw : most;
		}
	}
	return least < SWITCHES ? UINT64_MAX : most - least;
}

/* Two loops of ring 3 that never call, and one of the kernel, on one cpu. */
static void
check_loops(void)
{
	struct user_program program = LOAD(spin);
	volatile struct shared *shared = share(&program);
	struct task *tasks[3];
	bool counted;
	uint64_t apart;

	atomic_store(&kernel_stops, 0);
	tasks[0] = run_on(&program, "spin 0", 1, 0);
	tasks[1] = run_on(&program, "spin 1", 1, 1);
	tasks[2] = task_run(&(struct task_params){
		.comm = "kernel loop", .fn = compute_in_kernel, .cpus_allowed = 1 });
	apart = wait_for_switches(tasks, 3);
	counted = shared->counts[0] != 0 && shared->counts[1] != 0;
	atomic_store(&kernel_stops, 1);
	shared->stop = 1;
	task_join(tasks[2]);
	report(task_join(tasks[0]) == 0 && task_join(tasks[1]) == 0 && counted &&
	               apart != UINT64_MAX,
	       "endless loops of ring 3 are preempted");
	report(apart <= SWITCHES_OFF, "loops of ring 3 and of the kernel share the cpu");
	user_unload(&program);
}

/* Who was switched away from on the way to user code, as the trace has it. */
struct seen {
	uint64_t from; /* record of cpu 0 */
	bool loop_by_interrupt;
	bool loop_by_call;
	bool caller_by_call;
};

static void
look_at(const struct trace_record *record, const struct task *loop, const struct task *caller,
        struct seen *seen)
{
	enum sched_reason reason = trace_switch_reason(record->b);

	if (record->event != TRACE_sched_switch) {
		return;
	}
	seen->loop_by_interrupt |=
		record->pid == loop->pid && reason == SCHED_REASON_USER_IRQ_RETURN;
	seen->loop_by_call |= record->pid == loop->pid && reason == SCHED_REASON_SYSCALL_RETURN;
	seen->caller_by_call |= record->pid == caller->pid && reason == SCHED_REASON_SYSCALL_RETURN;
}

/* Both run on cpu 0. */
static void
look_at_new(const struct task *loop, const struct task *caller, struct seen *seen)
{
	uint64_t head = trace_head(0);

	for (; seen->from < head; seen->from++) {
		struct trace_record record;

		if (trace_read(0, seen->from, &record)) {
			look_at(&record, loop, caller, seen);
		}
	}
}

/* A loop without calls is preempted by interrupts alone; one that calls, on its return, too. */
static void
check_trace_points(void)
{
	struct user_program program = LOAD(spin);
	volatile struct shared *shared = share(&program);
	struct seen seen = { .from = trace_head(0) };
	struct task *loop = run_on(&program, "loop", 1, 0);
	struct task *caller = run_on(&program, "caller", 1, 1 | SPIN_CALLS);
	bool in_kernel = preempt_model_preempts(preempt_model()); /* may be before */

	for (unsigned int n = 0; n < WAITS_MAX; n++) {
		schedule_timeout_uninterruptible(MSEC);
		look_at_new(loop, caller, &seen);
		if (seen.loop_by_interrupt && (seen.caller_by_call || in_kernel)) {
			break;
		}
	}
	report(seen.loop_by_interrupt, "ring 3 is preempted on the return from an interrupt");
	report(seen.caller_by_call || in_kernel,
	       "ring 3 is preempted on the return from a system call");
	shared->stop = 1;
	task_join(loop);
	task_join(caller);
	look_at_new(loop, caller, &seen);
	report(!seen.loop_by_call, "what does not call is not preempted on a call's return");
	user_unload(&program);
}

/* ---- exceptions that return ---- */

static struct completion grown; /* the exception -> the FIFO task */
static volatile struct shared *grow_shared;
static bool grow_stops;

static void
count_growth(void *unused)
{
	(void)unused;
	for (;;) { /* bounded: until the program has ended */
		wait_for_completion(&grown);
		if (grow_stops) {
			return;
		}
		grow_shared->turns++;
	}
}

/* In the exception, and nobody looks at the request before its return. */
static void
ask_in_exception(const struct regs *regs)
{
	if (arch_regs_user(regs)) {
		preempt_disable();
		complete(&grown);
		preempt_enable_no_resched();
	}
}

/* Each page that it touches is a switch, before its next instruction. */
static void
check_growing(void)
{
	struct user_program program = LOAD(grow);
	struct task *counter;
	int status;

	grow_shared = share(&program);
	grow_stops = false;
	init_completion(&grown);
	counter = task_run(&(struct task_params){ .comm = "counter",
	                                          .fn = count_growth,
	                                          .policy = SCHED_FIFO,
	                                          .rt_priority = 10,
	                                          .cpus_allowed = 1 });
	exception_probe = ask_in_exception;
	status = task_join(run_on(&program, "grow", 1, 0));
	exception_probe = NULL;
	grow_stops = true;
	complete(&grown);
	task_join(counter);
	report(status == 0, "ring 3 is preempted on the return from an exception");
	report(grow_shared->turns == GROW_PAGES - 1, "a stack grows by as many pages as are used");
	user_unload(&program);
}

/* ---- registers ---- */

/* More tasks than cpus, each with sums in all of its vector registers. */
static void
check_sums(void)
{
	struct user_program program = LOAD(sums);
	volatile struct shared *shared = share(&program);
	struct task *tasks[4];
	bool right = true;
	uint64_t apart;

	for (unsigned int i = 0; i < 4; i++) {
		tasks[i] = run_on(&program, "sums", i < 3 ? 1 : 0, i + 1);
	}
	apart = wait_for_switches(tasks, 3);
	shared->stop = 1;
	for (unsigned int i = 0; i < 4; i++) {
		right = task_join(tasks[i]) == 0 && right;
	}
	report(right && apart != UINT64_MAX, "sums in XMM registers are right under preemption");
	user_unload(&program);
}

/* More tasks than cpus, each with segment bases of its own, where they may be written. */
static void
check_bases(void)
{
	struct user_program program = LOAD(bases);
	volatile struct shared *shared = share(&program);
	struct task *tasks[4];
	int statuses[4];
	uint64_t apart;

	for (unsigned int i = 0; i < 4; i++) {
		tasks[i] = run_on(&program, "bases", i < 3 ? 1 : 0, i + 1);
	}
	apart = wait_for_switches(tasks, 3);
	shared->stop = 1;
	for (unsigned int i = 0; i < 4; i++) {
		statuses[i] = task_join(tasks[i]);
	}
	if (statuses[0] == BASES_NOT_OURS) {
		printk("SKIP segment bases are each task's own: this machine has no FSGSBASE\n");
	} else {
		report((statuses[0] | statuses[1] | statuses[2] | statuses[3]) == 0 &&
		               apart != UINT64_MAX,
		       "segment bases are each task's own");
	}
	user_unload(&program);
}

/* ---- waiting and signals ---- */

static void
check_futex(void)
{
	struct user_program program = LOAD(futex);
	struct shared *shared = share(&program);
	struct task *other = run_on(&program, "other", 0, 1);
	bool right = run_alone(&program, "self", 0) == 0;

	right = task_join(other) == 0 && right;
	report(right && shared->turns == 40, "two tasks take turns by a futex");
	user_unload(&program);
}

static bool
wait_for_count(volatile uint64_t *count, uint64_t beyond)
{
	for (unsigned int n = 0; n < WAITS_MAX && *count <= beyond; n++) {
		schedule_timeout_uninterruptible(MSEC);
	}
	return *count > beyond;
}

static bool
wait_for_state(struct task *task, uint32_t state)
{
	for (unsigned int n = 0; n < WAITS_MAX && atomic_load(&task->state) != state; n++) {
		schedule_timeout_uninterruptible(MSEC);
	}
	return atomic_load(&task->state) == state;
}

static void
check_signals(void)
{
	struct user_program program = LOAD(spin);
	volatile struct shared *shared = share(&program);
	struct task *task = run_on(&program, "loop", 1ull << (cpu_count - 1), 0);
	uint64_t count;

	report(wait_for_count(&shared->counts[0], 0), "a loop of ring 3 counts");
	send_sig(SIGSTOP, task);
	report(wait_for_state(task, TASK_STOPPED), "SIGSTOP stops it");
	count = shared->counts[0];
	schedule_timeout_uninterruptible(MSEC);
	report(count == shared->counts[0], "a stopped task does not run");
	send_sig(SIGCONT, task);
	report(wait_for_count(&shared->counts[0], count), "SIGCONT lets it run on");
	send_sig(SIGKILL, task);
	report(task_join(task) == USER_STATUS_KILLED + SIGKILL, "SIGKILL ends it");
	user_unload(&program);
}

/* What current's way to user code will load. */
static void
spoil_return(struct task_work *unused)
{
	struct regs *regs = (struct regs *)((char *)current->stack + STACK_SIZE) - 1;

	(void)unused;
	regs->cs = SEL_USER_DS;
}

/* An IRETQ that faults in ring 0, when GS is the user's already: on cpu 0 both bases are 0. */
static void
check_faulting_return(void)
{
	static struct task_work work = { .fn = spoil_return };
	struct user_program program = LOAD(spin);
	volatile struct shared *shared = share(&program);
	struct task *task = run_on(&program, "spoilt", 1ull << (cpu_count - 1), 0);

	wait_for_count(&shared->counts[0], 0); /* it has been in ring 3 */
	task_work_add(task, &work);
	report(task_join(task) == USER_STATUS_KILLED + SIGSEGV,
	       "a return that faults in the kernel ends its task");
	user_unload(&program);
}

/* ---- memory ---- */

static void
leave(void *unused)
{
	(void)unused;
	leave_mm();
}

/* Tasks of two programs at once, more than cpus: they end anywhere, in any order. */
static void
check_exit_storm(void)
{
	struct user_program programs[2] = { LOAD(hello), LOAD(calls) };
	struct task *tasks[EXIT_STORM];
	bool right = true;

	for (unsigned int i = 0; i < EXIT_STORM; i++) {
		tasks[i] = run_on(&programs[i % 2], "storm", 0, i % 2 == 0 ? i : CALL_getpid);
	}
	user_unload(&programs[0]);
	user_unload(&programs[1]);
	for (unsigned int i = 0; i < EXIT_STORM; i++) {
		right = task_join(tasks[i]) == (i % 2 == 0 ? (int)i : 0) && right;
	}
	report(right, "many tasks of ring 3 end, each with its status");
}

/* No cpu has an address space loaded any more. */
static void
leave_on_all(void)
{
	for_each_cpu (cpu) {
		task_join(task_run(&(struct task_params){
			.comm = "leave", .fn = leave, .cpus_allowed = 1ull << cpu }));
	}
}

/*
 * Kernel stacks stay with the kernel, and how many are in use at once is chance: so a round may
 * take pages, but not each of them.
 */
static void
check_memory(void)
{
	bool came_back = false;

	for (unsigned int n = 0; n < MEMORY_ROUNDS && !came_back; n++) {
		size_t before = page_count_free();

		check_exit_storm();
		leave_on_all();
		came_back = page_count_free() == before;
	}
	report(came_back, "address spaces go back to the last page");
}

int
main(void)
{
	static const enum preempt_model models[] = { PREEMPT_NONE, PREEMPT_VOLUNTARY,
		                                     PREEMPT_FULL };

	report(syscall_way != SYSCALL_UNKNOWN, "where SYSCALL leads to is known since boot");
	check_hello();
	check_calls();
	check_faults();
	check_bad_returns();
	check_images();
	for (unsigned int i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		preempt_model_set(models[i]);
		check_loops();
		check_trace_points();
		check_growing();
		check_sums();
		check_bases();
		check_futex();
		check_signals();
	}
	check_faulting_return();
	check_memory();
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : 1;
}
