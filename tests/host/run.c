// SPDX-License-Identifier: ISC
/*
 * Booting the kernel once, and running it from there many times.
 */
#include "tests/host/run.h"

#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/fiber.h"
#include "tests/host/kernel.h"
#include "tests/host/race.h"
#include "tests/host/record.h"
#include "tests/host/state.h"

#define PAGE 4096u

#define NOT_KEEPING HOST_KEPT_MAX
static unsigned int keeping = NOT_KEEPING; /* a cpu stands in host_keep(), for this number */
static struct host_cpu *kept_cpus[HOST_KEPT_MAX];

void (*host_prepare)(void);

static struct image {
	unsigned int cpus;
	void (*boot)(void);
	void (*idle)(void);
} images[HOST_IMAGES_MAX];
static unsigned int start; /* the slot of the state that runs start from */

/* Of host_inspect() and of boot(), which run on the process's own stack. */
static jmp_buf inspection;
static bool inspecting;

static size_t
slot_of(const void *sp)
{
	size_t slot = (size_t)((const char *)sp - host_stacks[0]) / sizeof(host_stacks[0]);

	assert(slot < HOST_STACKS_MAX);
	return slot;
}

char *
machine_stack_of(const void *sp)
{
	return host_stacks[slot_of(sp)] + HOST_STACK_SIZE;
}

void
machine_note_stack(const void *sp, void **sp_at)
{
	machine.sp_at[slot_of(sp)] = sp_at;
}

void
machine_resume(void **save, void *sp)
{
	if (save != &machine.explorer_sp) {
		machine_note_stack(__builtin_frame_address(0), save);
	}
	fiber_switch(save, sp, machine_stack_of(sp), HOST_STACK_SIZE);
}

void
machine_rest(void)
{
	assert(!inspecting);
	machine.result->end = HOST_END_QUIET;
	host_quiet = true;
	machine_note_stack(__builtin_frame_address(0), &host_this->sp);
	fiber_switch(&host_this->sp, machine.explorer_sp, NULL, 0);
}

void
machine_end(enum host_end end)
{
	static void *abandoned;

	machine.result->end = end;
	machine.result->cpu = inspecting ? -1 : host_this->id;
	host_quiet = true;
	if (inspecting) {
		longjmp(inspection, 1);
	}
	fiber_switch(&abandoned, machine.explorer_sp, NULL, 0);
	__builtin_unreachable();
}

static void keep(unsigned int n);

/* On the explorer's stack, until the end of the run, or until nothing can happen. */
static void
go_on(void *sp)
{
	machine_resume(&machine.explorer_sp, sp);
	while (keeping != NOT_KEEPING) { /* bounded: a moment is kept once in a run */
		keep(keeping);
		keeping = NOT_KEEPING;
		machine_resume(&machine.explorer_sp, machine.kept_sp);
	}
}

static void
run(struct host_result *result)
{
	struct host_transition mover;

	machine.result = result;
	result->end = HOST_END_QUIET;
	host_this = &machine.cpus[0];
	if (machine_choose(&mover)) {
		host_this = &machine.cpus[mover.cpu];
		host_this->todo = mover.actor;
		go_on(host_this->sp);
	}
}

void
host_note_pages(const void *pages, size_t count)
{
	size_t end = (size_t)((const char *)pages - host_pages) / PAGE + count;

	machine.pages_end = end > machine.pages_end ? end : machine.pages_end;
}

/* Pages are cleared when they are handed out, so the rest is no state. */
static void
add_pages(void)
{
	for (size_t n = 0; n < machine.pages_end; n++) {
		if (!machine.page_is_mapped[n]) {
			state_add(host_pages + n * PAGE, PAGE);
		}
	}
}

/* Below its sp a stack holds nothing but what its allocator keeps at its end. */
static void
add_stacks(void)
{
	for (size_t n = 0; n < HOST_STACKS_MAX; n++) {
		char *bottom = host_stacks[n] + HOST_STACK_SIZE;
		char *sp;

		if (machine.sp_at[n] == NULL) {
			continue;
		}
		sp = *machine.sp_at[n];
		if (sp < bottom || sp >= bottom + HOST_STACK_SIZE) {
			sp = bottom + HOST_STACK_SIZE; /* its task has ended */
		}
		state_add(bottom, 64);
		state_add(sp, (size_t)(bottom + HOST_STACK_SIZE - sp));
	}
}

/* Beside the variables of slot `taken`. Of the console, what was written stays where it is. */
static void
take_all(void)
{
	kernel_each_table(state_add);
	add_pages();
	add_stacks();
	state_add(&machine, offsetof(struct machine, console));
	state_take();
}

uint64_t
host_memory_hash(void)
{
	state_begin_slot(STATE_OF_HASH);
	kernel_each_table(state_add);
	add_pages();
	state_take();
	return state_hash(STATE_OF_HASH);
}

