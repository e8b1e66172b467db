// SPDX-License-Identifier: ISC
/*
 * Kernel code that goes wrong as the word behind "--" says, for the kernel to notice:
 *
 *   spin      keeps its cpu for 60 of its ticks; says at the end whether another task ran meanwhile
 *   hang      turns interrupts off on the last cpu, and spins for ever
 *   hang-nmi  the same; the first cpu sends the NMIs that somebody outside may not send
 *   deaf      the last cpu takes an NMI and does not come back from it; then the first cpu panics
 *   compute   nothing is wrong: every cpu computes until it has taken a few NMIs
 */
#include "guest/cmdline.h"
#include "guest/completion.h"
#include "guest/main.h"
#include "guest/nmi.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/smp.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"

#define SPIN_TICKS    60u
#define ENOUGH_NMIS   3u
#define TICKS_PER_NMI 4u

static struct atomic other_ran;
static struct completion ready;

static void
start(const char *comm, void (*fn)(void *), unsigned int cpu)
{
	task_put(task_run(
		&(struct task_params){ .comm = comm, .fn = fn, .cpus_allowed = 1ull << cpu }));
}

static void
compute_for_ticks(uint32_t ticks)
{
	uint32_t start_at = this_cpu_read(timer_interrupts);

	while (this_cpu_read(timer_interrupts) - start_at < ticks) { /* bounded: the tick goes on */
		arch_cpu_relax();
	}
}

static void
run_meanwhile(void *arg)
{
	(void)arg;
	atomic_store(&other_ran, 1);
}

static __attribute__((noinline)) void
spin_in_kernel(void *arg)
{
	(void)arg;
	compute_for_ticks(SPIN_TICKS);
	printk("another task %s meanwhile\n", atomic_load(&other_ran) ? "ran" : "did not run");
	complete(&ready);
}

static int
spin(void)
{
	init_completion(&ready);
	preempt_disable();
	start("spinner", spin_in_kernel, 0);
	start("other", run_meanwhile, 0);
	preempt_enable();
	wait_for_completion(&ready);
	return 0;
}

static _Noreturn __attribute__((noinline)) void
spin_for_ever(void)
{
	arch_irq_disable();
	for (;;) { /* forever */
		arch_cpu_relax();
	}
}

static void
hang_here(void *arg)
{
	(void)arg;
	spin_for_ever();
}

static _Noreturn void
hang(bool sends)
{
	start("hanger", hang_here, cpu_count - 1);
	for (;;) { /* forever: the kernel notices */
		if (sends) {
			timer_sleep(TICKS_PER_NMI * NSEC_PER_SEC / boot_args.hz);
			arch_nmi_send(cpu_count - 1);
		} else {
			timer_sleep(NSEC_PER_SEC);
		}
	}
}

static struct atomic is_deaf;

static bool
keep_nmi(struct regs *regs)
{
	(void)regs;
	if (smp_processor_id() == cpu_count - 1) {
		atomic_store(&is_deaf, 1);
		spin_for_ever();
	}
	return true;
}

static struct nmi_handler keeper = { .fn = keep_nmi };

static void
deafen_and_panic(void *arg)
{
	(void)arg;
	register_nmi_handler(&keeper);
	arch_nmi_send(cpu_count - 1);
	while (!atomic_load(&is_deaf)) { /* bounded: it comes */
		arch_cpu_relax();
	}
	panic("nothing is wrong on this cpu");
}

static _Noreturn void
deafen(void)
{
	start("panicker", deafen_and_panic, 0);
	for (;;) { /* forever: it panics */
		timer_sleep(NSEC_PER_SEC);
	}
}

static DEFINE_PER_CPU(uint32_t, nmis);

static bool
count_nmi(struct regs *regs)
{
	(void)regs;
	this_cpu_add(nmis, 1);
	return true;
}

static struct nmi_handler counter = { .fn = count_nmi };

static void
compute(void *arg)
{
	(void)arg;
	while (this_cpu_read(nmis) < ENOUGH_NMIS) { /* bounded: they go on coming */
		arch_cpu_relax();
	}
	complete(&ready);
}

static int
compute_everywhere(void)
{
	init_completion(&ready);
	register_nmi_handler(&counter);
	for_each_cpu (cpu) {
		start("computer", compute, cpu);
	}
	for_each_cpu (cpu) {
		wait_for_completion(&ready);
	}
	printk("every cpu has taken %u NMIs\n", ENOUGH_NMIS);
	return 0;
}

static bool
is_asked(const char *word)
{
	return strlen(boot_args.program) == strlen(word) &&
	       memcmp(boot_args.program, word, strlen(word)) == 0;
}

int
main(void)
{
	if (is_asked("hang") || is_asked("hang-nmi")) {
		hang(is_asked("hang-nmi"));
	}
	if (is_asked("deaf")) {
		deafen();
	}
	return is_asked("compute") ? compute_everywhere() : spin();
}
