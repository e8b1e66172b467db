// SPDX-License-Identifier: ISC
/*
 * Every hypercall that no other payload makes, and bad arguments to all; MSRs. What it stops with
 * is the number of the first check that failed, or PAYLOAD_RIGHT.
 */
#include "tests/scenario/payload/payload.h"
#include "tests/scenario/payload/programs.h"

#define ENOSYS 38
#define EINVAL 22

#define PATTERN  0x0123456789abcdefull
#define FAR_PAGE 0x20000000u /* of the first vcpu: not there yet */

static int failed;
static int checks;

static void
check(bool right)
{
	checks++;
	if (!right && failed == 0) {
		failed = checks;
	}
}

static uint64_t
rdmsr(uint32_t msr)
{
	uint32_t low;
	uint32_t high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void
wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr));
}

/* All but rax, rcx and r11 are kept. */
static bool
keeps_registers(void)
{
	register uint64_t r8 __asm__("r8") = 8;
	register uint64_t r9 __asm__("r9") = 9;
	register uint64_t r10 __asm__("r10") = 10;
	register uint64_t r12 __asm__("r12") = 12;
	register uint64_t r15 __asm__("r15") = 15;
	uint64_t rax = HYPERCALL_vcpus;
	uint64_t rdi = 1;
	uint64_t rsi = 2;
	uint64_t rdx = 3;
	uint64_t rbx = 4;

	__asm__ volatile("syscall"
	                 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+b"(rbx), "+r"(r8),
	                   "+r"(r9), "+r"(r10), "+r"(r12), "+r"(r15)
	                 :
	                 : "rcx", "r11", "memory");
	return rdi == 1 && rsi == 2 && rdx == 3 && rbx == 4 && r8 == 8 && r9 == 9 && r10 == 10 &&
	       r12 == 12 && r15 == 15;
}

static void
check_bad_arguments(void)
{
	check(hypercall0((enum payload_hypercall)HYPERCALL_COUNT) == -ENOSYS);
	check(hypercall0((enum payload_hypercall) - 1) == -ENOSYS);
	check(hypercall1(HYPERCALL_handler, VM_MMIO) == -EINVAL);
	check(hypercall1(HYPERCALL_handler, 0xffffffff80200000) == -EINVAL);
	check(hypercall0(HYPERCALL_return) == -EINVAL); /* from nothing */
	check(hypercall1(HYPERCALL_saved, SAVED_RAX) == -EINVAL);
	check(hypercall2(HYPERCALL_set_saved, SAVED_RAX, 1) == -EINVAL);
	check(hypercall1(HYPERCALL_steal, VM_MMIO) == -EINVAL);
	check(hypercall1(HYPERCALL_steal, FAR_PAGE + 8) == -EINVAL); /* in the midst of one */
	check(hypercall1(HYPERCALL_steal, (uintptr_t)payload_main & -16) == -EINVAL); /* code */
	check(hypercall1(HYPERCALL_steal, UINT64_MAX - 15) == -EINVAL);
}

static void
check_steal(uint32_t vcpu)
{
	volatile struct payload_steal *steal =
		(volatile struct payload_steal *)(uintptr_t)(FAR_PAGE + vcpu * 0x1000u);
	uint32_t version;

	check(hypercall1(HYPERCALL_steal, (uintptr_t)steal) == 0);
	hypercall0(HYPERCALL_yield);
	version = steal->version;
	check(version != 0 && version % 2 == 0);
	check(!(steal->flags & PAYLOAD_STEAL_PREEMPTED)); /* it runs */
	check(hypercall1(HYPERCALL_steal, 0) == 0);
	version = steal->version;
	hypercall0(HYPERCALL_yield);
	check(steal->version == version);
}

static void
check_rest(uint32_t vcpu)
{
	int64_t before = hypercall0(HYPERCALL_time);

	check(hypercall0(HYPERCALL_time) >= before && before > 0);
	check(rdmsr(VM_MSR_TIME) >= (uint64_t)before);
	check(rdmsr(VM_MSR_SCRATCH) == 0);
	wrmsr(VM_MSR_SCRATCH, PATTERN + vcpu);
	check(hypercall0(HYPERCALL_spin) == 0);
	check(hypercall0(HYPERCALL_yield) == 0);
	check(hypercall0(HYPERCALL_flush) == 0);
	check(rdmsr(VM_MSR_SCRATCH) == PATTERN + vcpu); /* nobody else's */
	check(hypercall0(HYPERCALL_vcpus) > vcpu);
	check(hypercall1(HYPERCALL_timer, UINT64_MAX) == 0);
	check(hypercall1(HYPERCALL_timer, 1) == 0); /* it has no handler: nothing comes of it */
	check(keeps_registers());
}

#define VCPUS 4u

/* The variables are one vcpu's, so the first few take turns. */
int
payload_main(uint32_t vcpu, uint32_t parameter)
{
	static volatile uint32_t turn;
	int result;

	(void)parameter;
	if (vcpu >= VCPUS) {
		return PAYLOAD_RIGHT;
	}
	while (turn != vcpu) {
		hypercall0(HYPERCALL_yield);
	}
	checks = 0;
	failed = 0;
	check_bad_arguments();
	check_steal(vcpu);
	check_rest(vcpu);
	result = failed;
	turn++;
	return result;
}
