// SPDX-License-Identifier: ISC
#include "tests/fuzz/exits.h"

#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "shared/payload_abi.h"
#include "tests/host/run.h"

#define CODE_MAX   64u
#define PAGE       4096u
#define PAGES      6u /* that guests want: more than the machine maps */
#define PORT_WALK  0x80u
#define LOOPS_MAX  4u
#define UNKNOWN    2u /* hypercalls that there are not */
#define TIMES      6u
#define AGAINS_MAX 4u

#define WALK_LEVELS 16u

struct instruction {
	uint8_t name;
	uint8_t a;
	uint8_t b;
};

struct code {
	unsigned int count;
	struct instruction list[CODE_MAX];
};

/* By id. */
static struct code programs[EXITS_VCPUS];
static struct code handlers[EXITS_VCPUS];
static bool wants_steal[EXITS_VCPUS];

/* Of one guest, in one run. */
struct guest {
	unsigned int steps;
	unsigned int times; /* that the instruction `times_at` was tried in vain */
	const struct instruction *times_at;
	uint64_t sum;     /* of the program's own results */
	uint64_t msr;     /* as it was written last */
	uint64_t last_ns; /* that it was told */
	uint64_t errors;  /* that it must be charged with */
	uint32_t delivered;
	bool is_unknown;   /* what else was delivered */
	bool is_disturbed; /* its results depend on when things came */
	bool has_begun;
	bool has_ended;
	enum early_cause next_error; /* comes with the next trap */
	/* A trap that an error came with. */
	bool is_watched;
	unsigned int completed;
	unsigned int replayed;
};

static HOST_STATE struct guest guests[EXITS_VCPUS];
static HOST_STATE uint64_t count_written;
static HOST_STATE struct atomic page_gone; /* the last number of a page that was taken away */
static HOST_STATE struct atomic page_free; /* and that nobody used any more */

/* ---- the programs ---- */

static void
add(struct code *code, const struct fuzz_item *item)
{
	if (code->count < CODE_MAX) {
		code->list[code->count++] = (struct instruction){
			.name = (uint8_t)fuzz_arg(item, 1, FUZZ_INSTRUCTION_COUNT),
			.a = (uint8_t)fuzz_arg(item, 2, 256),
			.b = (uint8_t)fuzz_arg(item, 3, 256),
		};
	}
}

void
exits_load(const struct fuzz_input *input)
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	for (unsigned int id = 0; id < EXITS_VCPUS; id++) {
		programs[id].count = 0;
		handlers[id].count = 0;
		wants_steal[id] = false;
	}
	while (fuzz_next(&cursor, &item)) {
		unsigned int id = fuzz_arg(&item, 0, EXITS_VCPUS);

		if (item.kind == FUZZ_VCPU_GUEST) {
			add(&programs[id], &item);
		} else if (item.kind == FUZZ_VCPU_HANDLER) {
			add(&handlers[id], &item);
		} else if (item.kind == FUZZ_VCPU_STEAL) {
			wants_steal[id] = true;
		}
	}
}

bool
exits_has_program(uint32_t id)
{
	return id < EXITS_VCPUS && programs[id].count != 0;
}

const char *
exits_instruction_name(unsigned int instruction)
{
	static const char *const names[] = {
#define NAME(name, words, a, b) [FUZZ_INSTRUCTION_##name] = #name,
		FUZZ_INSTRUCTIONS(NAME)
#undef NAME
	};

	return instruction < FUZZ_INSTRUCTION_COUNT ? names[instruction] : "";
}

/* ---- what guests must find ---- */

static struct guest *
guest_of(const struct vcpu *vcpu)
{
	HOST_EXPECT(vcpu->id < EXITS_VCPUS);
	return &guests[vcpu->id];
}

static bool
is_ours(const struct vcpu *vcpu)
{
	return vcpu->vm->entry == (uintptr_t)exits_guest;
}

/* A trap that an error came with is tried again, whole, unless a reset has come between. */
static void
check_replayed(const struct vcpu *vcpu, struct guest *guest)
{
	if (!guest->is_watched) {
		return;
	}
	guest->is_watched = false;
	if (host_guest_replayed(vcpu) == 0) {
		return;
	}
	if (host_guest_completed(vcpu) != guest->completed) {
		host_fail("vcpu %u: a side effect came before the error", vcpu->id);
	}
	if (host_guest_replayed(vcpu) != guest->replayed + 1) {
		host_fail("vcpu %u: a trap that an error came with was not tried again", vcpu->id);
	}
}

