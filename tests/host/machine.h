// SPDX-License-Identifier: ISC
/*
 * The simulated machine: up to eight cpus in one thread, under the kernel that guest/ compiles to.
 *
 * Time passes in transitions: a cpu's next operation (STEP), the oldest store of its buffer
 * reaching memory (DRAIN), an interrupt it takes (a kind of IRQ, NMI), or, when nothing else
 * can happen, the clock going on to the next timer (CLOCK). A cpu stops before each operation that
 * others could notice or an interrupt could fall upon, and host_pick chooses among what can happen.
 * Data that a scenario leaves open (host_choose) is chosen by host_pick_value: there is no other
 * nondeterminism.
 *
 * Memory is x86-TSO: each cpu has a FIFO of HOST_STORES_MAX stores. Its loads see its own youngest
 * store first; locked operations and fences wait until it is empty; so do the taking of an
 * interrupt and the return from it, because the architecture drains the buffer at the one (SDM
 * 3A 12.10) and serializes at the other. Sending an interrupt does not wait: x2APIC's WRMSR does
 * not. Plain (not atomic) data takes effect at once: what locks guard is seen as the locks order
 * it, but a race on plain data is neither delayed nor explored: race.h reports it.
 *
 * A pending interrupt may stay in flight for any number of steps, but ends a halt and is never
 * lost; two of a kind that are pending together are one, as in an APIC's IRR. An NMI waits for the
 * return of the one before, or of an exception in it (host_nmi_unblock()).
 *
 * A cpu that spins (arch_cpu_relax) is not run again before something that it read since its last
 * turn has changed or an interrupt has come: nothing else could make a difference to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/trace_abi.h"

#define HOST_CPUS_MAX   8
#define HOST_STORES_MAX 16 /* fewer than any machine has, enough for one step and what it wakes */
#define HOST_READS_MAX  8
#define HOST_SPINS_MAX  4 /* within each other */

#define HOST_STACK_SIZE 0x4000u
#define HOST_STACKS_MAX 64
#define HOST_PAGES_SIZE 0x200000u /* bytes of RAM */

#define HOST_USER_PAGES_MAX 4 /* of one address space */

enum host_op_kind {
	HOST_OP_NONE,
	HOST_OP_LOCAL, /* nobody else sees it: per-CPU data, preempt counter, interrupt flag */
	HOST_OP_LOAD,
	HOST_OP_STORE, /* into the buffer */
	HOST_OP_LOCKED,
	HOST_OP_LOOSE, /* writes memory and does not wait for the buffer, see memory.c */
	HOST_OP_FENCE,
	HOST_OP_RETURN, /* from an interrupt */
	HOST_OP_SEND,
	HOST_OP_HALT,
	HOST_OP_GATE, /* host_gate(): waits for the start */
	HOST_OP_CLOCK,
	HOST_OP_SETTLED, /* interrupts are on, and none is pending any more */
	HOST_OP_COUNT,
};

struct host_op {
	enum host_op_kind kind;
	const void *addr; /* what it reads or writes in memory, if anything */
};

/* Who moves: this and the cpu are a transition's name. IRQ follows enum irq_kind. */
enum host_actor {
	HOST_STEP,
	HOST_IRQ,
	HOST_NMI = HOST_IRQ + IRQ_KIND_COUNT,
	HOST_DRAIN,
	HOST_CLOCK,
	HOST_ACTOR_COUNT,
};

#define HOST_PIDS_MAX (HOST_ACTOR_COUNT * HOST_CPUS_MAX)

struct host_transition {
	uint8_t actor;
	uint8_t cpu;
	uint8_t pid; /* actor * HOST_CPUS_MAX + cpu */
	struct host_op op;
	int32_t after; /* number of the transition without which it could not happen, or -1 */
};

struct host_store {
	void *addr;
	uint32_t size;  /* bytes */
	int32_t moment; /* of the STEP that stored */
	uint64_t value;
};

struct arch_mm;
struct task;
struct vcpu;

