// SPDX-License-Identifier: ISC
/*
 * The seam: everything the kernel asks of its architecture. guest/arch/x86_64 carries it out on a
 * machine, tests/host in a process. The include path chooses the inline half:
 *
 *   arch_atomic.h   atomic operations and barriers              (through guest/atomic.h)
 *   arch_percpu.h   this_cpu_* accessors, PER_CPU_SECTION       (through guest/percpu.h)
 *   arch_preempt.h  the preempt counter, folded or not          (through guest/preempt.h)
 *   arch_inline.h   interrupt flag, cycles, relax, struct arch_task, struct regs accessors
 *   arch_switch.h   arch_switch_to()
 *
 * Contexts: "irqs off" means the calling cpu's interrupt flag is clear; "any" includes NMI.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch_inline.h"
#include "guest/vcpu_exit.h"
#include "shared/trace_abi.h"

struct arch_mm;
struct boot_info;
struct regs;
struct task;
struct vcpu;
struct vcpu_trap;

/*
 * From arch_inline.h, all any context:
 *   void arch_irq_disable(void), arch_irq_enable(void)     both are compiler barriers
 *   unsigned long arch_irq_save(void)                      returns flags, irqs off
 *   void arch_irq_restore(unsigned long flags)
 *   bool arch_irqs_disabled(void)
 *   void arch_safe_halt(void)     irqs off on entry, on at return: enables and sleeps with no
 *                                 window between the two (sti; hlt), returns after an interrupt
 *   void arch_cpu_relax(void)     in every spin loop (pause)
 *   uint64_t arch_cycles(void)    the TSC: trace time stamps; synchronized between cpus
 *   uint64_t arch_clock_ns(void)  nanoseconds since boot, monotonic on each cpu and synchronized
 *                                 between them; after arch_init()
 *   uint64_t arch_cycles_to_ns(uint64_t cycles)   of a difference of arch_cycles(); the same
 *   bool arch_regs_irqs_on(regs), bool arch_regs_user(regs), uint64_t arch_regs_ip(regs)
 *   void arch_trap(void)          an exception that returns behind it (exception.h), for tests
 *   bool arch_irqentry_may_resched(void)    the architecture's veto against a preemption at the
 *                                 return from an interrupt; irqs off
 *   bool arch_on_stack(const void *stack)   runs the caller on these STACK_SIZE bytes?
 *   void *arch_phys_to_virt(uint64_t), uint64_t arch_virt_to_phys(const void *)   direct map only
 *   void arch_clear_pages(void *pages, size_t count)     4 KiB each
 *   struct arch_task              what a switched-out task keeps: its stack pointer
 *   struct arch_mm                what describes an address space to the machine
 *   struct arch_vcpu              a guest's registers, and what else the machine keeps of a vcpu
 *   ARCH_USER_END                 first address behind the user's half
 *   ARCH_USER_PROGRAM_END         the same of its part for programs; stacks lie above
 *   ARCH_USER_STACK_PAGES         of a user task, at most
 *   ARCH_USER_STATE_SIZE          bytes of a user task's state: see arch_user_init()
 *   ARCH_ELF_MACHINE              of programs that ring 3 can run
 */

/*
 * From arch_switch.h:
 *   struct task *arch_switch_to(struct task *prev, struct task *next)
 *                                 leaves prev and resumes next; returns, on prev's stack when prev
 *                                 is resumed, the task that was left then. irqs off, count 2, this
 *                                 cpu's rq lock held
 */

/* arch_cycles() at the first instruction of the image. */
extern uint64_t arch_boot_cycles;

/*
 * The interrupts that the kernel proper handles (trace_abi.h): the arch acknowledges, then calls
 * irq_handle(). IRQ_TIMER: the cpu's one-shot timer has expired. IRQ_RESCHEDULE: another cpu set
 * need_resched here. IRQ_CALL: another cpu has put work into a list of this one. IRQ_WORK:
 * somebody, this cpu's own code or an NMI on it mostly, has work for an interrupt here. The rest
 * are lines (interrupt.h). IRQ_EVENT: arch_event_take() has something, or had.
 */

/* Boot cpu, once, count 1, irqs off: interrupt controller and timer of this cpu, clock. */
void arch_init(const struct boot_info *info);

/*
 * This cpu's timer raises IRQ_TIMER once at clock time expires_ns, at once if that has passed;
 * replaces the earlier setting. UINT64_MAX stops it. irqs off.
 */
void arch_timer_set(uint64_t expires_ns);

/*
 * Sends an interrupt to another online cpu or to this one. irqs off or preemption off; of an NMI,
 * to this one only.
 */
void arch_ipi_send(unsigned int cpu, enum irq_kind kind);

/* An NMI for an online cpu, this one too; before arch_init() it does nothing. Any context. */
void arch_nmi_send(unsigned int cpu);

/*
 * Lets an interrupt that is already pending be delivered now, where the machine delivers late.
 * Costs nothing elsewhere. Promises nothing if irqs are off. Any context.
 */