/* While it runs it is not preempted, and its memory says so. */
static void
look_inside(const struct vcpu *vcpu)
{
	const struct payload_steal *steal = vcpu->steal.cached;

	if (HOST_PER_CPU(rcu_wakeup_deferred)) {
		host_fail("vcpu %u runs with a wakeup that RCU has put off", vcpu->id);
	}
	if (vcpu->preempted.value != 0) {
		host_fail("vcpu %u is told to be preempted, and runs", vcpu->id);
	}
	if (steal != NULL && (steal->flags & PAYLOAD_STEAL_PREEMPTED)) {
		host_fail("vcpu %u: a guest that runs finds itself preempted", vcpu->id);
	}
}

/* ---- instructions ---- */

/* One that joins another is not charged for itself. */
static void
note_error(const struct vcpu *vcpu)
{
	if (HOST_PER_CPU(exit_record).early.cause == EARLY_NONE && vcpu->arch.fault == EARLY_NONE) {
		guest_of(vcpu)->errors++;
	}
}

/* With the error that waits for it, if one does. */
static void
trap(struct vcpu *vcpu, const struct vcpu_trap *what)
{
	struct guest *guest = guest_of(vcpu);

	host_guest_trap(vcpu, what);
	if (guest->next_error == EARLY_NONE) {
		return;
	}
	note_error(vcpu);
	host_guest_early_fault(vcpu, guest->next_error, false);
	guest->next_error = EARLY_NONE;
	guest->is_watched = true;
	guest->completed = host_guest_completed(vcpu);
	guest->replayed = host_guest_replayed(vcpu);
}

static void
hypercall(struct vcpu *vcpu, uint64_t number, uint64_t a, uint64_t b)
{
	trap(vcpu,
	     &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL, .value = number, .args = { a, b } });
}

static unsigned int
size_of(uint8_t arg)
{
	return 1u << arg % 4;
}

static uint64_t
port_of(uint8_t arg)
{
	static const uint64_t ports[] = { VM_PORT_CONSOLE, VM_PORT_DOORBELL, 0x60, UINT16_MAX };

	return ports[arg % 4];
}

/* The registers that there are, and some that lie between them, or are none. */
static uint64_t
register_of(uint8_t arg)
{
	static const uint64_t registers[] = {
		VM_MMIO_ID,     VM_MMIO_SCRATCH,   VM_MMIO_COUNT, VM_MMIO_TIMER, VM_MMIO_COUNT,
		VM_MMIO_ID + 4, VM_MMIO_COUNT + 6, 0x20,          VM_MMIO_COUNT, VM_MMIO_SIZE - 8,
	};

	return VM_MMIO + registers[arg % (sizeof(registers) / sizeof(registers[0]))];
}

static uint64_t
msr_of(uint8_t arg)
{
	static const uint64_t msrs[] = { VM_MSR_SCRATCH, VM_MSR_TIME, VM_MSR_SCRATCH, 0x1b };

	return msrs[arg % 4];
}

static uint64_t
page_of(uint8_t arg)
{
	return VM_MEMORY_START + (uint64_t)(arg % PAGES) * PAGE;
}

static uint64_t
saved_register_of(uint8_t arg)
{
	static const uint64_t registers[] = { 0, 16, 17, 15, 18, UINT64_MAX };

	return registers[arg % (sizeof(registers) / sizeof(registers[0]))];
}

static unsigned int exits_handler(struct vcpu *vcpu, unsigned int at);

/* Each vcpu has a place of its own. */
static uint64_t
steal_of(const struct vcpu *vcpu)
{
	return page_of(0) + vcpu->id * sizeof(struct payload_steal);
}

static uint64_t
argument_of(const struct vcpu *vcpu, uint64_t number, uint8_t arg)
{
	const uint64_t places[] = { (uintptr_t)exits_handler, 0, 5, VM_MEMORY_END };
	const uint64_t steals[] = { steal_of(vcpu), steal_of(vcpu) + 8,   0, 5,
		                    VM_MEMORY_END,  steal_of(vcpu) + PAGE };

	switch (number) {
	case HYPERCALL_handler:
		return places[arg % 4];
	case HYPERCALL_saved:
	case HYPERCALL_set_saved:
		return saved_register_of(arg);
	case HYPERCALL_timer:
		return arg * 100000ull;
	case HYPERCALL_steal:
		return steals[arg % 6];
	default:
		return arg;
	}
}