/* A loop that has relaxed: its last turn, if no loop around it has relaxed since. */
struct host_spin {
	const void *place;
	const void *frame; /* stacks grow down: of a loop within, it is lower */
	/* Read before it relaxed first: not known when it ends. The count may exceed the array. */
	unsigned int lost_count;
	const void *lost[HOST_READS_MAX];
};

struct host_cpu {
	uint8_t id;
	bool online;
	bool irqs_on;
	bool fresh;       /* others may have something to say before the next local operation */
	bool nmi_blocked; /* in its handler, until the return */
	union {
		struct {
			bool nmi_pending;
			uint8_t pending; /* bit n: enum irq_kind n */
			bool spins;      /* relaxed, and no operation since */
			bool held;       /* see host_plain */
			bool watched;    /* host_pass_seen is told */
			uint8_t none[3];
		};
		uint64_t hurdles; /* 0: none of these */
	};
	bool spin_over; /* something that it had read has changed */
	uint8_t todo;   /* the actor for which it was resumed */
	int32_t spin_ended_by;
	uintptr_t percpu;    /* percpu_offset of it */
	uint32_t spin_count; /* that have ended */
	unsigned int spin_depth;
	struct host_spin spins_within[HOST_SPINS_MAX]; /* from the outermost */
	struct host_op op;                             /* the next, while it is stopped */
	void *sp;                                      /* while it is stopped */
	void *called_on;    /* the top of the stack that arch_call_on_stack() stands for, or NULL */
	bool vetoes;        /* its architecture's veto against preemption by interrupts */
	bool in_user;       /* user code runs */
	uint64_t user_word; /* a register that the kernel does not touch */
	bool in_guest;      /* a guest runs (guest.h) */
	bool guest_ready;   /* prepared for an entry since it was loaded */
	uint8_t unhandled;  /* bit n: irq_kind n ended a guest, and nobody has taken it over yet */
	uint64_t guest_word;          /* the loaded guest's register */
	uint32_t translations;        /* its; machine.translations when they were loaded */
	const struct vcpu *guest;     /* whose state is loaded, or NULL */
	const struct arch_mm *loaded; /* the address space, or NULL */
	uint64_t timer_ns;            /* UINT64_MAX: off */
	struct task *switched_from;
	struct task *switched_to;
	unsigned int store_first;
	unsigned int store_count;
	bool stores_fenced; /* a release fence came behind one of them */
	struct host_store stores[HOST_STORES_MAX];
	unsigned int read_count; /* may exceed the array: then every change counts */
	const void *reads[HOST_READS_MAX];
};

/* The cpu that runs. */
extern struct host_cpu *host_this;

extern char host_stacks[HOST_STACKS_MAX][2 * HOST_STACK_SIZE];
extern char host_pages[HOST_PAGES_SIZE];

/* Ways in which the machine is broken on purpose. */
extern unsigned int host_broken;
#define HOST_BROKEN_XCHG       0x01u   /* xchg goes through the store buffer: no barrier */
#define HOST_BROKEN_FENCE      0x02u   /* the full fence is none */
#define HOST_BROKEN_RMW        0x04u   /* load, then store: not one step */
#define HOST_BROKEN_SHADOW     0x08u   /* an interrupt fits between sti and hlt */
#define HOST_BROKEN_SEND_LOST  0x10u   /* no interrupt that is sent arrives */
#define HOST_BROKEN_SEND_TWICE 0x80u   /* each is sent twice */
#define HOST_BROKEN_FORWARDING 0x20u   /* loads do not look into their own cpu's buffer */
#define HOST_BROKEN_LOCAL      0x100u  /* the cpu's own read-modify-write is not one step */
#define HOST_BROKEN_FIFO       0x40u   /* stores reach memory youngest first */
#define HOST_BROKEN_ADD        0x200u  /* fetch_add, and so taking a lock, is no barrier */
#define HOST_BROKEN_CMPXCHG    0x400u  /* compare-exchange is none */
#define HOST_BROKEN_PLAIN      0x800u  /* a point is passed in spite of a pending interrupt */
#define HOST_BROKEN_ROOM       0x1000u /* and in spite of held stores that it must wait for */