static void
keep(unsigned int n)
{
	kept_cpus[n] = host_this;
	state_begin_slot(STATE_OF_KEPT(n));
	take_all();
}

static void
stop(const struct host_result *result)
{
	if (result->end == HOST_END_FAILED) {
		fprintf(stderr, "the kernel did not boot: %s\n%s", result->reason, machine.console);
		abort();
	}
}

static void
boot_alone(void)
{
	kernel_prepare(machine.cpu_count);
	machine.boot();
}

void
host_boot(unsigned int cpus, void (*boot)(void), void (*idle)(void))
{
	static struct host_result result;

	assert(cpus >= 1 && cpus <= HOST_CPUS_MAX);
	start = 0;
	state_begin();
	fiber_forget(host_stacks, sizeof(host_stacks));
	memset(&machine, 0, sizeof(machine));
	machine.cpu_count = cpus;
	machine.idle = idle;
	for (unsigned int n = 0; n < cpus; n++) {
		machine.cpus[n].id = (uint8_t)n;
		machine.cpus[n].timer_ns = UINT64_MAX;
	}
	machine.boot = boot;
	record_begin_boot();
	host_inspect(boot_alone, &result);
	stop(&result);
	host_quiet = false;
	machine.booting = true;
	run(&result);
	stop(&result);
	record_end_boot();
	machine.booting = false;
	machine.moment = 0;
	for (unsigned int n = 0; n < cpus; n++) {
		machine.cpus[n].spin_ended_by = -1; /* by the boot: before all of a run */
	}
	machine.watched = 0;
	memset(machine.sent, 0, sizeof(machine.sent));
	host_quiet = false;
	take_all();
}

void
host_keep_image(unsigned int n)
{
	assert(n < HOST_IMAGES_MAX);
	images[n] = (struct image){ machine.cpu_count, machine.boot, machine.idle };
	state_begin_slot(STATE_OF_IMAGE(n));
	take_all();
	start = STATE_OF_IMAGE(n);
}

void
host_use_image(unsigned int n)
{
	assert(n < HOST_IMAGES_MAX && images[n].cpus != 0);
	start = STATE_OF_IMAGE(n);
}

void
host_boot_image(unsigned int n)
{
	assert(n < HOST_IMAGES_MAX && images[n].cpus != 0);
	host_boot(images[n].cpus, images[n].boot, images[n].idle);
	host_keep_image(n);
}

/* Those that the last run has used: no other has frames. */
static void
forget_stacks(void)
{
	for (size_t n = 0; n < HOST_STACKS_MAX; n++) {
		if (machine.sp_at[n] != NULL) {
			fiber_forget(host_stacks[n], sizeof(host_stacks[n]));
		}
	}
}

/* A halted cpu does not look whether it has something to do, unless it is told. */
static void
prepare(struct host_result *result)
{
	struct host_cpu *cpu = &machine.cpus[0];
	bool irqs_on = cpu->irqs_on;

	cpu->irqs_on = false;
	host_inspect(host_prepare, result);
	cpu->irqs_on = irqs_on;
	host_quiet = false;
	if (cpu->op.kind == HOST_OP_HALT) {
		cpu->pending |= 1u << IRQ_RESCHEDULE;
	}
}

void
host_run(struct host_result *result)
{
	result->end = HOST_END_QUIET;
	forget_stacks();
	state_put_back(start);
	host_quiet = false;
	record_begin_run();
	if (host_prepare != NULL) {
		prepare(result);
	}
	record_end_prepare();
	if (result->end == HOST_END_FAILED) {
		return;
	}
	race_begin();
	run(result);
	race_end(result);
}

bool
host_keep(unsigned int n)
{
	const char *here = __builtin_frame_address(0);

	assert(n < HOST_KEPT_MAX);
	if (!fiber_is_only_bytes() || record_runs ||
	    (size_t)(here - host_stacks[0]) >= sizeof(host_stacks) || !race_keep(n)) {
		return false;
	}
	keeping = n;
	machine_note_stack(here, &machine.kept_sp);
	fiber_switch(&machine.kept_sp, machine.explorer_sp, NULL, 0);
	return true;
}

void
host_go_on(unsigned int n, struct host_result *result)
{
	state_put_back(STATE_OF_KEPT(n));
	host_quiet = false;
	machine.result = result;
	result->end = HOST_END_QUIET;
	host_this = kept_cpus[n];
	race_go_on(n);
	go_on(machine.kept_sp);
	race_end(result);
}

void
host_inspect(void (*fn)(void), struct host_result *result)
{
	machine.result = result;
	host_quiet = true;
	host_this = &machine.cpus[0];
	inspecting = true;
	if (setjmp(inspection) == 0) {
		fn();
	}
	inspecting = false;
}