static void
do_hypercall(struct vcpu *vcpu, uint8_t number_arg, uint8_t arg)
{
	uint64_t number = number_arg % (HYPERCALL_COUNT + UNKNOWN + TIMES);

	if (number >= HYPERCALL_COUNT + UNKNOWN) {
		number = HYPERCALL_time; /* which x86's order has a way of its own for */
	}
	hypercall(vcpu, number, argument_of(vcpu, number, arg), arg);
}

static void
do_write(struct vcpu *vcpu, const struct instruction *i)
{
	trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_WRITE,
	                                .addr = register_of(i->a),
	                                .size = (uint8_t)size_of(i->b >> 2),
	                                .value = i->b });
}

/* VCPUs ring each other: values are their numbers, and one that there is not. */
static void
do_out(struct vcpu *vcpu, const struct instruction *i)
{
	trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_OUT,
	                                .addr = port_of(i->a),
	                                .size = 4,
	                                .value = port_of(i->a) == VM_PORT_DOORBELL
	                                                 ? i->b % (EXITS_VCPUS + 1)
	                                                 : i->b });
}

static void
do_touch(struct vcpu *vcpu, uint64_t page)
{
	if (mm_find(vcpu->vm->mm, page, true) == NULL) {
		trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_MEMORY, .addr = page + 8 });
	}
}

static void
do_exception(struct vcpu *vcpu, const struct instruction *i)
{
	static const uint8_t vectors[] = { 6, 14, 13, 3, 1, 0, 17, 8 };

	trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_EXCEPTION,
	                                .vector = vectors[i->a % 8],
	                                .error = i->b,
	                                .addr = i->b });
}

static const enum early_cause causes[] = { EARLY_NMI, EARLY_RECOVERABLE, EARLY_CORRECTED };

/* At once, or with the next trap. */
static void
do_error(struct vcpu *vcpu, const struct instruction *i)
{
	struct guest *guest = guest_of(vcpu);
	enum early_cause cause = causes[i->a % 3];

	if (i->b % 2 != 0) {
		guest->next_error = cause;
		return;
	}
	note_error(vcpu);
	host_guest_early_fault(vcpu, cause, true);
}

/* What raised the exception that the handler was entered for is behind it. */
static void
do_skip(struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = &vcpu->arch;

	if (arch->event.vector < PAYLOAD_VECTOR_FIRST && arch->event.vector != PAYLOAD_VECTOR_NMI &&
	    arch->event.vector != PAYLOAD_VECTOR_MACHINE_CHECK && arch->depth != 0) {
		hypercall(vcpu, HYPERCALL_set_saved, 16, arch->interrupted[arch->depth - 1].at + 1);
	}
}

/* Is it to be tried once more? */
static bool
try_again(struct guest *guest, const struct instruction *i, unsigned int times)
{
	if (guest->times_at != i) {
		guest->times_at = i;
		guest->times = 0;
	}
	if (guest->times == times) {
		guest->times_at = NULL;
		return false;
	}
	guest->times++;
	return true;
}

static void
do_simple(struct vcpu *vcpu, enum vcpu_trap_kind kind)
{
	trap(vcpu, &(struct vcpu_trap){ .kind = kind });
}

