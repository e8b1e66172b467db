// SPDX-License-Identifier: ISC
/*
 * Where a trap is completed: is the answer the one that it must get?
 */
#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/vcpu_request.h"
#include "shared/payload_abi.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/vcpu/instructions.h"

#define WALK_LEVELS 16u

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

static void
leave_walk(const struct vcpu_trap *trap, unsigned int level)
{
	if (trap->addr == PORT_LEFT_WALK && trap->args[0] % WALK_LEVELS == level) {
		schedule_act(FUZZ_ACTION_SWITCH, (unsigned int)trap->args[1]);
	}
}

/* Its owner, in handle_exit(): what is gone before it looks may be free; what goes later may not.
 */
static void
walk(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	uint32_t gone;

	if (trap->addr == PORT_LEFT_WALK) {
		schedule_act(FUZZ_ACTION_HOLD, raw_smp_processor_id());
	}
	walk_shadow_page_lockless_begin(vcpu);
	gone = atomic_load(&exits_page_gone);
	for (unsigned int level = 0; level < WALK_LEVELS; level++) {
		leave_walk(trap, level);
		if (atomic_load(&exits_page_free) > gone) {
			host_fail("vcpu %u walks tables that are free", vcpu->id);
		}
	}
	walk_shadow_page_lockless_end(vcpu);
}

/* Whether an address is a device's, or memory's, the tables say. */
static bool
has_walk(const struct vcpu_trap *trap)
{
	return trap->kind == VCPU_TRAP_READ || trap->kind == VCPU_TRAP_WRITE ||
	       trap->kind == VCPU_TRAP_MEMORY ||
	       (trap->kind == VCPU_TRAP_IN &&
	        (trap->addr == PORT_WALK || trap->addr == PORT_LEFT_WALK));
}

/*
 * What the vcpu's own cpu asks of it while it handles the exit: in x86's fast path mode is IN
 * there, and nothing is sent; but before it is in its guest again it leaves.
 */
static void
ask_itself(struct vcpu *vcpu, uint64_t what)
{
	struct guest *guest = guest_of(vcpu);

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
	if (vcpu->mode.value == EXITING_GUEST_MODE) {
		guest->is_to_leave = true;
		guest->entered = vcpu->stats.entries;
	}
}

static void
note(struct vcpu *vcpu, struct guest *guest, const struct vcpu_trap *trap)
{
	bool is_one_register = trap->addr % 8 + trap->size <= 8;

	if (trap->kind == VCPU_TRAP_WRITE && is_one_register &&
	    (trap->addr - VM_MMIO) / 8 == VM_MMIO_COUNT / 8) {
		exits_writes++;
	}
	if (trap->kind == VCPU_TRAP_WRMSR) {
		guest->msr = trap->value;
	}
	if (trap->kind == VCPU_TRAP_HYPERCALL && trap->value == HYPERCALL_set_saved &&
	    vcpu->arch.depth != 0 && !is_in_exception(vcpu)) {
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
	if (has_walk(trap)) {
		walk(vcpu, trap);
	}
	if (trap->kind == VCPU_TRAP_HYPERCALL && trap->value == HYPERCALL_time) {
		ask_itself(vcpu, trap->args[0]);
	}
}
