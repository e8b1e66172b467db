// SPDX-License-Identifier: ISC
/*
 * The guests: which instruction comes, and what a guest must find before it does one.
 */
#include "guest/rcu.h"
#include "shared/payload_abi.h"
#include "tests/fuzz/vcpu/instructions.h"

/* ---- what guests must find ---- */

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

/* A fast path is not an entry. */
static void
check_left(const struct vcpu *vcpu, struct guest *guest)
{
	if (guest->is_to_leave && vcpu->stats.entries == guest->entered) {
		host_fail("vcpu %u was asked to leave its guest by its own cpu, and goes on",
		          vcpu->id);
	}
	guest->is_to_leave = false;
}

/* ---- step by step ---- */

/* Is there one left to be done? */
static bool
take_step(struct vcpu *vcpu)
{
	struct guest *guest = guest_of(vcpu);

	look_inside(vcpu);
	check_left(vcpu, guest);
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
	if (at == 0 && exits_handlers[vcpu->id].count != 0) {
		instructions_hypercall(vcpu, HYPERCALL_handler, (uintptr_t)exits_handler, 0);
	}
	if (at == 1 && exits_want_steal[vcpu->id]) {
		instructions_hypercall(vcpu, HYPERCALL_steal, instructions_steal(vcpu), 0);
	}
	return at + 1;
}

unsigned int
exits_guest(struct vcpu *vcpu, unsigned int at)
{
	struct guest *guest = guest_of(vcpu);
	const struct code *code = &exits_programs[vcpu->id];
	const struct instruction *i;

	if (!take_step(vcpu) || at >= BEGIN + code->count) {
		instructions_hypercall(vcpu, HYPERCALL_shutdown, EXITS_STATUS, 0);
		return at;
	}
	if (at < BEGIN) {
		return begin(vcpu, guest, at);
	}
	i = &code->list[at - BEGIN];
	if (i->name == FUZZ_INSTRUCTION_COMPUTE) {
		guest->sum = guest->sum * 31 + i->a;
	}
	return instructions_do(vcpu, i, at);
}

/*
 * What an event came with is there until the next one comes: an error before the handler's first
 * instruction hides it.
 */
static void
note_event(const struct vcpu *vcpu, struct guest *guest)
{
	const struct arch_vcpu *arch = &vcpu->arch;
	const struct arch_guest_place *outer = &arch->interrupted[arch->depth - 1];
	uint32_t vector = host_guest_event(vcpu).vector;

	HOST_EXPECT(arch->depth != 0);
	guest->events[arch->depth] = vector;
	if (vector >= PAYLOAD_VECTOR_FIRST) {
		guest->delivered |= 1u << (vector - PAYLOAD_VECTOR_FIRST);
	}
	if (outer->fn == (uintptr_t)exits_handler && outer->at == 0) {
		guest->is_unknown = true;
		guest->is_disturbed = true;
	}
}

unsigned int
exits_handler(struct vcpu *vcpu, unsigned int at)
{
	const struct code *code = &exits_handlers[vcpu->id];

	if (at == 0) {
		note_event(vcpu, guest_of(vcpu));
	}
	if (!take_step(vcpu) || at >= code->count) {
		instructions_hypercall(vcpu, HYPERCALL_return, 0, 0);
		return at + 1;
	}
	return instructions_do(vcpu, &code->list[at], at);
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
