// SPDX-License-Identifier: ISC
/*
 * Transitions: what can happen, and making it happen. Cpus change by changing stacks, always from
 * within point(), where the cpu that goes is stopped before its next operation.
 *
 * A cpu is a place, not a thread: after point() returns, its caller may be on another cpu, because
 * its task moved. Nothing here keeps a cpu across a point.
 */
#include "tests/host/machine.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/host/fiber.h"
#include "tests/host/kernel.h"
#include "tests/host/memory.h"
#include "tests/host/run.h"

struct machine machine;

struct host_cpu *host_this = &machine.cpus[0];

char host_stacks[HOST_STACKS_MAX][2 * HOST_STACK_SIZE] __attribute__((aligned(4096)));
char host_pages[HOST_PAGES_SIZE] __attribute__((aligned(4096)));

unsigned int (*host_pick)(const struct host_transition *transitions, unsigned int count);
unsigned int (*host_pick_value)(unsigned int n);
bool host_pick_alone;
bool host_quiet;
uint32_t host_plain;
void (*host_pass_seen)(const struct host_transition *t);
bool host_fine;
bool host_stepping;
unsigned int host_broken;
void (*host_nmi_handler)(void);
void (*host_interrupt_seen)(unsigned int cpu);
void (*host_trace_seen)(enum trace_event event, uint32_t a, uint64_t b);
void (*host_transition_seen)(const struct host_transition *t, unsigned int moment);

/* ---- what can happen ---- */

static bool
step_possible(const struct host_cpu *cpu)
{
	if (cpu->spins && !cpu->spin_over) {
		return false;
	}
	switch (cpu->op.kind) {
	case HOST_OP_STORE:
		return cpu->store_count < HOST_STORES_MAX;
	case HOST_OP_LOOSE:
		return !memory_has_store(cpu, cpu->op.addr);
	case HOST_OP_LOCKED:
	case HOST_OP_FENCE:
	case HOST_OP_RETURN:
		return cpu->store_count == 0;
	case HOST_OP_HALT:
		return false;
	case HOST_OP_GATE:
		return !machine.booting;
	case HOST_OP_SETTLED:
		return cpu->pending == 0 && (!cpu->nmi_pending || cpu->nmi_blocked);
	default:
		return true;
	}
}

static struct host_transition
transition(const struct host_cpu *cpu, unsigned int actor, struct host_op op)
{
	return (struct host_transition){
		.actor = (uint8_t)actor,
		.cpu = cpu->id,
		.pid = (uint8_t)(actor * HOST_CPUS_MAX + cpu->id),
		.op = op,
		.after = -1,
	};
}

static unsigned int
add_cpu(struct host_transition *out, const struct host_cpu *cpu)
{
	unsigned int count = 0;

	if (step_possible(cpu)) {
		out[count] = transition(cpu, HOST_STEP, cpu->op);
		out[count++].after = cpu->spins ? cpu->spin_ended_by : -1;
	}
	if (cpu->store_count != 0) {
		const struct host_store *store = memory_next_to_drain(cpu);

		out[count] =
			transition(cpu, HOST_DRAIN, (struct host_op){ HOST_OP_STORE, store->addr });
		out[count++].after = store->moment;
	} else {
		for (unsigned int kind = 0; cpu->irqs_on && cpu->pending >> kind != 0; kind++) {
			if (cpu->pending >> kind & 1) {
				out[count++] =
					transition(cpu, HOST_IRQ + kind,
				                   (struct host_op){ HOST_OP_NONE, &cpu->pending });
			}
		}
		if (cpu->nmi_pending && !cpu->nmi_blocked) {
			out[count++] = transition(cpu, HOST_NMI,
			                          (struct host_op){ HOST_OP_NONE, &cpu->pending });
		}
	}
	return count;
}

/* It halts, and nothing is on its way from it or to it. */
static inline bool
is_at_rest(const struct host_cpu *cpu)
{
	return cpu->op.kind == HOST_OP_HALT && cpu->store_count == 0 && !cpu->pending &&
	       !cpu->nmi_pending;
}

static uint64_t
next_timer(void)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].timer_ns < next) {
			next = machine.cpus[n].timer_ns;
		}
	}
	return next;
}

static unsigned int
list_transitions(struct host_transition *out)
{
	unsigned int count = host_this->online ? add_cpu(out, host_this) : 0;

	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		const struct host_cpu *cpu = &machine.cpus[n];

		if (cpu != host_this && cpu->online && !is_at_rest(cpu)) {
			count += add_cpu(out + count, cpu);
		}
	}
	if (count == 0 && next_timer() != UINT64_MAX && !machine.booting) {
		out[count++] = transition(&machine.cpus[0], HOST_CLOCK,
		                          (struct host_op){ HOST_OP_CLOCK, &machine.clock_ns });
	}
	return count;
}

