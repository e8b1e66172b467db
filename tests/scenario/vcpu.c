// SPDX-License-Identifier: ISC
/*
 * Vcpus on a machine: payloads that check themselves, under both orders of the run loop, in every
 * model, by few vcpus and by many; loops without an end, exceptions, and bytes by chance. Each
 * check prints PASS or FAIL with its name; bounded by counts, never by time.
 *
 * Behind "--": what (check, many, chance or crowd), then a seed and how many.
 */
#include "guest/vcpu.h"

#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/main.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/string.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_crew.h"
#include "guest/vcpu_handle.h"
#include "guest/vm.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/payload/programs.h"
#include "tests/scenario/seed.h"
#include "tests/scenario/vcpu_payload.h"

#define MSEC          1000000
#define WAITS_MAX     4000 /* of a tick or so: more than any host stands still */
#define MEMORY_ROUNDS 8u

#define PAYLOADS(X)       X(hello) X(ticks) X(ports) X(mmio) X(pages) X(sums) X(modify) X(endless)
#define OTHER_PAYLOADS(X) X(breakpoints) X(pingpong) X(exceptions) X(nested) X(calls) X(lock)

PAYLOADS(PAYLOAD_BLOB)
OTHER_PAYLOADS(PAYLOAD_BLOB)

static const char *const early_names[] = {
	[VM_EARLY_IRQS_ON] = "irqs-on",
	[VM_EARLY_IRQS_OFF] = "irqs-off",
};

static uint32_t failures;
static enum vm_early early;

static void
report(bool passed, const char *name)
{
	printk("%s %s (preempt=%s, early=%s)\n", passed ? "PASS" : "FAIL", name,
	       preempt_model_names[preempt_model()], early_names[early]);
	failures += !passed;
}

/* ---- machines ---- */

/* A machine that runs this payload, quietly if it is by chance; NULL: no memory. */
static struct vm *
make_machine(const struct payload *payload, bool quiet)
{
	struct vm *vm = payload_machine(payload, early);

	if (vm != NULL) {
		vm->quiet = quiet;
	}
	return vm;
}

static bool
start(struct vcpu_crew *crew, const struct payload *payload, uint32_t count, uint32_t parameter,
      uint64_t cpus)
{
	struct vm *vm = make_machine(payload, false);

	if (vm == NULL || vcpu_crew_create(crew, vm, count, parameter) != count) {
		report(false, "there is memory for a payload");
		return false;
	}
	vcpu_crew_start(crew, &(struct task_params){ .cpus_allowed = cpus });
	return true;
}

static void
end(struct vcpu_crew *crew)
{
	vcpu_crew_end(crew);
	vm_destroy(crew->vm);
}

/* Do all of its vcpus stop with this? */
static bool
stops_with(const struct payload *payload, uint32_t count, uint32_t parameter, uint64_t value)
{
	struct vcpu_crew crew;
	bool right;

	if (!start(&crew, payload, count, parameter, 0)) {
		return false;
	}
	vcpu_crew_join(&crew);
	right = crew_stopped_so(&crew, 0, VCPU_STOP_SHUTDOWN, value);
	end(&crew);
	return right;
}

/* ---- payloads that check themselves ---- */

static void
check_payloads(uint32_t count, uint32_t rounds)
{
	report(stops_with(PAYLOAD(hello), count, 42, 42), "a payload says hello");
	report(stops_with(PAYLOAD(ticks), count, rounds, PAYLOAD_RIGHT),
	       "timers wake a payload from HLT");
	report(stops_with(PAYLOAD(ports), count, rounds, PAYLOAD_RIGHT),
	       "port I/O of every size is carried out");
	report(stops_with(PAYLOAD(mmio), count, rounds, PAYLOAD_RIGHT),
	       "each access to a register is made once");
	report(stops_with(PAYLOAD(pages), count, 4 * rounds, PAYLOAD_RIGHT),
	       "pages come when they are touched, once");
	report(stops_with(PAYLOAD(sums), count, 20000 * rounds, PAYLOAD_RIGHT),
	       "sums in XMM registers are right to the last bit");
	report(stops_with(PAYLOAD(modify), count, 0, PAYLOAD_RIGHT),
	       "a flat payload changes its own code");
	report(stops_with(PAYLOAD(pingpong), count, rounds, PAYLOAD_RIGHT),
	       "no doorbell between vcpus is lost");
	report(stops_with(PAYLOAD(lock), count, rounds, PAYLOAD_RIGHT),
	       "a lock between vcpus keeps them apart, and is got");
	report(stops_with(PAYLOAD(calls), count, 0, PAYLOAD_RIGHT),
	       "hypercalls do what they say, and refuse what is wrong");
}

