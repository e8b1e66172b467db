// SPDX-License-Identifier: ISC
/*
 * What the guests of the machine ask for and get: traps and their results, handlers, errors.
 */
#include "tests/host/guest.h"

#include "guest/arch.h"
#include "guest/panic.h"
#include "guest/vcpu.h"
#include "tests/host/run.h"

void (*host_guest_completes)(struct vcpu *vcpu);

/* ---- traps ---- */

static void
end_trap(struct vcpu *vcpu, unsigned int at)
{
	HOST_EXPECT(vcpu->arch.trapped);
	vcpu->arch.trapped = false;
	vcpu->arch.place.at = at;
}

void
arch_vcpu_replay(struct vcpu *vcpu)
{
	bool is_behind = vcpu->arch.trap.kind == VCPU_TRAP_HYPERCALL;

	end_trap(vcpu, is_behind ? vcpu->arch.next : vcpu->arch.place.at);
	vcpu->arch.replayed++;
}

void
arch_vcpu_decode(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	ASSERT(!arch_irqs_disabled());
	*trap = (struct vcpu_trap){ .kind = VCPU_TRAP_AGAIN };
	if (vcpu->arch.trapped) {
		*trap = vcpu->arch.trap;
	}
}

bool
arch_vcpu_is_hypercall(const struct vcpu *vcpu, uint64_t number)
{
	ASSERT(arch_irqs_disabled());
	return vcpu->arch.trapped && vcpu->arch.trap.kind == VCPU_TRAP_HYPERCALL &&
	       vcpu->arch.trap.value == number;
}

void
arch_vcpu_complete(struct vcpu *vcpu, const struct vcpu_trap *trap, uint64_t result)
{
	bool is_behind = trap->kind == VCPU_TRAP_HYPERCALL;

	HOST_EXPECT(trap->kind == vcpu->arch.trap.kind);
	end_trap(vcpu, is_behind ? vcpu->arch.place.at : vcpu->arch.next);
	vcpu->arch.place.result = result;
	vcpu->arch.completed++;
	if (trap->kind == VCPU_TRAP_STI && trap->args[0] == VCPU_TRAP_HLT) {
		vcpu->arch.trapped = true;
		vcpu->arch.trap = (struct vcpu_trap){ .kind = VCPU_TRAP_HLT };
		vcpu->arch.next++;
	}
	if (host_guest_completes != NULL) {
		host_guest_completes(vcpu);
	}
}

/* ---- handlers ---- */

void
arch_vcpu_set_handler(struct vcpu *vcpu, uint64_t addr)
{
	vcpu->arch.handler = addr;
}

bool
arch_vcpu_has_handler(const struct vcpu *vcpu)
{
	return vcpu->arch.handler != 0;
}

bool
arch_vcpu_can_nest(const struct vcpu *vcpu)
{
	return vcpu->arch.depth < PAYLOAD_NESTING_MAX;
}

uint64_t
arch_vcpu_ip(const struct vcpu *vcpu)
{
	return vcpu->arch.place.at;
}

bool
arch_vcpu_handler_return(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	if (arch->depth == 0) {
		return false;
	}
	HOST_EXPECT(arch->trapped);
	arch->trapped = false;
	arch->place = arch->interrupted[--arch->depth];
	vcpu->interrupts_on = arch->place.interrupts_on;
	return true;
}

/* payload_abi.h's numbers: rax, rip and rflags are there. */
enum {
	REG_RESULT = 0,
	REG_AT = 16,
	REG_FLAGS = 17,
};

bool
arch_vcpu_saved(struct vcpu *vcpu, unsigned int reg, uint64_t *value)
{
	const struct arch_guest_place *place;

	if (vcpu->arch.depth == 0 || (reg != REG_RESULT && reg != REG_AT && reg != REG_FLAGS)) {
		return false;
	}
	place = &vcpu->arch.interrupted[vcpu->arch.depth - 1];
	*value = reg == REG_RESULT ? place->result
	         : reg == REG_AT   ? place->at
	                           : place->interrupts_on * HOST_FLAGS_IF;
	return true;
}

bool
arch_vcpu_set_saved(struct vcpu *vcpu, unsigned int reg, uint64_t value)
{
	struct arch_guest_place *place;

	if (vcpu->arch.depth == 0 || (reg != REG_RESULT && reg != REG_AT && reg != REG_FLAGS)) {
		return false;
	}
	place = &vcpu->arch.interrupted[vcpu->arch.depth - 1];
	if (reg == REG_RESULT) {
		place->result = value;
	} else if (reg == REG_AT) {
		place->at = (unsigned int)value;
	} else {
		place->interrupts_on = value & HOST_FLAGS_IF;
	}
	return true;
}

/* ---- what guests call ---- */

void
host_guest_trap(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	HOST_EXPECT(host_this->in_guest);
	vcpu->arch.trapped = true;
	vcpu->arch.trap = *trap;
}

void
host_guest_gate(struct vcpu *vcpu)
{
	HOST_EXPECT(host_this->in_guest);
	vcpu->arch.at_gate = true;
}

uint64_t
host_guest_load(struct vcpu *vcpu, const struct atomic *word)
{
	HOST_EXPECT(host_this->in_guest);
	vcpu->arch.reads = word;
	return word->value;
}

uint64_t
host_guest_result(const struct vcpu *vcpu)
{
	return vcpu->arch.place.result;
}

void
host_guest_early_fault(struct vcpu *vcpu, enum early_cause cause, bool exits)
{
	HOST_EXPECT(host_this->in_guest);
	vcpu->arch.fault = cause;
	vcpu->arch.exits = exits;
}

/* An endless loop ends, too. */
void
host_guest_strike(unsigned int cpu, enum early_cause cause)
{
	struct host_cpu *target = &machine.cpus[cpu];
	struct vcpu *vcpu = target->in_guest ? (struct vcpu *)(uintptr_t)target->guest : NULL;

	if (vcpu != NULL) {
		vcpu->arch.fault = cause;
		vcpu->arch.exits = true;
		target->spin_over = true;
	}
}

void
host_guest_remap(void)
{
	machine_point((struct host_op){ HOST_OP_LOCKED, &machine.translations });
	machine.translations++;
}

bool
host_guest_is_stale(const struct vcpu *vcpu)
{
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].guest == vcpu) {
			return machine.cpus[n].translations != machine.translations;
		}
	}
	return false;
}

void
host_guest_set_word(struct vcpu *vcpu, uint64_t word)
{
	HOST_EXPECT(host_this->in_guest);
	host_this->guest_word = word;
	vcpu->arch.expected = word;
}

struct host_guest_event
host_guest_event(const struct vcpu *vcpu)
{
	return (struct host_guest_event){ vcpu->arch.event.vector, vcpu->arch.event.error,
		                          vcpu->arch.event.addr };
}

unsigned int
host_guest_completed(const struct vcpu *vcpu)
{
	return vcpu->arch.completed;
}

unsigned int
host_guest_replayed(const struct vcpu *vcpu)
{
	return vcpu->arch.replayed;
}