/* ---- making it happen ---- */

static void
raise_due_timers(void)
{
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].timer_ns <= machine.clock_ns) {
			machine.cpus[n].timer_ns = UINT64_MAX;
			machine.cpus[n].pending |= 1u << IRQ_TIMER;
		}
	}
}

static void
go_to_cpu(struct host_cpu *cpu, enum host_actor todo)
{
	struct host_cpu *self = host_this;

	cpu->todo = (uint8_t)todo;
	if (cpu != self) {
		host_this = cpu;
		machine_resume(&self->sp, cpu->sp);
	}
}

bool
machine_choose(struct host_transition *mover)
{
	struct host_transition transitions[HOST_PIDS_MAX];

	for (;;) { /* bounded: by the explorer */
		unsigned int count = list_transitions(transitions);
		unsigned int choice = 0;
		const struct host_transition *next;

		if (count == 0) {
			return false;
		}
		if (!machine.booting && (count > 1 || host_fine || host_pick_alone)) {
			choice = host_pick(transitions, count);
		}
		if (choice == HOST_AGAIN) {
			continue;
		}
		next = &transitions[choice];
		if (host_transition_seen != NULL && !machine.booting) {
			host_transition_seen(next, (unsigned int)machine.moment);
		}
		machine.moment++;
		switch (next->actor) {
		case HOST_DRAIN:
			memory_drain(&machine.cpus[next->cpu]);
			break;
		case HOST_CLOCK:
			machine.clock_ns = next_timer();
			raise_due_timers();
			break;
		default:
			*mover = *next;
			return true;
		}
	}
}

void
machine_tell_pass(enum host_actor actor, struct host_op op)
{
	struct host_transition t = transition(host_this, actor, op);

	host_pass_seen(&t);
}

void
machine_make_room(struct host_op op)
{
	struct host_cpu *cpu = host_this;

	cpu->op = op;
	if ((host_broken & HOST_BROKEN_ROOM) && op.kind != HOST_OP_STORE) {
		return;
	}
	while (!step_possible(cpu)) { /* bounded: by its stores */
		if (cpu->watched) {
			machine_tell_pass(HOST_DRAIN, (struct host_op){ HOST_OP_STORE, NULL });
		}
		machine.moment++;
		memory_drain(cpu);
	}
}

/* Returns as which actor this stack's cpu is to move: STEP, or an interrupt to be taken here. */
static enum host_actor
wait_for_turn(void)
{
	struct host_transition mover;

	if (machine_choose(&mover)) {
		go_to_cpu(&machine.cpus[mover.cpu], mover.actor);
	} else {
		machine_rest();
	}
	return host_this->todo;
}

/* On the interrupted stack, as the hardware does it; the return drains the buffer. */
static void
take_interrupt(enum host_actor actor)
{
	struct host_cpu *cpu = host_this;
	bool irqs_on = cpu->irqs_on;
	bool in_user = cpu->in_user;
	bool in_guest = cpu->in_guest;
	bool spun = cpu->spins;
	uint32_t spin_count = cpu->spin_count;

	assert(cpu->store_count == 0);
	cpu->spins = false;
	cpu->irqs_on = false;
	cpu->in_guest = false;
	if (actor == HOST_NMI) {
		cpu->nmi_pending = false;
		cpu->nmi_blocked = true;
		kernel_nmi(irqs_on);
	} else {
		cpu->pending &= (uint8_t) ~(1u << (actor - HOST_IRQ));
		if (host_interrupt_seen != NULL) {
			host_interrupt_seen(cpu->id);
		}
		kernel_interrupt(actor - HOST_IRQ, irqs_on);
	}
	machine_point((struct host_op){ HOST_OP_RETURN, NULL });
	host_this->irqs_on = irqs_on;
	host_this->in_user = in_user;
	host_this->in_guest = in_guest;
	host_this->nmi_blocked &= actor != HOST_NMI;
	host_this->fresh = true;
	if (spun) { /* what it waits for may have come from the handler */
		host_this->read_count = 0;
	} else if (host_this != cpu || host_this->spin_count != spin_count) {
		machine_forget_reads(host_this);
	}
}

/* At once, and not by choice: the instruction raises it. The way back is an interrupt's. */
void
host_exception(bool *faulted)
{
	bool irqs_on = host_this->irqs_on;

	host_this->irqs_on = false;
	kernel_exception(irqs_on, faulted);
	machine_point((struct host_op){ HOST_OP_RETURN, NULL });
	host_this->irqs_on = irqs_on;
	host_this->fresh = true;
}