/* ---- for the kernel's seam ---- */

enum host_rmw { HOST_XCHG, HOST_ADD, HOST_SUB, HOST_OR, HOST_AND };

/*
 * Of words of 4 or 8 bytes: each has its function. order: __ATOMIC_*, what the kernel asked for;
 * x86 gives more. expected: the old value, in the end.
 */
uint64_t host_load_4(const volatile void *addr, int order);
uint64_t host_load_8(const volatile void *addr, int order);
void host_store_4(volatile void *addr, uint64_t value, int order);
void host_store_8(volatile void *addr, uint64_t value, int order);
uint64_t host_rmw_4(volatile void *addr, enum host_rmw op, uint64_t operand);
uint64_t host_rmw_8(volatile void *addr, enum host_rmw op, uint64_t operand);
bool host_cmpxchg_4(volatile void *addr, uint64_t *expected, uint64_t value);
bool host_cmpxchg_8(volatile void *addr, uint64_t *expected, uint64_t value);
#define HOST_SIZED(fn, size, ...) ((size) == 8 ? fn##_8(__VA_ARGS__) : fn##_4(__VA_ARGS__))

#define host_load(addr, size, order)         HOST_SIZED(host_load, size, addr, order)
#define host_store(addr, size, value, order) HOST_SIZED(host_store, size, addr, value, order)
#define host_rmw(addr, size, op, operand)    HOST_SIZED(host_rmw, size, addr, op, operand)
#define host_cmpxchg(addr, size, expected, value) \
	HOST_SIZED(host_cmpxchg, size, addr, expected, value)
void host_fence(void);
void host_order(int order); /* no point: x86 has this order anyway */
void host_irq_enable(void);
void host_safe_halt(void);
void host_cpu_relax(void);
uint64_t host_cycles(void);
void host_point_local_slow(void);

/* Nothing is a point: boot code, inspection, steps, the last words of a panic. */
extern bool host_quiet;

/*
 * What is between these is no part of the machine: no point, with interrupts off, and unseen by
 * race.h, as they are themselves: where that looks, they are calls. begin returns what end undoes.
 */
#define HOST_UNWATCHED    __attribute__((no_sanitize("thread")))
#define HOST_STEP_IRQS_ON 0x1ul
#define HOST_STEP_QUIET   0x2ul

HOST_UNWATCHED static inline unsigned long
host_step_begin(void)
{
	unsigned long flags = host_this->irqs_on * HOST_STEP_IRQS_ON + host_quiet * HOST_STEP_QUIET;

	host_quiet = true;
	host_this->irqs_on = false;
	return flags;
}

HOST_UNWATCHED static inline void
host_step_end(unsigned long flags)
{
	host_quiet = flags & HOST_STEP_QUIET;
	host_this->irqs_on = flags & HOST_STEP_IRQS_ON;
}

/* These pages of RAM are handed out: from now on they, and all before them, are state. */
void host_note_pages(const void *pages, size_t count);

/* Is it a variable of the program, and not memory of the machine? */
bool host_is_static(const void *addr);

/* Every local operation is a point, with interrupts off, too. For the explorer, in host_pick(). */
extern bool host_stepping;

/* With interrupts off nothing falls between two local operations but an NMI. */
static inline void
host_point_local(void)
{
	if (host_this->irqs_on | host_this->nmi_pending | host_stepping) {
		host_point_local_slow();
	}
}

/* Within a read-modify-write of this cpu's own: a point only if the machine is broken so. */
static inline void
host_point_torn(void)
{
	if (host_broken & HOST_BROKEN_LOCAL) {
		host_point_local();
	}
}

/* The return to user code: drains the buffer, and interrupts are on. irqs off. */
void host_return_to_user(void);

/* ---- for the explorer: before and between runs ---- */

/*
 * Chooses: the number of one of `count` transitions. First the STEP of the cpu that ran last, if it
 * can, then the rest of its own, then the other cpus'.
 */
