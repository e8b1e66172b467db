// SPDX-License-Identifier: ISC
/*
 * The instructions, as guests do them.
 */
#include "tests/fuzz/vcpu/instructions.h"

#include "guest/mm.h"
#include "shared/payload_abi.h"
#include "tests/fuzz/schedule.h"

#define PAGE        4096u
#define PAGES       6u /* that guests want: more than the machine maps */
#define LOOPS_MAX   4u
#define UNKNOWN     2u /* hypercalls that there are not */
#define TIMES       6u
#define AGAINS_MAX  4u
#define LATE_POINTS 64u /* at most: an exit's early handling is over then */
/* From a trap to where it is handled: the fewest, and how many more there may be. */
#define SHARE_POINTS      8u
#define SHARE_POINTS_MORE 48u

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

void
instructions_hypercall(struct vcpu *vcpu, uint64_t number, uint64_t a, uint64_t b)
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

uint64_t
instructions_steal(const struct vcpu *vcpu)
{
	return page_of(0) + vcpu->id * sizeof(struct payload_steal);
}

static uint64_t
argument_of(const struct vcpu *vcpu, uint64_t number, uint8_t arg)
{
	const uint64_t places[] = { (uintptr_t)exits_handler, 0, 5, VM_MEMORY_END };
	const uint64_t steals[] = {
		instructions_steal(vcpu),       instructions_steal(vcpu) + 8, 0, 5, VM_MEMORY_END,
		instructions_steal(vcpu) + PAGE
	};

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
	instructions_hypercall(vcpu, number, argument_of(vcpu, number, arg), arg);
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

/* What is done in two steps is left between them, for the other guest, who does the same. */
static void
do_share(struct vcpu *vcpu, const struct instruction *i)
{
	schedule_act_later(SHARE_POINTS + i->b % SHARE_POINTS_MORE, FUZZ_ACTION_SWITCH,
	                   host_this->id + 1);
	if (i->a % 2 == 0) {
		do_touch(vcpu, page_of(i->b));
	} else {
		trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_WRITE,
		                                .addr = VM_MMIO + VM_MMIO_COUNT,
		                                .size = 8 });
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

	if (is_in_exception(vcpu)) {
		instructions_hypercall(vcpu, HYPERCALL_set_saved, 16,
		                       arch->interrupted[arch->depth - 1].at + 1);
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

unsigned int
instructions_do(struct vcpu *vcpu, const struct instruction *i, unsigned int at)
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
	case FUZZ_INSTRUCTION_LATE_NMI:
		schedule_act_later(i->a % LATE_POINTS, FUZZ_ACTION_NMI, host_this->id);
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
	case FUZZ_INSTRUCTION_LEFT_WALK:
		trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_IN,
		                                .addr = PORT_LEFT_WALK,
		                                .size = 1,
		                                .args = { i->a, i->b } });
		break;
	case FUZZ_INSTRUCTION_SHARE:
		do_share(vcpu, i);
		break;
	case FUZZ_INSTRUCTION_SKIP:
		do_skip(vcpu);
		break;
	case FUZZ_INSTRUCTION_SHUTDOWN:
		instructions_hypercall(vcpu, HYPERCALL_shutdown, i->a, 0);
		break;
	default:
		break;
	}
	return at + 1;
}