bool
host_is_mapped(const void *addr)
{
	uintptr_t at = (uintptr_t)addr;

	return host_is_static(addr) || at - (uintptr_t)host_pages < sizeof(host_pages) ||
	       at - (uintptr_t)host_stacks < sizeof(host_stacks);
}

void
host_return_to_user(void)
{
	assert(!host_this->irqs_on);
	machine_point((struct host_op){ HOST_OP_RETURN, NULL });
	host_this->irqs_on = true;
	host_this->in_user = true;
	host_this->fresh = true;
}

static void
point_by_choice(struct host_op op)
{
	enum host_actor actor;

	do { /* bounded: interrupts end */
		host_this->op = op;
		actor = wait_for_turn();
		if (actor != HOST_STEP) {
			take_interrupt(actor);
		}
	} while (actor != HOST_STEP && op.kind != HOST_OP_HALT);
	machine_end_spin();
	host_this->fresh = op.kind != HOST_OP_LOCAL;
}

void
machine_point_with_hurdles(struct host_op op)
{
	if (host_quiet) {
		return;
	}
	if (!machine_pass(op)) {
		point_by_choice(op);
		return;
	}
	machine_end_spin();
	host_this->fresh = op.kind != HOST_OP_LOCAL;
}

/* ---- guests ---- */

void
machine_guest_enter(void)
{
	assert(!host_quiet);
	assert(!host_this->irqs_on);
	machine_point((struct host_op){ HOST_OP_RETURN, NULL });
	host_this->irqs_on = true;
	host_this->in_guest = true;
	host_this->read_count = 0; /* it reads nothing that could end its loop */
	host_this->spin_over = false;
}

void
machine_guest_exit(void)
{
	host_this->in_guest = false;
	host_this->irqs_on = false;
	host_this->fresh = true;
}

enum host_actor
machine_guest_point(struct host_op op)
{
	struct host_cpu *cpu = host_this;
	enum host_actor actor;

	if (machine_pass(op)) {
		cpu->spins = false;
		return HOST_STEP;
	}
	cpu->op = op;
	actor = wait_for_turn();
	if (actor == HOST_NMI) {
		take_interrupt(actor);
	} else if (actor != HOST_STEP) {
		cpu->pending &= (uint8_t) ~(1u << (actor - HOST_IRQ));
		cpu->unhandled |= (uint8_t)(1u << (actor - HOST_IRQ));
		machine_guest_exit();
	}
	cpu->spins = false;
	return actor;
}

bool
host_is_static(const void *addr)
{
	extern const char __executable_start[];
	extern const char end[];
	uintptr_t at = (uintptr_t)addr;

	return at - (uintptr_t)__executable_start < (uintptr_t)(end - __executable_start) &&
	       at - (uintptr_t)host_stacks >= sizeof(host_stacks) &&
	       at - (uintptr_t)host_pages >= sizeof(host_pages);
}

void
host_point_local_slow(void)
{
	if (host_fine || host_this->fresh || host_this->pending || host_this->nmi_pending ||
	    host_stepping) {
		machine_point((struct host_op){ HOST_OP_LOCAL, NULL });
	}
}

void
host_irq_enable(void)
{
	host_this->irqs_on = true;
	host_this->fresh = true;
	host_point_local_slow();
}

/* The shadow: the flag is set, and no point comes before the sleep. */
void
host_safe_halt(void)
{
	host_this->irqs_on = true;
	if (host_broken & HOST_BROKEN_SHADOW) {
		machine_point((struct host_op){ HOST_OP_LOCAL, NULL });
	}
	machine_point((struct host_op){ HOST_OP_HALT, NULL });
}

/* ---- interrupts and time ---- */

static void
send(struct host_cpu *target, unsigned int kind)
{
	machine_point((struct host_op){ HOST_OP_SEND, &target->pending });
	machine.sent[target->id][kind]++; /* even if it merges with a pending one: it was sent */
	if (!(host_broken & HOST_BROKEN_SEND_LOST)) {
		target->pending |= (uint8_t)(1u << kind);
	}
}

void
machine_send(unsigned int cpu, unsigned int kind)
{
	assert(cpu < machine.cpu_count);
	send(&machine.cpus[cpu], kind);
	if (host_broken & HOST_BROKEN_SEND_TWICE) {
		send(&machine.cpus[cpu], kind);
	}
}

void
host_nmi_send(unsigned int cpu)
{
	machine_point((struct host_op){ HOST_OP_SEND, &machine.cpus[cpu].pending });
	machine.cpus[cpu].nmi_pending = true;
}