void arch_irq_settle(void);

/*
 * Starts application processor `cpu`, whose per-CPU area is set up. It runs smp_cpu_main() on
 * idle's stack with count 1 and irqs off. Returns false if it did not start within a second.
 * Boot cpu, task context, one at a time.
 */
bool arch_cpu_start(unsigned int cpu, struct task *idle);

/*
 * Makes the first arch_switch_to(task) enter task_entry(prev, fn, arg) on task's own stack, with
 * irqs off and count 2. task->stack is set. Any context.
 */
void arch_task_init(struct task *task, void (*fn)(void *), void *arg);

/* Runs fn() on a stack as if called from nowhere: how boot code leaves its own. irqs off. */
_Noreturn void arch_start_on_stack(void *stack_top, void (*fn)(void));

/*
 * Calls fn(arg) on another stack, below stack_top, and comes back. A backtrace from there goes on
 * in the caller. This task is not switched out meanwhile. Any context.
 */
void arch_call_on_stack(void *arg, void (*fn)(void *arg), void *stack_top);

/*
 * Maps `count` 4 KiB pages at kernel address va, writable and not executable, to the given physical
 * pages. Addresses come from ARCH_STACK_AREA. The holes between mappings fault. Serialized by the
 * caller.
 */
void arch_map_pages(void *va, const uint64_t *pages, unsigned int count);

/*
 * Complete, in order, before return. Serialized by the caller; in panic possibly not. Any context.
 */
void arch_console_write(const char *text, size_t length);

/* The next byte of the console's input, or -1: none has come. Never waits. Task context, one
 * caller. */
int arch_console_read(void);

/*
 * Events come to this cpu from now on, as IRQ_EVENT; one that has come before, at once. Where there
 * is nobody to raise them it does nothing. Preemption off.
 */
void arch_event_subscribe(void);

/* The events (DOORBELL_EVENT_*) since the last call, which may be none. Any context. */
uint32_t arch_event_take(void);

/*
 * An exception of kernel code: if the instruction that raised it says how to go on, regs do so.
 * Any context.
 */
bool arch_exception_fixup(struct regs *regs);

/*
 * Reads a word of the kernel's half of the address space, mapped or not; returns false if it is
 * not. Any context but NMI.
 */
bool arch_read_nofault(const uint64_t *from, uint64_t *value);

/* Ends the machine with this status (scenario_abi.h). Any context. */
_Noreturn void arch_exit(int status);

/*
 * Stops the other cpus for good, by NMI, wherever they are; waits for all, but not for ever. irqs
 * off, any context.
 */
void arch_stop_others(void);

/* After it: where this cpu was stopped, or NULL: it did not answer. Any context. */
const struct regs *arch_stopped_regs(unsigned int cpu);

/*
 * The end of panic(), after its last words: tells the VMM, which reports. preempt_disable_ip: the
 * address of the outermost preempt_disable() that is still open, 0: none, or unknown. Any context.
 */
_Noreturn void arch_panic_end(uintptr_t preempt_disable_ip);

/*
 * Calls each(ip, cookie) for every return address from the caller outwards, at most 32, while
 * the frame chain stays inside a kernel stack. regs: start there instead. Any context.
 */
void arch_backtrace(const struct regs *regs, void (*each)(uint64_t ip, void *cookie), void *cookie);

/* The same for a task that is switched out; while it is not, what it prints means nothing. Any. */
void arch_task_backtrace(const struct task *task, void (*each)(uint64_t ip, void *cookie),
                         void *cookie);

/* Prints the registers of a trap through printk. Any context. */
void arch_regs_print(const struct regs *regs);

/* ---- user tasks ---- */

/* What user code may do with a page that it may read. */
#define ARCH_PROT_WRITE 0x1u
#define ARCH_PROT_EXEC  0x2u

/* An empty user's half. false: no memory. Any context but NMI. */
bool arch_mm_init(struct arch_mm *mm);

/* Its pages and tables go back. Loaded on no cpu; any context but NMI. */
void arch_mm_free(struct arch_mm *mm);

/*
 * Maps a zeroed page at va, where there is none, and returns its kernel address; NULL: no memory.
 * Serialized by the caller for each address space.
 */
void *arch_mm_map(struct arch_mm *mm, uintptr_t va, unsigned int prot);

/* The kernel address of the byte at va; NULL: not mapped, or not for writing. Any context. */
void *arch_mm_find(const struct arch_mm *mm, uintptr_t va, bool write);

/* This cpu translates by it from now on; NULL: by the kernel's tables alone. irqs off. */
void arch_mm_load(const struct arch_mm *mm);

/*
 * The registers that the kernel leaves alone live in the machine while a user task runs, and in
 * its state, ARCH_USER_STATE_SIZE zeroed bytes, while another does. init: before it runs first.
 * end: it will not again; returns the state. save and restore: in the switch, irqs off.
 */
void arch_user_init(struct task *task, void *state);
void *arch_user_end(struct task *task);
void arch_user_save(struct task *task);
void arch_user_restore(struct task *task);