/* Returns which instruction comes then. */
static unsigned int
execute(struct vcpu *vcpu, const struct instruction *i, unsigned int at)
{
	struct guest *guest = guest_of(vcpu);

	switch (i->name) {
	case FUZZ_INSTRUCTION_WORD:
		host_guest_set_word(vcpu, i->a);
		break;
	case FUZZ_INSTRUCTION_LOOP:
		return try_again(guest, i, 1 + i->a % LOOPS_MAX) ? at : at + 1;
	case FUZZ_INSTRUCTION_JUMP:
		return at - (i->a % 8 < at ? i->a % 8 : at);
	case FUZZ_INSTRUCTION_IN:
		trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_IN,
		                                .addr = port_of(i->a),
		                                .size = (uint8_t)size_of(i->b % 3) });
		break;
	case FUZZ_INSTRUCTION_OUT:
		do_out(vcpu, i);
		break;
	case FUZZ_INSTRUCTION_READ:
		trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_READ,
		                                .addr = register_of(i->a),
		                                .size = (uint8_t)size_of(i->b) });
		break;
	case FUZZ_INSTRUCTION_WRITE:
		do_write(vcpu, i);
		break;
	case FUZZ_INSTRUCTION_TOUCH:
		do_touch(vcpu, page_of(i->a));
		break;
	case FUZZ_INSTRUCTION_RDMSR:
		trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_RDMSR, .addr = msr_of(i->a) });
		break;
	case FUZZ_INSTRUCTION_WRMSR:
		trap(vcpu, &(struct vcpu_trap){
				   .kind = VCPU_TRAP_WRMSR, .addr = msr_of(i->a), .value = i->b });
		break;
	case FUZZ_INSTRUCTION_CLI:
		do_simple(vcpu, VCPU_TRAP_CLI);
		break;
	case FUZZ_INSTRUCTION_STI:
		do_simple(vcpu, VCPU_TRAP_STI);
		break;
	case FUZZ_INSTRUCTION_HLT:
		do_simple(vcpu, VCPU_TRAP_HLT);
		break;
	case FUZZ_INSTRUCTION_STI_HLT:
		do_simple(vcpu, VCPU_TRAP_STI_HLT);
		break;
	case FUZZ_INSTRUCTION_HYPERCALL:
		do_hypercall(vcpu, i->a, i->b);
		break;
	case FUZZ_INSTRUCTION_EXCEPTION:
		do_exception(vcpu, i);
		break;
	case FUZZ_INSTRUCTION_ERROR:
		do_error(vcpu, i);
		break;
	case FUZZ_INSTRUCTION_NMI:
		host_raise_nmi(host_this->id);
		break;
	case FUZZ_INSTRUCTION_AGAIN:
		if (try_again(guest, i, i->a % AGAINS_MAX)) {
			do_simple(vcpu, VCPU_TRAP_AGAIN);
		}
		break;
	case FUZZ_INSTRUCTION_WALK:
		trap(vcpu,
		     &(struct vcpu_trap){ .kind = VCPU_TRAP_IN, .addr = PORT_WALK, .size = 1 });
		break;
	case FUZZ_INSTRUCTION_SKIP:
		do_skip(vcpu);
		break;
	case FUZZ_INSTRUCTION_SHUTDOWN:
		hypercall(vcpu, HYPERCALL_shutdown, i->a, 0);
		break;
	default:
		break;
	}
	return at + 1;
}

/* Is there one left to be done? */
static bool
take_step(struct vcpu *vcpu)
{
	struct guest *guest = guest_of(vcpu);

	look_inside(vcpu);
	check_replayed(vcpu, guest);
	if (guest->steps == EXITS_STEPS_MAX) {
		guest->is_disturbed = true;
		return false;
	}
	guest->steps++;
	return true;
}

#define BEGIN 2u /* instructions before the program's */

/* First it says where its handler is, if there is one, and where it wants its steal time. */
static unsigned int
begin(struct vcpu *vcpu, struct guest *guest, unsigned int at)
{
	if (at == 0) {
		guest->is_disturbed |= guest->has_begun;
		guest->has_begun = true;
	}
	if (at == 0 && handlers[vcpu->id].count != 0) {
		hypercall(vcpu, HYPERCALL_handler, (uintptr_t)exits_handler, 0);
	}
	if (at == 1 && wants_steal[vcpu->id]) {
		hypercall(vcpu, HYPERCALL_steal, steal_of(vcpu), 0);
	}
	return at + 1;
}

unsigned int
exits_guest(struct vcpu *vcpu, unsigned int at)
{
	struct guest *guest = guest_of(vcpu);
	const struct code *code = &programs[vcpu->id];
	const struct instruction *i;

	if (!take_step(vcpu) || at >= BEGIN + code->count) {
		hypercall(vcpu, HYPERCALL_shutdown, EXITS_STATUS, 0);
		return at;
	}
	if (at < BEGIN) {
		return begin(vcpu, guest, at);
	}
	i = &code->list[at - BEGIN];
	if (i->name == FUZZ_INSTRUCTION_COMPUTE) {
		guest->sum = guest->sum * 31 + i->a;
	}
	return execute(vcpu, i, at);
}

/* What an event came with is there until the next one comes: one within another hides it. */
static void
note_delivered(const struct vcpu *vcpu, struct guest *guest)
{
	unsigned int vector = host_guest_event(vcpu).vector;

	if (vector >= PAYLOAD_VECTOR_FIRST) {
		guest->delivered |= 1u << (vector - PAYLOAD_VECTOR_FIRST);
	} else {
		guest->is_unknown |= vcpu->arch.depth > 1;
	}
}

