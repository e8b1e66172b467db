// SPDX-License-Identifier: ISC
/*
 * Messages to the console. The console lock is taken with irqs off. An NMI that finds it taken
 * cannot wait, since it may have interrupted the holder: its text goes to a buffer of its cpu, and
 * whoever unlocks looks into all of them. Store and look on both sides, with a full barrier in
 * between: the NMI stores its text, then tries the lock again; the holder unlocks, then looks.
 */
#include "guest/printk.h"

#include <stdarg.h>
#include <stdbool.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/format.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/string.h"

static DEFINE_RAW_SPINLOCK(console_lock);
static struct atomic panicking;

/* Text of an NMI that found the console locked: filled by it, emptied under the console lock. */
static DEFINE_PER_CPU(struct atomic, deferred_length);
static DEFINE_PER_CPU(char[PRINTK_SIZE], deferred_text);

/* What does not fit is cut: an NMI has nobody to wait for. */
static void
defer(const char *text, size_t length)
{
	struct atomic *deferred = this_cpu_ptr(&deferred_length);
	/* What it overwrites has been written out: pairs with the exchange in write_deferred(). */
	uint32_t start = atomic_load_acquire(deferred);

	if (length > PRINTK_SIZE - start) {
		length = PRINTK_SIZE - start;
	}
	memcpy((char *)this_cpu_ptr(&deferred_text) + start, text, length);
	/* A full barrier before the lock is tried again: pairs with the one in unlock(). */
	atomic_xchg(deferred, start + (uint32_t)length);
}

static bool
any_deferred(void)
{
	for_each_cpu (cpu) {
		if (atomic_load_acquire(&per_cpu(deferred_length, cpu)) != 0) {
			return true;
		}
	}
	return false;
}

/* The buffer is emptied only when all of it is written: an NMI in between adds to its end. */
static void
write_deferred(unsigned int cpu)
{
	struct atomic *deferred = per_cpu_ptr(&deferred_length, cpu);
	const char *text = (const char *)per_cpu_ptr(&deferred_text, cpu);
	uint32_t written = 0;
	uint32_t length;

	do {                                            /* bounded: by the size of the buffer */
		length = atomic_load_acquire(deferred); /* a failed exchange orders nothing */
		if (length != written) {
			arch_console_write(text + written, length - written);
			written = length;
		}
	} while (!atomic_try_cmpxchg(deferred, &length, 0));
}

static void
write_all_deferred(void)
{
	for_each_cpu (cpu) {
		write_deferred(cpu);
	}
}

/* If somebody else has the lock again, he will look too. */
static void
unlock(void)
{
	raw_spin_unlock(&console_lock);
	smp_mb(); /* the lock is free before the look: pairs with defer() */
	while (any_deferred() && raw_spin_trylock(&console_lock)) { /* bounded: a turn an NMI */
		write_all_deferred();
		raw_spin_unlock(&console_lock);
		smp_mb(); /* likewise */
	}
}

static void
console_write_nmi(const char *text, size_t length)
{
	if (raw_spin_trylock(&console_lock)) {
		arch_console_write(text, length);
		unlock();
		return;
	}
	defer(text, length);
	if (raw_spin_trylock(&console_lock)) {
		unlock();
	}
}

static void
console_write(const char *text, size_t length)
{
	unsigned long flags;

	if (atomic_load(&panicking)) {
		arch_console_write(text, length);
		return;
	}
	flags = arch_irq_save();
	if (in_nmi()) {
		console_write_nmi(text, length);
	} else {
		raw_spin_lock(&console_lock);
		arch_console_write(text, length);
		unlock();
	}
	arch_irq_restore(flags);
}

void
printk(const char *format, ...)
{
	char text[PRINTK_SIZE];
	va_list args;
	size_t length;

	va_start(args, format);
	length = format_to(text, sizeof(text), format, args);
	va_end(args);
	console_write(text, length);
}

void
printk_panic(void)
{
	atomic_store_mb(&panicking, 1);
	write_all_deferred();
}
