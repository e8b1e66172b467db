// SPDX-License-Identifier: ISC
/*
 * Guest mode of the machine: a register that is loaded and put, instructions, and exits. What
 * guests ask for, and get, is guest.c's.
 */
#include "guest/vcpu.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "tests/host/counter.h"
#include "tests/host/guest.h"
#include "tests/host/kernel.h"
#include "tests/host/race.h"
#include "tests/host/run.h"

#define WORD_OF_NOBODY 0xdeadu

/* ---- a vcpu's life ---- */

bool
arch_vcpu_init(struct vcpu *vcpu)
{
	(void)vcpu; /* all is in struct arch_vcpu */
	return true;
}

static void
expect_loaded_nowhere(const struct vcpu *vcpu, const char *what)
{
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].guest == vcpu) {
			host_fail("a vcpu that cpu %u has loaded is %s", n, what);
		}
	}
}

void
arch_vcpu_free(struct vcpu *vcpu)
{
	expect_loaded_nowhere(vcpu, "freed");
}

/* That it is not loaded is not looked at: what comes of it, the guest finds. */
void
arch_vcpu_reset(struct vcpu *vcpu)
{
	ASSERT(preempt_count() != 0 || !CONFIG_PREEMPT_COUNT);
	race_write(&vcpu->arch, sizeof(vcpu->arch));
	vcpu->arch = (struct arch_vcpu){ .place.fn = vcpu->vm->entry };
}

/* ---- on and off a cpu ---- */

void
arch_vcpu_load(struct vcpu *vcpu, unsigned int cpu)
{
	ASSERT(!arch_irqs_disabled());
	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT(cpu == host_this->id);
	HOST_EXPECT(HOST_PER_CPU(running_vcpu) == vcpu);
	expect_loaded_nowhere(vcpu, "loaded");
	HOST_EXPECT(host_this->guest == NULL);
	host_point_local();
	race_read(&vcpu->arch, sizeof(vcpu->arch));
	host_this->guest_word = vcpu->arch.word;
	machine_point((struct host_op){ HOST_OP_LOAD, &machine.translations });
	host_this->translations = machine.translations;
	host_this->guest = vcpu;
}

void
arch_vcpu_put(struct vcpu *vcpu)
{
	ASSERT(preempt_count() != 0 || !CONFIG_PREEMPT_COUNT);
	HOST_EXPECT(HOST_PER_CPU(running_vcpu) == vcpu);
	HOST_EXPECT(host_this->guest == vcpu);
	HOST_EXPECT(host_this->unhandled == 0);
	host_point_local();
	race_write(&vcpu->arch, sizeof(vcpu->arch));
	vcpu->arch.word = host_this->guest_word;
	host_point_local();
	host_this->guest_word = WORD_OF_NOBODY;
	host_this->guest_ready = false;
	host_this->guest = NULL;
}

void
arch_vcpu_flush(struct vcpu *vcpu)
{
	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT(host_this->guest == vcpu);
	machine_point((struct host_op){ HOST_OP_LOAD, &machine.translations });
	host_this->translations = machine.translations;
}

void
arch_vcpu_prepare_switch_to_guest(struct vcpu *vcpu)
{
	ASSERT(!arch_irqs_disabled());
	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT(host_this->guest == vcpu);
	host_point_local();
	host_this->guest_ready = true;
}

/* ---- the entry, and the exit ---- */

static void
deliver(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	HOST_EXPECT(arch->handler != 0);
	HOST_EXPECT(arch_vcpu_can_nest(vcpu));
	arch->place.interrupts_on = vcpu->interrupts_on;
	arch->interrupted[arch->depth++] = arch->place;
	arch->place = (struct arch_guest_place){ .fn = arch->handler };
	arch->event.vector = vcpu->injected.vector;
	arch->event.error = vcpu->injected.error;
	arch->event.addr = vcpu->injected.addr;
	vcpu->interrupts_on = false;
	vcpu->injected.valid = false;
}

static void
begin(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	HOST_EXPECT(host_this->guest == vcpu);
	HOST_EXPECT(host_this->guest_ready);
	HOST_EXPECT(host_this->unhandled == 0);
	if (arch->trapped) {
		HOST_EXPECT(arch->trap.kind != VCPU_TRAP_HYPERCALL);
		arch->trapped = false;
	}
	if (vcpu->injected.valid) {
		deliver(vcpu);
	}
}

static void
expect_guest_mode(const struct vcpu *vcpu)
{
	uint32_t context = (uint32_t)HOST_PER_CPU(context_tracking).value;
	uint32_t mode = (uint32_t)vcpu->mode.value;

	HOST_EXPECT(host_this->in_guest);
	HOST_EXPECT(host_this->irqs_on);
	HOST_EXPECT(host_this->guest == vcpu);
	HOST_EXPECT(host_this->guest_word == vcpu->arch.expected);
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		HOST_EXPECT((per_cpu(running_vcpu, n) == vcpu) == (n == host_this->id));
	}
	HOST_EXPECT(HOST_PER_CPU(current_task) == vcpu->notifier.task);
	HOST_EXPECT(vcpu->cpu.value == host_this->id);
	HOST_EXPECT(mode == IN_GUEST_MODE || mode == EXITING_GUEST_MODE);
	HOST_EXPECT((counter_peek() & ~PREEMPT_NEED_RESCHED) == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT((context & (CT_CONTEXT_MASK | CT_WATCHING)) == CT_GUEST);
}