static unsigned int
exits_handler(struct vcpu *vcpu, unsigned int at)
{
	const struct code *code = &handlers[vcpu->id];

	if (at == 0) {
		note_delivered(vcpu, guest_of(vcpu));
	}
	if (!take_step(vcpu) || at >= code->count) {
		hypercall(vcpu, HYPERCALL_return, 0, 0);
		return at + 1;
	}
	return execute(vcpu, &code->list[at], at);
}

unsigned int
exits_small(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_WRITE,
		                                           .addr = VM_MMIO + VM_MMIO_COUNT,
		                                           .size = 8,
		                                           .value = 1 });
	} else {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
		                                           .value = HYPERCALL_shutdown,
		                                           .args = { EXITS_STATUS } });
	}
	return at + 1;
}

/* ---- answers ---- */

static uint64_t
ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

static void
expect(const struct vcpu *vcpu, const char *what, uint64_t wanted)
{
	uint64_t result = host_guest_result(vcpu);

	if (result != wanted) {
		host_fail("vcpu %u: %s gave %#llx, not %#llx", vcpu->id, what,
		          (unsigned long long)result, (unsigned long long)wanted);
	}
}

static void
check_read(const struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	uint64_t at = trap->addr - VM_MMIO;

	if (at % 8 + trap->size > 8 || at >= VM_MMIO_TIMER) {
		expect(vcpu, "a register that is none", ones(trap->size));
	} else if (at / 8 == VM_MMIO_ID / 8) {
		expect(vcpu, "the machine's register ID",
		       VM_MMIO_MAGIC >> at % 8 * 8 & ones(trap->size));
	}
}

static void
check_time(const struct vcpu *vcpu, struct guest *guest)
{
	uint64_t now_ns = host_guest_result(vcpu);

	if (now_ns < guest->last_ns) {
		host_fail("vcpu %u: time goes back", vcpu->id);
	}
	guest->last_ns = now_ns;
}

static bool
is_saved(const struct vcpu *vcpu, uint64_t number)
{
	return vcpu->arch.depth != 0 && (number == 0 || number == 16 || number == 17);
}

static void
check_hypercall(const struct vcpu *vcpu, struct guest *guest, const struct vcpu_trap *trap)
{
	const uint64_t invalid = (uint64_t)-EINVAL;
	uint64_t arg = trap->args[0];

	switch (trap->value) {
	case HYPERCALL_handler:
		expect(vcpu, "handler()", arg == 0 || vm_is_memory(arg) ? 0 : invalid);
		break;
	case HYPERCALL_return:
		expect(vcpu, "return() from no handler", invalid);
		break;
	case HYPERCALL_saved:
		if (!is_saved(vcpu, arg)) {
			expect(vcpu, "saved()", invalid);
		}
		break;
	case HYPERCALL_set_saved:
		expect(vcpu, "set_saved()", is_saved(vcpu, arg) ? 0 : invalid);
		break;
	case HYPERCALL_time:
		check_time(vcpu, guest);
		break;
	case HYPERCALL_steal:
		if (arg % sizeof(struct payload_steal) != 0 || (arg != 0 && !vm_is_memory(arg))) {
			expect(vcpu, "steal()", invalid);
		}
		break;
	case HYPERCALL_vcpus:
		HOST_EXPECT(host_guest_result(vcpu) - 1 < EXITS_VCPUS);
		break;
	default:
		expect(vcpu, "a hypercall", trap->value < HYPERCALL_COUNT ? 0 : (uint64_t)-ENOSYS);
		break;
	}
}

/* Its owner, in handle_exit(): what is gone before it looks may be free; what goes later may not.
 */
static void
walk(struct vcpu *vcpu)
{
	uint32_t gone;

	walk_shadow_page_lockless_begin(vcpu);
	gone = atomic_load(&page_gone);
	for (unsigned int level = 0; level < WALK_LEVELS; level++) {
		if (atomic_load(&page_free) > gone) {
			host_fail("vcpu %u walks tables that are free", vcpu->id);
		}
	}
	walk_shadow_page_lockless_end(vcpu);
}

/*
 * What the vcpu's own cpu asks of it while it handles the exit: in x86's fast path mode is IN
 * there, and nothing is sent.
 */
static void
ask_itself(struct vcpu *vcpu, uint64_t what)
{
	switch (what % 4) {
	case 1:
		vcpu_kick(vcpu);
		break;
	case 2:
		vcpu_make_request(vcpu, VCPU_REQ_FLUSH_ALL, 0);
		break;
	case 3:
		vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
		break;
	default:
		break;
	}
}