extern unsigned int (*host_pick)(const struct host_transition *transitions, unsigned int count);

/* It is asked even where there is only one. */
extern bool host_pick_alone;

/*
 * In host_pick(), at once: this interrupt, or an NMI, becomes pending on the cpu; the clock goes on
 * to the cpu's timer, if it has one. Then it returns HOST_AGAIN, and is asked anew.
 */
void host_raise(unsigned int cpu, unsigned int kind);
void host_raise_nmi(unsigned int cpu);
void host_clock_to_timer(unsigned int cpu);
#define HOST_AGAIN (~0u)

/*
 * So many points are passed without asking, each counted down: those at which the cpu that runs can
 * go on and has no interrupt to take. Its stores reach memory at once meanwhile. Where it is not
 * so, host_pick is asked, and this stays what it is. A cpu that is held (host_cpu.held) goes on
 * with interrupts pending, but not with an NMI, and its stores wait in its buffer for an operation
 * that cannot be done before. Both are set in host_pick(), where no buffer of others holds a store
 * and the choice is a STEP or an interrupt; 0 in other explorers, and at a boot. Such a run is not
 * told: neither host_transition_seen nor race.h sees what is passed.
 */
extern uint32_t host_plain;

/*
 * Is told of each STEP that a watched cpu passes so, before it happens, and of the stores of a held
 * one that must reach memory before. Of others a store that reaches memory at once is one thing.
 */
extern void (*host_pass_seen)(const struct host_transition *t);

/* Chooses for host_choose(): a number below n. */
extern unsigned int (*host_pick_value)(unsigned int n);

/*
 * false: a local operation is a point only after an operation that others see, or with an interrupt
 * pending; orders of the rest are equivalent. true: always, for explorers that reason about races.
 */
extern bool host_fine;

enum host_end {
	HOST_END_QUIET, /* nothing can happen any more: every cpu halts, or spins in vain */
	HOST_END_EXIT,  /* arch_exit() */
	HOST_END_FAILED,
};

struct host_result {
	enum host_end end;
	int status;       /* EXIT */
	int cpu;          /* FAILED: that failed, or -1: the inspection */
	char reason[256]; /* FAILED */
};

/*
 * Boots: boot() runs as cpu 0 on the caller's stack, alone, with percpu areas, timers, run queues
 * and idle tasks made, count 1, irqs off; then every cpu runs until it halts or stands at
 * host_gate(). That state is what each host_run() starts from. idle: the body of the idle tasks.
 */
void host_boot(unsigned int cpus, void (*boot)(void), void (*idle)(void));

/* One execution from the state after host_boot(), or from an image's. */
void host_run(struct host_result *result);

/*
 * After host_boot(): keeps its state as image n, for runs from it without another boot. The latest
 * host_boot() or host_use_image() says where runs start. host_boot_image(): boots it again, as it
 * was booted, and uses it: so that what a boot leaves elsewhere (records, names) is its own.
 */
void host_keep_image(unsigned int n);
void host_use_image(unsigned int n);
void host_boot_image(unsigned int n);
#define HOST_IMAGES_MAX 8

/*
 * If set, begins each host_run(): as cpu 0, alone, with interrupts off. If cpu 0 halts there, a
 * reschedule interrupt follows. What fails in it has failed the run.
 */
extern void (*host_prepare)(void);

/*
 * In host_pick(): keeps this moment as number n. host_go_on() runs from there: this returns again.
 * false: it is not kept, because it cannot be: in a build with a sanitizer, of whose knowledge
 * there is no copy, with records, where too much is known of races, or before the first cpu moves.
 */
bool host_keep(unsigned int n);
void host_go_on(unsigned int n, struct host_result *result);
#define HOST_KEPT_MAX 24

/* After host_run() or in boot(): runs as cpu 0, alone. A failed check makes result FAILED. */
void host_inspect(void (*fn)(void), struct host_result *result);

/*
 * After a run: a hash of the kernel's memory and the scenario's, but for stacks. Equal runs leave
 * equal memory.
 */