/* Did an NMI leave one for this entry? */
static bool
has_error(const struct vcpu *vcpu)
{
	const struct early_fault *early = &HOST_PER_CPU(exit_record).early;

	return early->cause != EARLY_NONE && early->vcpu == vcpu->id &&
	       early->serial == vcpu->serial;
}

/* The next instruction. Does it exit? */
static bool
step(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;
	unsigned int at = arch->place.at;

	expect_guest_mode(vcpu);
	arch->at_gate = false;
	arch->next = ((host_guest *)arch->place.fn)(vcpu, at);
	if (!arch->trapped || arch->trap.kind == VCPU_TRAP_HYPERCALL) {
		arch->place.at = arch->next;
		arch->next = at; /* where a replay begins */
	}
	host_this->spins = !arch->trapped && !arch->at_gate && arch->place.at == at;
	return arch->trapped || arch->exits;
}

static struct host_op
next_op(const struct vcpu *vcpu, bool first)
{
	if (vcpu->arch.at_gate && machine.booting) {
		return (struct host_op){ HOST_OP_GATE, NULL };
	}
	if (first) {
		return (struct host_op){ HOST_OP_SETTLED, &host_this->pending };
	}
	return (struct host_op){ vcpu->arch.reads != NULL ? HOST_OP_LOAD : HOST_OP_LOCAL,
		                 vcpu->arch.reads };
}

static struct vcpu_exit
run_guest(struct vcpu *vcpu)
{
	bool first = true;

	while (!has_error(vcpu)) { /* forever: until it exits */
		enum host_actor actor = machine_guest_point(next_op(vcpu, first));

		if (actor != HOST_STEP && actor != HOST_NMI) {
			return (struct vcpu_exit){ .code = VCPU_EXIT_INTERRUPT,
				                   .vector = actor - HOST_IRQ };
		}
		if (actor == HOST_STEP && !(first && vcpu->arch.reads != NULL) && step(vcpu)) {
			break;
		}
		first &= actor != HOST_STEP;
	}
	machine_guest_exit();
	return (struct vcpu_exit){
		.code = vcpu->arch.trapped ? VCPU_EXIT_TRAP : VCPU_EXIT_EARLY,
		.vector = vcpu->arch.trapped ? vcpu->arch.trap.vector : 0,
	};
}

/* An error that was not handled stays, as in hardware, until somebody reads it. */
static void
write_record(struct vcpu *vcpu, struct vcpu_exit exit)
{
	struct exit_record *record = &HOST_PER_CPU(exit_record);

	race_write(record, sizeof(*record));
	record->exit = exit;
	if (vcpu->arch.fault != EARLY_NONE) {
		early_fault_raise((enum early_cause)vcpu->arch.fault);
	}
	vcpu->arch.fault = EARLY_NONE;
	vcpu->arch.exits = false;
}

void
arch_vcpu_enter(struct vcpu *vcpu)
{
	ASSERT(arch_irqs_disabled());
	begin(vcpu);
	machine_guest_enter();
	write_record(vcpu, run_guest(vcpu));
}

/* ---- the host's interrupts ---- */

/* Which one ended the guest; it is no longer nobody's. */
static unsigned int
take_over(const struct vcpu *vcpu)
{
	ASSERT(arch_irqs_disabled());
	HOST_EXPECT(vcpu->exit.code == VCPU_EXIT_INTERRUPT);
	HOST_EXPECT(host_this->unhandled == 1u << vcpu->exit.vector);
	host_this->unhandled = 0;
	return vcpu->exit.vector;
}

void
arch_vcpu_handle_interrupt(const struct vcpu *vcpu)
{
	unsigned int kind = take_over(vcpu);

	if (host_interrupt_seen != NULL) {
		host_interrupt_seen(host_this->id);
	}
	kernel_interrupt(kind, false);
}

void
arch_vcpu_raise_interrupt(const struct vcpu *vcpu)
{
	unsigned int kind = take_over(vcpu);

	machine_point((struct host_op){ HOST_OP_SEND, &host_this->pending });
	host_this->pending |= (uint8_t)(1u << kind);
}

/* What is pending is taken, unless the flag is off before its shadow ends. */
void
arch_irq_window(void)
{
	ASSERT(arch_irqs_disabled());
	host_this->irqs_on = true;
	if (!bug(WINDOW_TOO_SHORT)) {
		machine_point((struct host_op){ HOST_OP_SETTLED, &host_this->pending });
	}
	host_this->irqs_on = false;
}