void
host_nmi_unblock(void)
{
	host_this->nmi_blocked = false;
	host_this->fresh = true;
	host_point_local_slow();
}

/*
 * As the VMM does it, with locked operations: the events before the subscriber on one side, the
 * subscriber before the events on the other.
 */
void
host_event_raise(uint32_t events)
{
	uint64_t subscriber;

	host_rmw(&machine.events, sizeof(machine.events), HOST_OR, events);
	subscriber = host_load(&machine.event_subscriber, sizeof(machine.event_subscriber),
	                       __ATOMIC_RELAXED);
	if (subscriber != 0) {
		send(&machine.cpus[subscriber - 1], IRQ_EVENT);
	}
}

void
machine_subscribe(void)
{
	uint32_t cpu = host_this->id;

	host_rmw(&machine.event_subscriber, sizeof(machine.event_subscriber), HOST_XCHG, cpu + 1);
	if (host_load(&machine.events, sizeof(machine.events), __ATOMIC_RELAXED) != 0) {
		send(&machine.cpus[cpu], IRQ_EVENT);
	}
}

uint32_t
machine_take_events(void)
{
	return (uint32_t)host_rmw(&machine.events, sizeof(machine.events), HOST_XCHG, 0);
}

void
machine_set_timer(uint64_t expires_ns)
{
	host_this->timer_ns = expires_ns;
	raise_due_timers();
}

uint64_t
machine_clock(void)
{
	machine_point((struct host_op){ HOST_OP_LOAD, &machine.clock_ns });
	return machine.clock_ns;
}

void
host_clock_advance(uint64_t ns)
{
	machine_point((struct host_op){ HOST_OP_CLOCK, &machine.clock_ns });
	machine.clock_ns += ns;
	raise_due_timers();
}

uint64_t
host_cycles(void)
{
	return ++machine.cycles;
}

/* ---- the explorer's ---- */

void
host_raise(unsigned int cpu, unsigned int kind)
{
	assert(cpu < machine.cpu_count);
	assert(kind < IRQ_KIND_COUNT);
	machine.cpus[cpu].pending |= (uint8_t)(1u << kind);
}

void
host_raise_nmi(unsigned int cpu)
{
	assert(cpu < machine.cpu_count);
	machine.cpus[cpu].nmi_pending = true;
}

void
host_clock_to_timer(unsigned int cpu)
{
	uint64_t timer_ns = machine.cpus[cpu].timer_ns;

	if (timer_ns != UINT64_MAX) {
		machine.clock_ns = timer_ns > machine.clock_ns ? timer_ns : machine.clock_ns;
		raise_due_timers();
	}
}

/* ---- scenarios ---- */

void
host_gate(void)
{
	machine_point((struct host_op){ HOST_OP_GATE, NULL });
}

/* Who spins goes on when something that it read changes; a value may be that, too. */
unsigned int
host_choose(unsigned int n)
{
	unsigned int value = 0;

	assert(n >= 1);
	assert(n <= HOST_VALUES_MAX);
	assert(!host_quiet);
	assert(!machine.booting);
	machine_end_spin();
	if (n > 1) {
		value = host_pick_value(n);
	}
	assert(value < n);
	return value;
}

void
host_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(machine.result->reason, sizeof(machine.result->reason), format, args);
	va_end(args);
	machine_end(HOST_END_FAILED);
}

void
host_stop(void)
{
	host_this->irqs_on = false;
	do { /* forever: a halt without interrupts ends with an NMI at most */
		machine_point((struct host_op){ HOST_OP_HALT, NULL });
	} while (!host_quiet);
	host_fail("a stopped cpu was run");
}

void
host_watch(const void *addr, uint32_t mask, uint32_t unless, unsigned int owner)
{
	assert(machine.watch_count < HOST_WATCHES_MAX);
	machine.watches[machine.watch_count].addr = addr;
	machine.watches[machine.watch_count].mask = mask;
	machine.watches[machine.watch_count].unless = unless;
	machine.watches[machine.watch_count++].owner = owner;
}

unsigned int
host_watched_count(void)
{
	return machine.watched;
}

unsigned int
host_sent_count(unsigned int cpu, unsigned int kind)
{
	return machine.sent[cpu][kind];
}

bool
host_all_halted(void)
{
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].op.kind != HOST_OP_HALT) {
			return false;
		}
	}
	return true;
}

struct host_cpu *
host_cpu(unsigned int cpu)
{
	return &machine.cpus[cpu];
}

const char *
host_console(void)
{
	return machine.console;
}
