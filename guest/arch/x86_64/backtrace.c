// SPDX-License-Identifier: ISC
/*
 * Reading kernel stacks after the fact. The chain may be broken: nothing is read that is not on a
 * mapped kernel stack, so that a panic does not fault on its way.
 */
#include "guest/arch.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/mmu.h"
#include "guest/printk.h"
#include "guest/task.h"

#define FRAMES_MAX 32u

struct frame {
	const struct frame *next;
	uint64_t ip;
};

extern const char boot_stack[]; /* head.S */
extern const char boot_stack_top[];

static bool
is_readable(const struct frame *frame)
{
	uintptr_t addr = (uintptr_t)frame;

	if (addr % sizeof(uint64_t) != 0) {
		return false;
	}
	if (addr >= (uintptr_t)boot_stack && addr < (uintptr_t)boot_stack_top) {
		return (uintptr_t)boot_stack_top - addr >= sizeof(*frame);
	}
	return mmu_stack_is_mapped(addr) && mmu_stack_is_mapped(addr + sizeof(*frame) - 1);
}

static void
walk(const struct frame *frame, unsigned int count, void (*each)(uint64_t ip, void *cookie),
     void *cookie)
{
	while (count < FRAMES_MAX && is_readable(frame) && frame->ip != 0) {
		each(frame->ip, cookie);
		count++;
		frame = frame->next;
	}
}

void
arch_backtrace(const struct regs *regs, void (*each)(uint64_t ip, void *cookie), void *cookie)
{
	const struct frame *frame = __builtin_frame_address(0);
	unsigned int count = 0;

	if (regs) {
		each(regs->rip, cookie);
		count++;
		frame = (const struct frame *)regs->rbp;
	}
	walk(frame, count, each, cookie);
}

/* What switch_stacks leaves on the stack is a frame. */
void
arch_task_backtrace(const struct task *task, void (*each)(uint64_t ip, void *cookie), void *cookie)
{
	walk((const struct frame *)task->arch.rsp, 0, each, cookie);
}

void
arch_regs_print(const struct regs *regs)
{
	printk("rip %016lx  cs %04lx  rflags %08lx  vector %u  error %x\n", regs->rip, regs->cs,
	       regs->rflags, regs->vector, regs->error);
	printk("rsp %016lx  ss %04lx  cr2 %016lx  cr3 %016lx\n", regs->rsp, regs->ss, read_cr2(),
	       read_cr3());
	printk("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", regs->rax, regs->rbx, regs->rcx,
	       regs->rdx);
	printk("rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx\n", regs->rsi, regs->rdi, regs->rbp,
	       regs->r8);
	printk("r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx\n", regs->r9, regs->r10, regs->r11,
	       regs->r12);
	printk("r13 %016lx  r14 %016lx  r15 %016lx\n", regs->r13, regs->r14, regs->r15);
}