/* Where breakpoints of ring 3 fire at all, each vcpu's are its own. */
static void
check_breakpoints(uint32_t count)
{
	bool none = stops_with(PAYLOAD(breakpoints), 1, 0, PAYLOAD_NOT_RAISED);

	if (none) {
		printk("SKIP breakpoints: on this machine those of ring 3 do not fire\n");
		return;
	}
	report(stops_with(PAYLOAD(breakpoints), count, 0, PAYLOAD_RIGHT),
	       "breakpoints are those of their vcpu");
}

/* ---- exceptions ---- */

/* How one vcpu stopped that was run with this parameter. */
struct outcome {
	bool adds_up;
	enum vcpu_stop stop;
	uint64_t value;
};

static struct outcome
run_one(const struct payload *payload, uint32_t parameter)
{
	struct outcome outcome = { .adds_up = false };
	struct vcpu_crew crew;
	const struct vcpu *vcpu;

	if (!start(&crew, payload, 1, parameter, 0)) {
		return outcome;
	}
	vcpu_crew_join(&crew);
	vcpu = crew.first->vcpu;
	outcome.adds_up = crew.first->error == 0 && vcpu_stats_fault(vcpu) == NULL;
	outcome.stop = vcpu->stop;
	outcome.value = vcpu->stop_value;
	end(&crew);
	return outcome;
}

static bool
has_stopped(const struct outcome *outcome, enum payload_exception exception)
{
	static const uint8_t vectors[EXCEPTION_COUNT][2] = {
#define EXCEPTION_VECTORS(name, vector, or) [EXCEPTION_##name] = { vector, or },
		PAYLOAD_EXCEPTIONS(EXCEPTION_VECTORS)
#undef EXCEPTION_VECTORS
	};

	return outcome->adds_up && outcome->stop == VCPU_STOP_FAULT &&
	       (outcome->value == vectors[exception][0] || outcome->value == vectors[exception][1]);
}

static bool
has_shut_down(const struct outcome *outcome, uint64_t value)
{
	return outcome->adds_up && outcome->stop == VCPU_STOP_SHUTDOWN && outcome->value == value;
}

/* SIMD exceptions are those that some machines do not raise: QEMU's TCG. */
static void
check_exception(enum payload_exception exception, const char *name, bool *stopped, bool *handled)
{
	struct outcome alone = run_one(PAYLOAD(exceptions), exception);
	struct outcome skipped = run_one(PAYLOAD(exceptions), exception | EXCEPTION_HANDLED);

	if (exception == EXCEPTION_simd && has_shut_down(&alone, PAYLOAD_NOT_RAISED)) {
		printk("SKIP exception %s: this machine does not raise it\n", name);
		return;
	}
	if (!has_stopped(&alone, exception) || !has_shut_down(&skipped, PAYLOAD_RIGHT)) {
		printk("exception %s: stop %u, %llu; with a handler: stop %u, %llu\n", name,
		       alone.stop, (unsigned long long)alone.value, skipped.stop,
		       (unsigned long long)skipped.value);
	}
	*stopped = *stopped && has_stopped(&alone, exception);
	*handled = *handled && has_shut_down(&skipped, PAYLOAD_RIGHT);
}

static void
check_exceptions(void)
{
	static const char *const names[EXCEPTION_COUNT] = {
#define EXCEPTION_NAME(name, vector, or) [EXCEPTION_##name] = #name,
		PAYLOAD_EXCEPTIONS(EXCEPTION_NAME)
#undef EXCEPTION_NAME
	};
	bool stopped = true;
	bool handled = true;

	for (uint32_t exception = 0; exception < EXCEPTION_COUNT; exception++) {
		early = exception % 2 == 0 ? VM_EARLY_IRQS_ON : VM_EARLY_IRQS_OFF;
		check_exception(exception, names[exception], &stopped, &handled);
	}
	report(stopped, "an exception without a handler stops its vcpu");
	report(handled, "an exception is delivered to a handler, which goes on behind it");
}

static void
check_nesting(void)
{
	struct outcome outcome = run_one(PAYLOAD(nested), PAYLOAD_NESTING_MAX + 1);

	report(stops_with(PAYLOAD(nested), 1, PAYLOAD_NESTING_MAX, PAYLOAD_RIGHT),
	       "handlers nest as deep as they may");
	report(has_stopped(&outcome, EXCEPTION_undefined), "a handler too many stops the vcpu");
}

