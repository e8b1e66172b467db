// SPDX-License-Identifier: ISC
/*
 * What an exit of ring 3 asks for, and how it is carried out. What belongs to the cpu itself (debug
 * registers, the bases of FS and GS) is carried out here.
 *
 * The guest's other vcpus may change its code meanwhile: each byte is read once. An instruction
 * that does not fit the exit runs again.
 */
#include "guest/arch.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/arch/x86_64/vcpu_decode.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/string.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_trap.h"

/* Bits of a page fault's error code. */
#define FAULT_PRESENT 0x01u
#define FAULT_WRITE   0x02u
#define FAULT_FETCH   0x10u

#define SYSCALL_LENGTH 2u
#define OPCODE_HLT     0xf4u

/* trap->reg: the register, the width that changes, and how. */
#define REG_NUMBER      0x0fu
#define REG_HIGH        0x10u
#define REG_SIGNED      0x20u
#define REG_WIDTH_SHIFT 6 /* 1 << that many bytes */

static uint64_t
low_bytes(uint64_t value, unsigned int size)
{
	return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* ---- the instruction ---- */

/* Returns how many bytes there are: fewer, where the guest's memory ends. */
static size_t
read_code(const struct vcpu *vcpu, uint8_t bytes[VCPU_INSN_MAX])
{
	uint64_t rip = vcpu->arch.regs.rip;
	const uint8_t *from = NULL;

	for (size_t i = 0; i < VCPU_INSN_MAX; i++, rip++, from++) {
		if (from == NULL || rip % PAGE_SIZE == 0) {
			from = mm_find(vcpu->vm->mm, rip, false);
			if (from == NULL) {
				return i;
			}
		}
		bytes[i] = *(const volatile uint8_t *)from;
	}
	return VCPU_INSN_MAX;
}

static struct vcpu_insn
read_insn(struct vcpu *vcpu)
{
	uint8_t bytes[VCPU_INSN_MAX];
	size_t count;

	if (vcpu->arch.regs.cs != SEL_USER_CS) {
		return (struct vcpu_insn){ .kind = VCPU_INSN_OTHER }; /* 32-bit code */
	}
	walk_shadow_page_lockless_begin(vcpu);
	count = read_code(vcpu, bytes);
	walk_shadow_page_lockless_end(vcpu);
	return vcpu_decode(bytes, count);
}

static uint64_t
read_register(struct vcpu *vcpu, const struct vcpu_insn *insn)
{
	uint64_t value = *vcpu_register(&vcpu->arch.regs, insn->reg);

	return low_bytes(insn->is_high ? value >> 8 : value, insn->size);
}

/* The machine's rules: four bytes clear the upper half, fewer leave the rest. */
static void
write_register(struct vcpu *vcpu, unsigned int reg, unsigned int size, uint64_t value)
{
	uint64_t *target = vcpu_register(&vcpu->arch.regs, reg & REG_NUMBER);
	unsigned int width = 1u << (reg >> REG_WIDTH_SHIFT);
	unsigned int shift = reg & REG_HIGH ? 8 : 0;
	uint64_t mask = low_bytes(UINT64_MAX, width);

	value = low_bytes(value, size);
	if (reg & REG_SIGNED) {
		value = (uint64_t)((int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size));
	}
	if (width >= 4) {
		*target = value & mask;
	} else {
		*target = (*target & ~(mask << shift)) | (value & mask) << shift;
	}
}

static uint8_t
target_of(const struct vcpu_insn *insn)
{
	unsigned int shift = (unsigned int)__builtin_ctz(insn->width);

	return (uint8_t)(insn->reg | (insn->is_high ? REG_HIGH : 0) |
	                 (insn->is_signed ? REG_SIGNED : 0) | shift << REG_WIDTH_SHIFT);
}

/* A step of the guest's debugger, if it has a handler for it. */
static __attribute__((noinline, cold)) void
end_step(struct vcpu *vcpu)
{
	vcpu->arch.dr6 |= DR6_STEP;
	if (vcpu->exception.valid || !arch_vcpu_has_handler(vcpu) || !arch_vcpu_can_nest(vcpu)) {
		return;
	}
	vcpu->exception = (struct vcpu_event){
		.valid = true,
		.is_exception = true,
		.vector = VECTOR_DB,
	};
}

/* A fault that has been carried out was none. */
static void
step_over(struct vcpu *vcpu, unsigned int length)
{
	struct regs *regs = &vcpu->arch.regs;

	regs->rip += length;
	regs->rflags &= ~(uint64_t)RFLAGS_RF;
	if (__builtin_expect(regs->rflags & RFLAGS_TF, 0)) {
		end_step(vcpu);
	}
}

/* ---- the cpu's own registers ---- */

/* The machine's copy, where it is loaded, goes with it. */
static void
set_own(struct vcpu *vcpu, uint64_t *place, uint64_t value)
{
	bool is_loaded;

	preempt_disable();
	is_loaded = this_cpu_read(running_vcpu) == vcpu;
	if (is_loaded) {
		arch_vcpu_put(vcpu);
	}
	*place = value;
	if (is_loaded) {
		arch_vcpu_load(vcpu, smp_processor_id());
	}
	preempt_enable();
}

static uint64_t
get_own(struct vcpu *vcpu, uint64_t *place)
{
	set_own(vcpu, &(uint64_t){ 0 }, 0); /* puts: it may be newer in the machine */
	return *place;
}

static uint64_t *
debug_register(struct vcpu *vcpu, unsigned int number)
{
	return number == 6   ? &vcpu->arch.dr6
	       : number == 7 ? &vcpu->arch.dr7
	                     : &vcpu->arch.debug[number];
}

/* The kernel's addresses are none of a guest's. */
static bool
write_debug_register(struct vcpu *vcpu, unsigned int number, uint64_t value)
{
	if (number < 4 && value >= ARCH_USER_END) {
		return false;
	}
	if (number >= 6 && value >> 32 != 0) {
		return false;
	}
	set_own(vcpu, debug_register(vcpu, number),
	        number == 7   ? (value & DR7_USER) | DR7_RESET
	        : number == 6 ? value | DR6_RESET
	                      : value);
	return true;
}

static uint64_t *
base_register(struct vcpu *vcpu, uint64_t msr)
{
	return msr == MSR_FS_BASE   ? &vcpu->arch.fs_base
	       : msr == MSR_GS_BASE ? &vcpu->arch.gs_base
	                            : NULL;
}

/* Done with, or an exception if not. */
static void
conclude(struct vcpu *vcpu, struct vcpu_trap *trap, bool is_done)
{
	if (is_done) {
		step_over(vcpu, trap->length);
		trap->kind = VCPU_TRAP_AGAIN;
	}
}

/* ---- exits ---- */

static bool
is_canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static void
decode_msr(struct vcpu *vcpu, const struct vcpu_insn *insn, struct vcpu_trap *trap)
{
	struct regs *regs = &vcpu->arch.regs;
	uint64_t *base = base_register(vcpu, (uint32_t)regs->rcx);
	uint64_t value = (regs->rdx << 32) | (uint32_t)regs->rax;

	trap->addr = (uint32_t)regs->rcx;
	trap->value = value;
	if (base == NULL) {
		trap->kind = insn->kind == VCPU_INSN_RDMSR ? VCPU_TRAP_RDMSR : VCPU_TRAP_WRMSR;
	} else if (insn->kind == VCPU_INSN_RDMSR) {
		value = get_own(vcpu, base);
		regs->rax = (uint32_t)value;
		regs->rdx = value >> 32;
		conclude(vcpu, trap, true);
	} else if (is_canonical(value)) {
		set_own(vcpu, base, value);
		conclude(vcpu, trap, true);
	}
}

static void
decode_port(struct vcpu *vcpu, const struct vcpu_insn *insn, struct vcpu_trap *trap)
{
	trap->kind = insn->kind == VCPU_INSN_IN ? VCPU_TRAP_IN : VCPU_TRAP_OUT;
	trap->addr = insn->port_is_in_dx ? (uint16_t)vcpu->arch.regs.rdx : insn->value;
	trap->size = insn->size;
	trap->reg = target_of(insn);
	trap->value = read_register(vcpu, insn);
}

static void
decode_debug(struct vcpu *vcpu, const struct vcpu_insn *insn, struct vcpu_trap *trap)
{
	uint64_t *reg = vcpu_register(&vcpu->arch.regs, insn->reg);
	bool is_done = true;

	if (insn->kind == VCPU_INSN_READ_DR) {
		*reg = *debug_register(vcpu, (unsigned int)insn->value);
	} else {
		is_done = write_debug_register(vcpu, (unsigned int)insn->value, *reg);
	}
	conclude(vcpu, trap, is_done);
}

/* HLT behind it lies in its shadow: as one trap they leave no place for an interrupt to be lost. */
static void
decode_sti(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	const uint8_t *next;

	walk_shadow_page_lockless_begin(vcpu);
	next = mm_find(vcpu->vm->mm, vcpu->arch.regs.rip + trap->length, false);
	trap->kind = VCPU_TRAP_STI;
	if (next != NULL && *(const volatile uint8_t *)next == OPCODE_HLT) {
		trap->kind = VCPU_TRAP_STI_HLT;
		trap->length++;
	}
	walk_shadow_page_lockless_end(vcpu);
}

/* trap is the exception that it is, unless it is something else. */
static void
decode_protection(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	struct vcpu_insn insn;

	if (vcpu->exit.error != 0 || vcpu->arch.regs.rip >= ARCH_USER_END) {
		return;
	}
	insn = read_insn(vcpu);
	trap->length = insn.length;
	switch (insn.kind) {
	case VCPU_INSN_TRUNCATED:
		trap->kind = VCPU_TRAP_AGAIN;
		break;
	case VCPU_INSN_HLT:
		trap->kind = VCPU_TRAP_HLT;
		break;
	case VCPU_INSN_CLI:
		trap->kind = VCPU_TRAP_CLI;
		break;
	case VCPU_INSN_STI:
		decode_sti(vcpu, trap);
		break;
	case VCPU_INSN_STI_HLT:
		trap->kind = VCPU_TRAP_STI_HLT;
		break;
	case VCPU_INSN_RDMSR:
	case VCPU_INSN_WRMSR:
		decode_msr(vcpu, &insn, trap);
		break;
	case VCPU_INSN_IN:
	case VCPU_INSN_OUT:
		decode_port(vcpu, &insn, trap);
		break;
	case VCPU_INSN_READ_DR:
	case VCPU_INSN_WRITE_DR:
		decode_debug(vcpu, &insn, trap);
		break;
	default:
		trap->length = 0;
	}
}

/* Else the code has changed behind the fault. */
static bool
fits_fault(const struct vcpu *vcpu, const struct vcpu_insn *insn)
{
	bool is_store = insn->kind == VCPU_INSN_STORE || insn->kind == VCPU_INSN_STORE_IMM;

	return is_store == (bool)(vcpu->exit.error & FAULT_WRITE);
}

static void
decode_mmio(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	struct vcpu_insn insn = read_insn(vcpu);

	switch (insn.kind) {
	case VCPU_INSN_TRUNCATED:
		trap->kind = VCPU_TRAP_AGAIN;
		return;
	case VCPU_INSN_LOAD:
	case VCPU_INSN_STORE:
	case VCPU_INSN_STORE_IMM:
		break;
	default:
		*trap = (struct vcpu_trap){ .kind = VCPU_TRAP_EXCEPTION, .vector = VECTOR_UD };
		return;
	}
	if (!fits_fault(vcpu, &insn)) {
		trap->kind = VCPU_TRAP_AGAIN;
		return;
	}
	if (!vm_is_mmio(trap->addr + insn.size - 1)) {
		return; /* over its end */
	}
	trap->kind = insn.kind == VCPU_INSN_LOAD ? VCPU_TRAP_READ : VCPU_TRAP_WRITE;
	trap->length = insn.length;
	trap->size = insn.size;
	trap->reg = target_of(&insn);
	trap->value = insn.kind == VCPU_INSN_STORE_IMM ? low_bytes(insn.value, insn.size)
	                                               : read_register(vcpu, &insn);
}

static void
decode_page_fault(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	uint32_t error = vcpu->exit.error;

	if (error & FAULT_PRESENT) {
		return;
	}
	if (vm_is_memory(trap->addr)) {
		trap->kind = VCPU_TRAP_MEMORY;
	} else if (vm_is_mmio(trap->addr) && !(error & FAULT_FETCH)) {
		decode_mmio(vcpu, trap);
	}
}

bool
arch_vcpu_is_hypercall(const struct vcpu *vcpu, uint64_t number)
{
	return vcpu->exit.vector == VECTOR_SYSCALL && vcpu->arch.regs.rax == number;
}

/* Nothing else of the trap is looked at. */
static inline void
decode_hypercall(const struct vcpu *vcpu, struct vcpu_trap *trap)
{
	const struct regs *regs = &vcpu->arch.regs;

	trap->kind = VCPU_TRAP_HYPERCALL;
	trap->length = 0; /* it is behind itself */
	trap->value = regs->rax;
	trap->args[0] = regs->rdi;
	trap->args[1] = regs->rsi;
	trap->args[2] = regs->rdx;
}

static __attribute__((noinline)) void
decode_exception(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	const struct vcpu_exit *exit = &vcpu->exit;

	*trap = (struct vcpu_trap){
		.kind = VCPU_TRAP_EXCEPTION,
		.vector = (uint8_t)exit->vector,
		.error = exit->error,
		.addr = exit->vector == VECTOR_PF ? exit->addr : 0,
	};
	if (exit->vector == VECTOR_GP) {
		decode_protection(vcpu, trap);
	} else if (exit->vector == VECTOR_PF) {
		decode_page_fault(vcpu, trap);
	} else if (exit->vector == VECTOR_DB) {
		vcpu->arch.dr6 |= exit->debug;
	}
}

void
arch_vcpu_decode(struct vcpu *vcpu, struct vcpu_trap *trap)
{
	ASSERT(vcpu->exit.code == VCPU_EXIT_TRAP);
	if (vcpu->exit.vector == VECTOR_SYSCALL) {
		decode_hypercall(vcpu, trap);
	} else {
		decode_exception(vcpu, trap);
	}
}

static __attribute__((noinline)) void
complete_instruction(struct vcpu *vcpu, const struct vcpu_trap *trap, uint64_t result)
{
	struct regs *regs = &vcpu->arch.regs;

	switch (trap->kind) {
	case VCPU_TRAP_IN:
	case VCPU_TRAP_READ:
		write_register(vcpu, trap->reg, trap->size, result);
		break;
	case VCPU_TRAP_RDMSR:
		regs->rax = (uint32_t)result;
		regs->rdx = result >> 32;
		break;
	default:
		break;
	}
	step_over(vcpu, trap->length);
}

/* It is behind a SYSCALL already. */
void
arch_vcpu_complete(struct vcpu *vcpu, const struct vcpu_trap *trap, uint64_t result)
{
	if (trap->kind == VCPU_TRAP_HYPERCALL) {
		vcpu->arch.regs.rax = result;
	} else {
		complete_instruction(vcpu, trap, result);
	}
}

/* The machine is behind a SYSCALL already, and behind a breakpoint's one byte or two. */
void
arch_vcpu_replay(struct vcpu *vcpu)
{
	struct regs *regs = &vcpu->arch.regs;
	const uint8_t *last;

	if (vcpu->exit.vector == VECTOR_SYSCALL) {
		regs->rip -= SYSCALL_LENGTH;
	} else if (vcpu->exit.vector == VECTOR_BP) {
		last = mm_find(vcpu->vm->mm, regs->rip - 1, false);
		regs->rip -= last != NULL && *last == 0xcc ? 1 : 2;
	}
}
