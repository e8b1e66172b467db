// SPDX-License-Identifier: ISC
#include "guest/vcpu_inject.h"

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "guest/vcpu.h"
#include "guest/vcpu_exit.h"

#define DIGITS_MAX 9

struct order {
	enum early_cause cause;
	uint32_t exit; /* 1: the first */
};

static const char *const names[] = {
	[EARLY_NMI] = "nmi",
	[EARLY_RECOVERABLE] = "mce",
	[EARLY_UNCONTAINABLE] = "mce-fatal",
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static const char separator[] = "@exit=";
#define SEPARATOR_SIZE (sizeof(separator) - 1)

bool vcpu_inject_armed;

static struct order orders[VCPU_INJECT_MAX];
static uint32_t order_count;
static struct atomic with_interrupts; /* how many more */
static struct atomic64 exit_count;    /* while armed */
static struct atomic64 done_count;

/* Where the separator begins, or NULL. */
static const char *
find_separator(const char *text, size_t size)
{
	const char *at = memchr(text, separator[0], size);

	if (at == NULL || size - (size_t)(at - text) < SEPARATOR_SIZE ||
	    memcmp(at, separator, SEPARATOR_SIZE) != 0) {
		return NULL;
	}
	return at;
}

/* EARLY_NONE: no such name. */
static enum early_cause
find_cause(const char *name, size_t size)
{
	for (uint32_t cause = EARLY_NMI; cause < NAME_COUNT; cause++) {
		if (strlen(names[cause]) == size && memcmp(names[cause], name, size) == 0) {
			return (enum early_cause)cause;
		}
	}
	return EARLY_NONE;
}

/* 0: no such number. */
static uint32_t
parse_exit(const char *digits, size_t count)
{
	uint32_t value = 0;

	if (count > DIGITS_MAX) {
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (digits[i] < '0' || digits[i] > '9') {
			return 0;
		}
		value = value * 10 + (uint32_t)(digits[i] - '0');
	}
	return value;
}

bool
vcpu_inject_order(const char *text, size_t size)
{
	const char *at = find_separator(text, size);
	struct order order;

	if (at == NULL || order_count == VCPU_INJECT_MAX) {
		return false;
	}
	order.cause = find_cause(text, (size_t)(at - text));
	at += SEPARATOR_SIZE;
	order.exit = parse_exit(at, size - (size_t)(at - text));
	if (order.cause == EARLY_NONE || order.exit == 0) {
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
			       names[orders[i].cause], separator, orders[i].exit, count);
		}
	}
}