uint64_t host_memory_hash(void);

/* ---- for scenarios ---- */

/* Variables of a scenario that each run finds as boot() left them. */
#define HOST_STATE __attribute__((section("host_state")))

/* A task waits here until the exploration starts. Count 0, irqs on. */
void host_gate(void);

/* This cpu halts for good, with interrupts off; its stores still reach memory. */
_Noreturn void host_stop(void);

/*
 * Any of 0 .. n-1, as the explorer chooses: data of a scenario, or what a device answers. At once,
 * and no point: a value that nobody has been told yet is nobody else's business. A loop that asks
 * until an answer suits it needs a bound of its own. Any context after host_gate(); not in boot()
 * or check(). 1 <= n <= HOST_VALUES_MAX.
 */
unsigned int host_choose(unsigned int n);
#define HOST_VALUES_MAX 16

/* The run has failed. Any context. */
_Noreturn __attribute__((format(printf, 1, 2))) void host_fail(const char *format, ...);

#define HOST_EXPECT(condition)                                                            \
	do {                                                                              \
		if (!(condition)) {                                                       \
			host_fail("%s:%d: expected: %s", __FILE__, __LINE__, #condition); \
		}                                                                         \
	} while (0)

/*
 * User code is a function on the kernel stack of its task; a user program's entry is its address.
 * It calls nothing of the kernel but by host_syscall(), and has points of its own: host_user_step()
 * is one, and fails unless user mode is as it should be: its address space loaded, its register the
 * one that it has set, and RCU not watching.
 */
uint64_t host_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c);

/* A system call that the kernel does not have: fn() is what it does. */
void host_syscall_of(void (*fn)(void));

void host_user_step(void);

/* User code accesses the byte at va, with an exception if nothing is mapped there. */
void host_user_touch(uintptr_t va);

/* Sets the register. */
void host_user_set_word(uint64_t word);

/* Moves the clock; timers of that time become pending. Any context. */
void host_clock_advance(uint64_t ns);

/* This cpu takes an exception here, as from this instruction. faulted: set if it is mended. */
void host_exception(bool *faulted);

/* Is there memory for the kernel? Elsewhere an access faults. */
bool host_is_mapped(const void *addr);

/* An NMI for this cpu; its handler is called in NMI context, NULL: it is nobody's. Any context. */
void host_nmi_send(unsigned int cpu);
extern void (*host_nmi_handler)(void);

/* In that handler: the return from an exception, which lets the next NMI in. */
void host_nmi_unblock(void);

/* If set, is told of each event that the kernel traces in a run, recorded or not. */
extern void (*host_trace_seen)(enum trace_event event, uint32_t a, uint64_t b);

/* If set, is told of each transition of a run, by number, before it happens. */
extern void (*host_transition_seen)(const struct host_transition *t, unsigned int moment);

/*
 * Events (DOORBELL_EVENT_*) from outside the machine, for the cpu that has subscribed; until one
 * has, they wait. Any context.
 */
void host_event_raise(uint32_t events);

/* If set, is told of each interrupt that the current cpu takes, before the kernel's handler. */
extern void (*host_interrupt_seen)(unsigned int cpu);

/*
 * From now on counts how often a locked operation of another cpu than `owner` makes (*addr & mask)
 * nonzero that was zero, while (*addr & unless) is zero. At most HOST_WATCHES_MAX, of 32-bit words;
 * in boot().
 */
void host_watch(const void *addr, uint32_t mask, uint32_t unless, unsigned int owner);
unsigned int host_watched_count(void);
#define HOST_WATCHES_MAX 8

/* Interrupts sent so far (not merged ones), of one kind to one cpu. */
unsigned int host_sent_count(unsigned int cpu, unsigned int kind);

/* Does every cpu halt? At HOST_END_QUIET the others spin. */
bool host_all_halted(void);

struct host_cpu *host_cpu(unsigned int cpu);

/* The text that the kernel wrote in this run. */
const char *host_console(void);