static void
note(struct vcpu *vcpu, struct guest *guest, const struct vcpu_trap *trap)
{
	bool is_one_register = trap->addr % 8 + trap->size <= 8;

	if (trap->kind == VCPU_TRAP_WRITE && is_one_register &&
	    (trap->addr - VM_MMIO) / 8 == VM_MMIO_COUNT / 8) {
		count_written++;
	}
	if (trap->kind == VCPU_TRAP_WRMSR) {
		guest->msr = trap->value;
	}
	if (trap->kind == VCPU_TRAP_HYPERCALL && trap->value == HYPERCALL_set_saved &&
	    vcpu->arch.event.vector >= PAYLOAD_VECTOR_FIRST) {
		guest->is_disturbed = true;
	}
	if (vcpu->arch.depth == 0 && !guest->has_ended) {
		guest->sum = guest->sum * 31 + trap->kind;
		guest->has_ended = trap->kind == VCPU_TRAP_HYPERCALL &&
		                   trap->value == HYPERCALL_shutdown &&
		                   trap->args[0] == EXITS_STATUS;
	}
}

void
exits_completed(struct vcpu *vcpu)
{
	const struct vcpu_trap *trap = &vcpu->arch.trap;
	struct guest *guest;

	if (!is_ours(vcpu)) {
		return;
	}
	guest = guest_of(vcpu);
	switch (trap->kind) {
	case VCPU_TRAP_IN:
		expect(vcpu, "a port", ones(trap->size));
		break;
	case VCPU_TRAP_READ:
		check_read(vcpu, trap);
		break;
	case VCPU_TRAP_RDMSR:
		if (trap->addr == VM_MSR_SCRATCH) {
			expect(vcpu, "an MSR that was written", guest->msr);
		} else {
			check_time(vcpu, guest);
		}
		break;
	case VCPU_TRAP_HYPERCALL:
		check_hypercall(vcpu, guest, trap);
		break;
	default:
		expect(vcpu, "an instruction without a result", 0);
		break;
	}
	note(vcpu, guest, trap);
	if (trap->kind == VCPU_TRAP_IN && trap->addr == PORT_WALK) {
		walk(vcpu);
	}
	if (trap->kind == VCPU_TRAP_HYPERCALL && trap->value == HYPERCALL_time) {
		ask_itself(vcpu, trap->args[0]);
	}
}

/* ---- what comes from outside ---- */

uint32_t
exits_take_delivered(uint32_t id, bool *is_known)
{
	uint32_t delivered = guests[id].delivered;

	guests[id].delivered = 0;
	*is_known = !guests[id].is_unknown;
	return delivered;
}

bool
exits_is_delivered(const struct vcpu *vcpu, unsigned int vector)
{
	return vcpu->arch.place.fn == (uintptr_t)exits_handler && vcpu->arch.place.at == 0 &&
	       vcpu->arch.event.vector == vector;
}

void
exits_take_nmi(enum early_cause cause)
{
	const struct vcpu *vcpu = HOST_PER_CPU(running_vcpu);

	if (!early_fault_is_awaited()) {
		return;
	}
	HOST_EXPECT(vcpu != NULL);
	if (is_ours(vcpu)) {
		note_error(vcpu);
	}
	early_fault_raise(cause);
}

void
exits_take_page_away(void (*flush)(void))
{
	uint32_t number = atomic_fetch_add(&page_gone, 1) + 1;
	uint32_t translations;
	uint32_t is_free;

	host_guest_remap();
	translations = machine.translations;
	flush();
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].in_guest &&
		    machine.cpus[n].guest->vm->entry == (uintptr_t)exits_guest &&
		    (int32_t)(machine.cpus[n].translations - translations) < 0) {
			host_fail("cpu %u runs a guest with translations of a page that is gone",
			          n);
		}
	}
	is_free = atomic_load(&page_free);
	while (is_free < number && !atomic_try_cmpxchg(&page_free, &is_free, number)) {
		/* bounded: by those who take pages away */
	}
}

/* ---- results ---- */

uint64_t
exits_count_written(void)
{
	return count_written;
}

uint64_t
exits_words(uint32_t id)
{
	const struct guest *guest = &guests[id];

	return guest->has_ended && !guest->is_disturbed ? guest->sum << 1 | 1 : 0;
}

uint64_t
exits_errors(uint32_t id)
{
	return guests[id].errors;
}
