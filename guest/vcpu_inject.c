// SPDX-License-Identifier: ISC
#include "guest/vcpu_inject.h"

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/inject_order.h"
#include "guest/panic.h"
#include "guest/printk.h"
#include "guest/vcpu.h"
#include "guest/vcpu_exit.h"

bool vcpu_inject_armed;

static struct inject_order orders[VCPU_INJECT_MAX];
static uint32_t order_count;
static struct atomic with_interrupts; /* how many more */
static struct atomic64 exit_count;    /* while armed */
static struct atomic64 done_count;

bool
vcpu_inject_order(const char *text, size_t size)
{
	struct inject_order order;

	if (order_count == VCPU_INJECT_MAX || !inject_order_parse(text, size, &order)) {
		return false;
	}
	orders[order_count++] = order;
	vcpu_inject_armed = true;
	return true;
}

void
vcpu_inject_with_interrupts(uint32_t count)
{
	atomic_store(&with_interrupts, count);
	vcpu_inject_armed = count != 0 || order_count != 0;
}

uint64_t
vcpu_inject_count_done(void)
{
	return atomic_load(&done_count);
}

static void
inject(enum early_cause cause)
{
	atomic_fetch_add(&done_count, 1);
	arch_vcpu_exit_inject(cause);
}

/* One step, over all cpus: each exit has a number of its own. */
static uint64_t
number_exit(void)
{
	if (bug(INJECT_COUNT_TORN)) {
		uint64_t number = atomic_load(&exit_count) + 1;

		atomic_store(&exit_count, number);
		return number;
	}
	return atomic_fetch_add(&exit_count, 1) + 1;
}

/* Of those that come with interrupts. */
static bool
take_one(void)
{
	uint32_t left = atomic_load(&with_interrupts);

	while (left != 0) { /* bounded: another turn only where another cpu took one */
		if (atomic_try_cmpxchg(&with_interrupts, &left, left - 1)) {
			return true;
		}
	}
	return false;
}

void
vcpu_inject_count(const struct vcpu *vcpu)
{
	uint64_t number;

	ASSERT(arch_irqs_disabled());
	ASSERT(this_cpu_read(running_vcpu) == vcpu);
	number = number_exit();
	for (uint32_t i = 0; i < order_count; i++) {
		if (orders[i].exit == number) {
			inject(orders[i].cause);
		}
	}
	if (vcpu->exit.code == VCPU_EXIT_INTERRUPT && take_one()) {
		inject(EARLY_NMI);
	}
}

void
vcpu_inject_report(void)
{
	uint64_t count = atomic_load(&exit_count);

	for (uint32_t i = 0; i < order_count; i++) {
		if (orders[i].exit > count) {
			printk("inject=%s%s%u: not reached, there were %lu exits\n",
			       inject_order_names[orders[i].cause], INJECT_ORDER_SEPARATOR,
			       orders[i].exit, count);
		}
	}
}