/*
 * Begins user code there, on that stack, with this argument, through user_mode_begin(). Current is
 * a user task, on its own stack, which begins anew. Count 0, irqs on.
 */
_Noreturn void arch_user_enter(uintptr_t ip, uintptr_t stack, uint64_t arg);

/*
 * To and from the user's half as it is loaded; returns the bytes that could not be copied, from the
 * first one on that faults. User task, irqs on.
 */
size_t arch_copy_from_user(void *to, uintptr_t from, size_t size);
size_t arch_copy_to_user(uintptr_t to, const void *from, size_t size);

/* ---- vcpus ---- */

/* What a new vcpu needs; its registers are arch_vcpu_reset()'s. false: no memory. May sleep. */
bool arch_vcpu_init(struct vcpu *vcpu);
void arch_vcpu_free(struct vcpu *vcpu);

/*
 * Its guest begins at vm->entry with vcpu->arg, its handler and what interrupted it forgotten. Not
 * loaded; count not 0, so that it stays so. Does not sleep.
 */
void arch_vcpu_reset(struct vcpu *vcpu);

/*
 * The guest's state that the machine holds while others' code runs (address space, FPU, debug
 * registers, segment bases) goes into this cpu, and out of it. load: irqs on, count 1. put: irqs on
 * or off, count not 0, perhaps with a run queue's lock: writes nothing that could fault.
 */
void arch_vcpu_load(struct vcpu *vcpu, unsigned int cpu);
void arch_vcpu_put(struct vcpu *vcpu);

/*
 * What must be right on this cpu for the next entry and may be undone by a switch: idempotent.
 * Loaded; count 1, irqs on.
 */
void arch_vcpu_prepare_switch_to_guest(struct vcpu *vcpu);

/*
 * Runs the guest until it exits, which this cpu's exit_record then tells: exit, and early, with
 * vcpu->id and vcpu->serial, if an error came with it. An interrupt of the host that is pending at
 * the entry, or comes later, makes it exit, and is acknowledged. If vcpu->injected is valid, the
 * guest begins in its handler, and injected is valid no more. Loaded and prepared; irqs off, count
 * 1, within guest_state_enter_irqoff(). Nothing here may be traced.
 */
void arch_vcpu_enter(struct vcpu *vcpu);

/*
 * Has this error come to this cpu now, behind an exit, as one of the guest's: exit_record has it at
 * return. EARLY_NMI or worse; irqs off, count 1.
 */
void arch_vcpu_exit_inject(enum early_cause cause);

/*
 * The host's interrupt that made the guest exit, acknowledged, is not lost: handle runs its handler
 * here and now, as if interrupted; raise makes it pending again, for who enables interrupts next.
 * irqs off, count 1.
 */
void arch_vcpu_handle_interrupt(const struct vcpu *vcpu);
void arch_vcpu_raise_interrupt(const struct vcpu *vcpu);

/*
 * Interrupts on, for an instruction longer than their shadow lasts, and off: what is pending is
 * taken. irqs off at entry and at return.
 */
void arch_irq_window(void);

/* This cpu forgets the guest's translations. Loaded; count 1. */
void arch_vcpu_flush(struct vcpu *vcpu);

/* The instruction that trapped will run again, whole. After an exit by TRAP; count 1. */
void arch_vcpu_replay(struct vcpu *vcpu);

/*
 * What the exit by TRAP asks for: reads the guest's code if it must. Says VCPU_TRAP_AGAIN where
 * that is gone meanwhile. Loaded or not; count 0, irqs on; may sleep.
 */
void arch_vcpu_decode(struct vcpu *vcpu, struct vcpu_trap *trap);

/* Is the exit by TRAP this hypercall? Takes no memory to tell. irqs off. */
bool arch_vcpu_is_hypercall(const struct vcpu *vcpu, uint64_t number);

/*
 * The trap is carried out: its result, if it has one, into the register that it is for, and the
 * guest goes on behind the instruction. As decode, or of a fast hypercall with irqs off.
 */
void arch_vcpu_complete(struct vcpu *vcpu, const struct vcpu_trap *trap, uint64_t result);

/*
 * Hypercalls of a handler (payload_abi.h): false, where there is nothing that it interrupted, or no
 * such register. arch_vcpu_set_handler: 0: none. As decode.
 */
void arch_vcpu_set_handler(struct vcpu *vcpu, uint64_t addr);
bool arch_vcpu_has_handler(const struct vcpu *vcpu);
bool arch_vcpu_handler_return(struct vcpu *vcpu);
bool arch_vcpu_saved(struct vcpu *vcpu, unsigned int reg, uint64_t *value);
bool arch_vcpu_set_saved(struct vcpu *vcpu, unsigned int reg, uint64_t value);

/* Where it goes on, in its own words. As decode. */
uint64_t arch_vcpu_ip(const struct vcpu *vcpu);

/* Is there room to interrupt it once more? Else it is at an end. */
bool arch_vcpu_can_nest(const struct vcpu *vcpu);