/* ---- images ---- */

static void
check_images(void)
{
	static char image[0x1000];
	size_t size = sizeof(image);

	memcpy(image, payload_hello, sizeof(image));
	image[16] = 3; /* a position-independent one */
	report(make_machine(&(struct payload){ "broken", image, image + size }, false) == NULL,
	       "a broken image is refused");
	report(make_machine(&(struct payload){ "short", image, image + 8 }, false) == NULL,
	       "a truncated image is refused");
	report(make_machine(&(struct payload){ "empty", image, image }, false) == NULL,
	       "an empty image is refused");
}

/* ---- loops without an end ---- */

#define LOOPS 3u

static uint64_t
count_of(const struct vm *vm, uint32_t vcpu)
{
	const volatile uint64_t *counter =
		mm_find(vm->mm, VM_FLAT_BASE + PAGE_SIZE + 64 * vcpu, false);

	return counter != NULL ? *counter : 0;
}

/* Each has been switched away from so often, and all have come as far as they come. */
static bool
wait_for_loops(const struct vcpu_crew *crew, uint64_t switches)
{
	for (unsigned int n = 0; n < WAITS_MAX; n++) {
		bool all = true;

		schedule_timeout_uninterruptible(MSEC);
		for (const struct vcpu_member *member = crew->first; member != NULL;
		     member = member->next) {
			all = all && member->task->nivcsw >= switches &&
			      count_of(crew->vm, member->vcpu->id) != 0;
		}
		if (all) {
			return true;
		}
	}
	return false;
}

/* On one cpu, in each model: guests are left for whatever is asked, and the dead leave for good. */
static void
check_loops(void)
{
	struct vcpu_crew crew;

	if (!start(&crew, PAYLOAD(endless), LOOPS, 0, 1)) {
		return;
	}
	report(wait_for_loops(&crew, 3), "endless payloads share a cpu");
	vm_kill(crew.vm);
	vcpu_crew_join(&crew);
	report(crew_stopped_so(&crew, -EIO, VCPU_STOP_NONE, 0),
	       "a machine that is dead runs no more");
	end(&crew);
}

/* ---- bytes by chance ---- */

#define CHANCE_BYTES 512u
#define BATCH        8u

static uint64_t random_state;

static uint32_t
draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

/* Instructions that mean something to a vcpu, between bytes that may be any. */
static size_t
put_instruction(uint8_t *to)
{
	static const struct {
		uint8_t size;
		uint8_t bytes[7];
	} known[] = {
		{ 1, { 0xf4 } },                   /* hlt */
		{ 1, { 0xfa } },                   /* cli */
		{ 2, { 0xfb, 0xf4 } },             /* sti; hlt */
		{ 2, { 0xe6, 0xe9 } },             /* out %al, $console */
		{ 2, { 0xe7, 0xea } },             /* out %eax, $doorbell */
		{ 2, { 0xe5, 0x80 } },             /* in $0x80, %eax */
		{ 2, { 0x0f, 0x32 } },             /* rdmsr */
		{ 2, { 0x0f, 0x30 } },             /* wrmsr */
		{ 4, { 0xb0, 0x00, 0x0f, 0x05 } }, /* mov $0, %al; syscall */
		{ 7, { 0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05 } },
		{ 7, { 0xb8, 0x06, 0x00, 0x00, 0x00, 0x0f, 0x05 } },
		{ 5, { 0xbf, 0x00, 0x01, 0x10, 0x00 } }, /* mov $address, %edi */
		{ 7,
		  { 0x89, 0x04, 0x25, 0x10, 0x00, 0x00, 0x50 } }, /* to the register that counts */
		{ 7, { 0x8b, 0x04, 0x25, 0x08, 0x00, 0x00, 0x50 } }, /* from another one */
		{ 3, { 0x0f, 0x23, 0xf8 } },                         /* mov %rax, %dr7 */
		{ 2, { 0x50, 0x9d } },                               /* push %rax; popf */
		{ 2, { 0xeb, 0xf0 } },                               /* jmp backwards */
	};
	uint32_t which = draw() % (2 * sizeof(known) / sizeof(known[0]));

	if (which >= sizeof(known) / sizeof(known[0])) {
		*to = (uint8_t)draw();
		return 1;
	}
	memcpy(to, known[which].bytes, known[which].size);
	return known[which].size;
}

