// SPDX-License-Identifier: ISC
/*
 * The machine's own state, between the files that make it up.
 */
#pragma once

#include "shared/trace_abi.h"
#include "tests/host/machine.h"

#define CONSOLE_SIZE 4096

struct machine {
	struct host_cpu cpus[HOST_CPUS_MAX];
	unsigned int cpu_count;
	bool booting;    /* until every cpu halts or stands at the gate */
	size_t panic_at; /* where in the console the last words begin */
	int32_t moment;  /* transitions so far in this run */
	uint64_t clock_ns;
	uint64_t cycles;
	unsigned int sent[HOST_CPUS_MAX][IRQ_KIND_COUNT];
	uint32_t events;           /* raised, and not yet taken */
	uint32_t event_subscriber; /* cpu + 1; 0: none */
	uint32_t translations;     /* of guests: how often they have changed */
	unsigned int watch_count;
	struct {
		const void *addr;
		uint32_t mask;
		uint32_t unless;
		unsigned int owner;
	} watches[HOST_WATCHES_MAX];
	unsigned int watched; /* rises that were seen */
	uint32_t listening;   /* bit n: a change may end the spinning of cpu n */
	void (*boot)(void);
	void (*idle)(void);
	struct host_result *result;
	void *explorer_sp;             /* where a run ends */
	void *kept_sp;                 /* of the cpu that stands in host_keep() */
	void **sp_at[HOST_STACKS_MAX]; /* where a stack's sp is while it is left; NULL: not used */
	bool page_is_mapped[HOST_PAGES_SIZE /
	                    4096]; /* as stack: not used through its own address */
	size_t pages_end;          /* pages from here on were never handed out */
	size_t console_length;
	char console[CONSOLE_SIZE]; /* last: only what is written of it is put back */
};

extern struct machine machine;

/* It has done something since it relaxed. */
static inline void
machine_end_spin(void)
{
	if (host_this->spins) {
		host_this->spins = false;
		host_this->spin_count++;
		host_this->read_count = 0;
	}
}

/*
 * Somebody else has been on this cpu, and has spun, since who is about to spin has looked: what he
 * read may have changed, and is not known any more. He looks again.
 */
void machine_forget_reads(struct host_cpu *cpu);

/* Of op's kind: a STEP that an empty buffer and the machine's state do not hinder. */
#define MACHINE_IS_PLAIN(kind) (((1u << HOST_OP_HALT | 1u << HOST_OP_SETTLED) >> (kind)&1) == 0)

/* Does nothing of its own hold the cpu up? */
static inline bool
machine_may_pass(const struct host_cpu *cpu)
{
	if ((cpu->spins && !cpu->spin_over) || (cpu->nmi_pending && !cpu->nmi_blocked)) {
		return false;
	}
	return !cpu->pending || !cpu->irqs_on || cpu->held || (host_broken & HOST_BROKEN_PLAIN);
}

/* Tells who watches. */
void machine_tell_pass(enum host_actor actor, struct host_op op);

/* A held cpu is about to do this: its stores reach memory until it can. */
void machine_make_room(struct host_op op);

/*
 * The way around all choices: nothing else can happen to this cpu, and host_pick has said that the
 * others wait. What machine_choose() would do for a STEP of the cpu that runs; its op says so only
 * where it stops.
 */
static inline bool
machine_pass(struct host_op op)
{
	struct host_cpu *cpu = host_this;

	if (host_plain == 0 || !MACHINE_IS_PLAIN(op.kind)) {
		return false;
	}
	if (cpu->hurdles != 0 && !machine_may_pass(cpu)) {
		return false;
	}
	if (cpu->held) {
		machine_make_room(op);
	}
	host_plain--;
	if (cpu->watched) {
		machine_tell_pass(HOST_STEP, op);
	}
	machine.moment++;
	return true;
}

/* machine_point()'s other ways. */
void machine_point_with_hurdles(struct host_op op);

/* machine_point() where nothing hinders; false: it is not so. */
static inline bool
machine_point_at_once(enum host_op_kind kind)
{
	struct host_cpu *cpu = host_this;

	if (__builtin_expect(host_quiet || host_plain == 0 || cpu->hurdles != 0, 0) ||
	    !MACHINE_IS_PLAIN(kind)) {
		return false;
	}
	host_plain--;
	machine.moment++;
	cpu->fresh = kind != HOST_OP_LOCAL;
	return true;
}

/* This cpu stops before op; returns when it is to do it. */
static inline void
machine_point(struct host_op op)
{
	if (!machine_point_at_once(op.kind)) {
		machine_point_with_hurdles(op);
	}
}

/*
 * The entry of a guest: interrupts are on behind it. Then, before each of its instructions, who
 * moves: STEP; NMI, which has been handled; or an interrupt, which was acknowledged and has ended
 * guest mode: interrupts are off again. op: SETTLED, LOCAL, LOAD or GATE.
 */
void machine_guest_enter(void);
enum host_actor machine_guest_point(struct host_op op);
void machine_guest_exit(void);

void machine_send(unsigned int cpu, unsigned int kind);
void machine_subscribe(void);
uint32_t machine_take_events(void);
void machine_set_timer(uint64_t expires_ns);
uint64_t machine_clock(void);

/*
 * Lets things happen until a cpu is to move: it, and as which actor. false: nothing can happen.
 */
bool machine_choose(struct host_transition *mover);

/*
 * Nothing can happen: ends the run. Returns if another run starts from this moment, and this cpu is
 * the first to move in it.
 */
void machine_rest(void);

/* The run is over. On any stack. */
_Noreturn void machine_end(enum host_end end);

/* The stack of sp: HOST_STACK_SIZE bytes from here. */
char *machine_stack_of(const void *sp);

/* sp's stack is in use; when it is left, its sp is saved at sp_at. */
void machine_note_stack(const void *sp, void **sp_at);

/* Leaves this stack for one of the kernel's. */
void machine_resume(void **save, void *sp);
