// SPDX-License-Identifier: ISC
/*
 * Raises what its parameter names, with and without a handler: without, it is not there to return;
 * with one, the handler sees it and skips the instruction. What interrupts mean is checked, too.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define KERNEL 0xffffffff80200000u

static volatile uint64_t seen_vector = UINT64_MAX;
static volatile uint64_t seen_addr;
static volatile uint64_t skip_to;                         /* where the handler goes on */
static uint8_t data[16] __attribute__((used)) = { 0xc3 }; /* ret */

/* The place behind, at which the handler lets it go on. */
#define SKIP "leaq 9f(%%rip), %%rax; movq %%rax, skip_to(%%rip); movq %%rsp, skip_rsp(%%rip)\n"
#define HERE "9: movq skip_rsp(%%rip), %%rsp\n"

static volatile uint64_t skip_rsp __attribute__((used));

#define RAISE(name, text)                                                      \
	static void raise_##name(void)                                         \
	{                                                                      \
		__asm__ volatile(SKIP text "\n" HERE                           \
		                 :                                             \
		                 :                                             \
		                 : "rax", "rcx", "rdx", "r8", "memory", "cc"); \
	}

RAISE(divide, "xorl %%ecx, %%ecx; xorl %%edx, %%edx; divl %%ecx")
RAISE(single_step, "pushfq; orl $0x100, (%%rsp); popfq; nop; nop")
RAISE(stepped_port, "pushfq; orl $0x100, (%%rsp); popfq; outb %%al, $0x80; nop")
RAISE(breakpoint, "int3")
RAISE(software_interrupt, "int $0x80")
RAISE(undefined, "ud2")
RAISE(stack, "movabsq $0x8000000000000000, %%r8; movq %%r8, %%rsp; pushq %%rax")
RAISE(stack_not_there, "movl $0x60000000, %%esp; pushq %%rax")
RAISE(selector, "movl $0x10, %%eax; movw %%ax, %%ss")
RAISE(privileged, "lgdt (%%rsp)")
RAISE(unknown_msr, "movl $0x1b, %%ecx; rdmsr")
RAISE(non_canonical, "movabsq $0x8000000000000000, %%r8; movq (%%r8), %%r8")
RAISE(null_pointer, "xorl %%ecx, %%ecx; movl (%%rcx), %%ecx")
RAISE(kernel_read, "movq $0xffffffff80200000, %%rcx; movl (%%rcx), %%ecx")
RAISE(text_write, "movl $0, _start(%%rip)")
RAISE(data_execute, "leaq data(%%rip), %%rcx; jmp *%%rcx")
RAISE(x87, "fninit; pushq $0x340; fldcw (%%rsp); fldz; fld1; fdivp; fwait")
RAISE(simd, "pushq $0; ldmxcsr (%%rsp); xorps %%xmm0, %%xmm0; pushq $1; cvtsi2ssq (%%rsp), %%xmm1; "
            "divss %%xmm0, %%xmm1")

static void
handle(uint64_t vector, uint64_t error, uint64_t addr)
{
	(void)error;
	seen_vector = vector;
	seen_addr = addr;
	hypercall2(HYPERCALL_set_saved, SAVED_RIP, skip_to);
	if (vector == 1) { /* the flag that brought it */
		hypercall2(HYPERCALL_set_saved, 17, 0x202);
	}
}

/* Some of them leave no stack to stand on. */
extern const char enter_on_good_stack[];
__asm__("enter_on_good_stack:\n"
        "	movq skip_rsp(%rip), %rsp\n"
        "	subq $128, %rsp\n"
        "	jmp payload_enter\n");

static bool
was_expected(enum payload_exception exception)
{
	static const uint8_t vectors[EXCEPTION_COUNT][2] = {
#define EXCEPTION_VECTORS(name, vector, or) [EXCEPTION_##name] = { vector, or },
		PAYLOAD_EXCEPTIONS(EXCEPTION_VECTORS)
#undef EXCEPTION_VECTORS
	};

	return seen_vector == vectors[exception][0] || seen_vector == vectors[exception][1];
}

int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	static void (*const raises[EXCEPTION_COUNT])(void) = {
#define EXCEPTION_RAISE(name, vector, or) [EXCEPTION_##name] = raise_##name,
		PAYLOAD_EXCEPTIONS(EXCEPTION_RAISE)
#undef EXCEPTION_RAISE
	};
	enum payload_exception exception = parameter & 0xff;

	if (vcpu != 0) {
		return PAYLOAD_RIGHT; /* the variables are one vcpu's */
	}
	if (parameter & EXCEPTION_HANDLED) {
		set_handler(handle);
		hypercall1(HYPERCALL_handler, (uintptr_t)enter_on_good_stack);
	}
	raises[exception]();
	if (seen_vector == UINT64_MAX) {
		return PAYLOAD_NOT_RAISED;
	}
	if (exception == EXCEPTION_kernel_read && seen_addr != KERNEL) {
		return PAYLOAD_WRONG;
	}
	return was_expected(exception) ? PAYLOAD_RIGHT : PAYLOAD_WRONG;
}