static void
fill(uint8_t image[CHANCE_BYTES], uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
	for (size_t at = 0; at < CHANCE_BYTES - 8;) {
		at += put_instruction(image + at);
	}
}

/* Those that would run for ever, or sleep, are killed: after a few ticks, in which most have ended.
 */
static bool
run_batch(uint64_t seed, uint32_t count)
{
	static uint8_t image[CHANCE_BYTES];
	const struct payload payload = { "chance", (char *)image, (char *)image + CHANCE_BYTES };
	struct vcpu_crew crews[BATCH];
	bool right = true;

	for (uint32_t n = 0; n < count; n++) {
		struct vm *vm;

		fill(image, seed + n);
		vm = make_machine(&payload, true);
		if (vm == NULL || vcpu_crew_create(&crews[n], vm, 1, 0) != 1) {
			report(false, "there is memory for a payload by chance");
			return false;
		}
		vcpu_crew_start(&crews[n], &(struct task_params){ .cpus_allowed = 0 });
	}
	schedule_timeout_uninterruptible(20 * MSEC);
	for (uint32_t n = 0; n < count; n++) {
		const char *fault;

		vm_kill(crews[n].vm);
		vcpu_crew_join(&crews[n]);
		fault = vcpu_stats_fault(crews[n].first->vcpu);
		if (fault != NULL) {
			printk("seed %llu: %s\n", (unsigned long long)(seed + n), fault);
			right = false;
		}
		end(&crews[n]);
	}
	return right;
}

static void
check_chance(uint64_t seed, uint32_t count)
{
	bool right = true;

	printk("payloads by chance: %u from seed %llu\n", count, (unsigned long long)seed);
	for (uint32_t done = 0; done < count; done += BATCH) {
		early = done / BATCH % 2 == 0 ? VM_EARLY_IRQS_ON : VM_EARLY_IRQS_OFF;
		right = run_batch(seed + done, count - done < BATCH ? count - done : BATCH) &&
		        right;
	}
	report(right, "payloads by chance stop, and add up");
}

/* ---- memory, and many ---- */

/* Kernel stacks stay with the kernel, so a round may take pages, but not each of them. */
static void
check_memory(void)
{
	bool came_back = false;

	for (unsigned int n = 0; n < MEMORY_ROUNDS && !came_back; n++) {
		size_t before = page_count_free();

		stops_with(PAYLOAD(pages), 4, 8, PAYLOAD_RIGHT);
		came_back = page_count_free() == before;
	}
	report(came_back, "machines go back to the last page");
}

static void
check_crowd(uint32_t count)
{
	size_t before = page_count_free();
	struct vcpu_crew crew;

	if (!start(&crew, PAYLOAD(ports), count, 1, 0)) {
		return;
	}
	printk("%u vcpus, %zu bytes for each with its task and stacks\n", count,
	       (before - page_count_free()) * PAGE_SIZE / count);
	vcpu_crew_join(&crew);
	report(crew_stopped_so(&crew, 0, VCPU_STOP_SHUTDOWN, PAYLOAD_RIGHT),
	       "each of many vcpus ends");
	end(&crew);
}

/* ---- the whole ---- */

static void
check_model(enum preempt_model model, uint32_t vcpus, uint32_t rounds)
{
	preempt_model_set(model);
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		check_payloads(vcpus, rounds);
		check_breakpoints(vcpus);
		check_loops();
	}
}

/* What no model makes a difference to. */
static void
check_rest(void)
{
	check_exceptions();
	check_nesting();
	check_images();
	check_memory();
}

/* In the model of the boot argument, or in all. */
static void
check_all(uint32_t vcpus, uint32_t rounds)
{
	static const enum preempt_model models[] = { PREEMPT_NONE, PREEMPT_VOLUNTARY, PREEMPT_LAZY,
		                                     PREEMPT_FULL };

	for (unsigned int i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (!boot_args.preempt_given || boot_args.preempt == models[i]) {
			check_model(models[i], vcpus, rounds);
		}
	}
	if (preempt_model() == PREEMPT_FULL) {
		check_rest();
	}
}

int
main(void)
{
	const char *what = boot_args.program;

	if (strncmp(what, "crowd", 5) == 0) {
		check_crowd(storm_number(1, 1000));
	} else if (strncmp(what, "chance", 6) == 0) {
		check_chance(storm_number(1, 1), storm_number(2, 10000));
	} else {
		check_all(storm_number(1, 4), storm_number(2, 3));
		check_chance(1, storm_number(3, 64));
	}
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
