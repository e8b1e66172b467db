// SPDX-License-Identifier: ISC
/*
 * What lockdep says: first a line that says what is wrong, by panic(); then, among its last words,
 * how that was learned, and what the task holds. Addresses are of the code that took a lock.
 */
#include <stdarg.h>

#include "guest/format.h"
#include "guest/lockdep_internal.h"
#include "guest/panic.h"
#include "guest/printk.h"
#include "guest/task.h"

#include "arch_lockdep.h"

/* What the first line leaves out. */
static struct {
	void (*print)(void);
	const struct lock_path *path;
	const struct held_lock *prev; /* the edge that is not learned yet, or NULL and... */
	const struct held_lock *next; /* ...the lock whose use is new */
	unsigned int bits[2];         /* of the usage that contradicts itself */
	uintptr_t ip;
} report;

static const char *const wait_names[] = {
	[LD_WAIT_INV] = "any",         [LD_WAIT_FREE] = "wait-free", [LD_WAIT_SPIN] = "raw",
	[LD_WAIT_CONFIG] = "spinning", [LD_WAIT_SLEEP] = "sleeping",
};

static const char *const irq_names[USE_STATES] = { "interrupt", "softirq" };

const char *
lockdep_name(unsigned int class, char buf[LOCKDEP_NAME_SIZE])
{
	const struct lock_class *lock = &lock_classes[class];
	const char *name = lock->name;
	size_t length;

	if (class == 0) {
		return "a lock";
	}
	if (name == NULL) {
		format_string(buf, LOCKDEP_NAME_SIZE, "[<%016lx>]", (uintptr_t)lock->key);
	} else {
		format_string(buf, LOCKDEP_NAME_SIZE, "%s", name[0] == '&' ? name + 1 : name);
	}
	if (lock->subclass != 0) {
		for (length = 0; buf[length] != '\0'; length++) {
		}
		format_string(buf + length, LOCKDEP_NAME_SIZE - length, "/%u", lock->subclass);
	}
	return buf;
}

/* ---- the last words ---- */

/* It is printed, and the VMM names it. */
static uintptr_t
told(uintptr_t ip)
{
	arch_lockdep_place(ip);
	return ip;
}

static void
print_edge(unsigned int held, unsigned int taken)
{
	char name[LOCKDEP_NAME_SIZE];
	uintptr_t held_ip = 0;
	uintptr_t taken_ip = 0;

	if (report.prev != NULL && held == report.prev->class && taken == report.next->class) {
		held_ip = report.prev->ip;
		taken_ip = report.next->ip;
	}
	for (unsigned int n = 0; held_ip == 0 && n < lock_edge_count; n++) {
		if (lock_edges[n].held == held && lock_edges[n].taken == taken) {
			held_ip = lock_edges[n].held_ip;
			taken_ip = lock_edges[n].taken_ip;
		}
	}
	printk("  %s was taken at [<%016lx>]\n", lockdep_name(taken, name), told(taken_ip));
	printk("    under %s, taken at [<%016lx>]\n", lockdep_name(held, name), told(held_ip));
}

static void
print_path(const struct lock_path *path)
{
	for (unsigned int n = 0; n + 1 < path->count; n++) {
		print_edge(path->classes[n], path->classes[n + 1]);
	}
}

static const char *
usage_words(unsigned int bit)
{
	static const char *const words[USE_IRQ_BITS] = {
		"in an interrupt",    "in an interrupt, to read",
		"with interrupts on", "with interrupts on, to read",
		"in a softirq",       "in a softirq, to read",
		"with softirqs on",   "with softirqs on, to read",
	};

	return words[bit];
}

static void
print_usage(unsigned int class, unsigned int bit)
{
	char name[LOCKDEP_NAME_SIZE];

	printk("  %s was taken %s, first at [<%016lx>]\n", lockdep_name(class, name),
	       usage_words(bit), told(lock_classes[class].usage_ip[bit]));
}

static void
print_cycle(void)
{
	print_edge(report.prev->class, report.next->class);
	print_path(report.path);
}

static void
print_usages(void)
{
	print_usage(report.next->class, report.bits[0]);
	print_usage(report.next->class, report.bits[1]);
}

/* All bits of these, of which there is one at least. */
static void
print_any_usage(unsigned int class, unsigned int first)
{
	for (unsigned int bit = first; bit < first + 2; bit++) {
		if (lock_classes[class].usage >> bit & 1) {
			print_usage(class, bit);
		}
	}
}

static void
print_irq_order(void)
{
	const struct lock_path *path = report.path;

	print_path(path);
	print_any_usage(path->classes[0], report.bits[0]);
	print_any_usage(path->classes[path->count - 1], report.bits[0] + 2);
}

static void
print_held(const struct task *task)
{
	if (task->lockdep.depth != 0) {
		printk("locks held by %s, pid %u:\n", task->comm, task->pid);
	}
	for (unsigned int n = task->lockdep.depth; n != 0; n--) {
		const struct held_lock *lock = &task->lockdep.held[n - 1];
		char name[LOCKDEP_NAME_SIZE];

		printk("  %s (%s%s), taken at [<%016lx>]\n", lockdep_name(lock->class, name),
		       wait_names[lock_classes[lock->class].wait_inner],
		       lock->read == LOCKDEP_WRITE ? "" : ", to read", told(lock->ip));
	}
}

void
lockdep_print_last_words(void)
{
	if (report.print != NULL) {
		report.print();
	}
	if (current != NULL) {
		print_held(current);
	}
}

static void
print_where(void)
{
	printk("  at [<%016lx>]\n", told(report.ip));
}

/* ---- the first lines ---- */

/* " under B under C": what is between the path's ends. */
static void
format_between(char *buf, size_t size, const struct lock_path *path)
{
	size_t length = 0;

	buf[0] = '\0';
	for (unsigned int n = path->count - 1; n-- > 1;) {
		char name[LOCKDEP_NAME_SIZE];

		length += format_string(buf + length, size - length, " under %s",
		                        lockdep_name(path->classes[n], name));
		if (length >= size - 1) {
			return;
		}
	}
}

void
lockdep_report_cycle(const struct held_lock *prev, const struct held_lock *next,
                     const struct lock_path *path)
{
	char names[2][LOCKDEP_NAME_SIZE];
	char between[2 * LOCKDEP_NAME_SIZE];

	lockdep_stop();
	format_between(between, sizeof(between), path);
	report.print = print_cycle;
	report.path = path;
	report.prev = prev;
	report.next = next;
	lockdep_name(prev->class, names[0]);
	lockdep_name(next->class, names[1]);
	panic("possible deadlock: %s is taken under %s here, and %s%s under %s elsewhere", names[1],
	      names[0], names[0], between, names[1]);
}

void
lockdep_report_irq_order(const struct lock_path *path, unsigned int state,
                         const struct held_lock *prev, const struct held_lock *next)
{
	char names[2][LOCKDEP_NAME_SIZE];
	char between[2 * LOCKDEP_NAME_SIZE];

	lockdep_stop();
	format_between(between, sizeof(between), path);
	report.print = print_irq_order;
	report.path = path;
	report.prev = prev;
	report.next = next;
	report.bits[0] = state * USE_STATE_BITS;
	lockdep_name(path->classes[0], names[0]);
	lockdep_name(path->classes[path->count - 1], names[1]);
	panic("possible deadlock: %s, held with %ss on, is taken%s under %s, which %ss take",
	      names[1], irq_names[state], between, names[0], irq_names[state]);
}

void
lockdep_report_twice(const struct held_lock *prev, const struct held_lock *next)
{
	char name[LOCKDEP_NAME_SIZE];

	lockdep_stop();
	lockdep_name(next->class, name);
	report.print = print_where;
	report.ip = next->ip;
	panic("possible deadlock: %s is taken under %s", name,
	      prev->map == next->map ? "itself" : "another of its class");
}

void
lockdep_report_usage(const struct held_lock *lock, unsigned int bit, unsigned int other)
{
	char name[LOCKDEP_NAME_SIZE];

	lockdep_stop();
	report.print = print_usages;
	report.next = lock;
	report.bits[0] = bit;
	report.bits[1] = other;
	panic("possible deadlock: %s is taken %s here, and %s elsewhere",
	      lockdep_name(lock->class, name), usage_words(bit), usage_words(other));
}

void
lockdep_report_nesting(const struct held_lock *lock, const struct held_lock *under, uint8_t inner)
{
	char names[2][LOCKDEP_NAME_SIZE];
	const char *where = lock->context == 2 ? "an interrupt" : "a softirq";

	lockdep_stop();
	lockdep_name(lock->class, names[0]);
	if (under == NULL) {
		panic("wrong nesting: %s (%s) is taken in %s", names[0],
		      wait_names[lock_classes[lock->class].wait_outer], where);
	}
	panic("wrong nesting: %s (%s) is taken under %s (%s)", names[0],
	      wait_names[lock_classes[lock->class].wait_outer],
	      lockdep_name(under->class, names[1]), wait_names[inner]);
}

void
lockdep_report_nmi(const struct held_lock *lock)
{
	char name[LOCKDEP_NAME_SIZE];

	lockdep_stop();
	panic("possible deadlock: %s is taken in an NMI here, and elsewhere",
	      lockdep_name(lock->class, name));
}

void
lockdep_report_key(const struct lockdep_map *map)
{
	lockdep_stop();
	report.print = print_where;
	report.ip = (uintptr_t)map;
	panic("a lock that was never initialized is taken");
}

void
lockdep_report_held(unsigned int class, uintptr_t ip, const char *format, ...)
{
	char name[LOCKDEP_NAME_SIZE];
	char text[96];
	va_list args;

	lockdep_stop();
	va_start(args, format);
	format_to(text, sizeof(text), format, args);
	va_end(args);
	report.print = print_where;
	report.ip = ip;
	panic("%s %s", lockdep_name(class, name), text);
}

/* ---- what was learned ---- */

void
lockdep_print_order(void)
{
	for (unsigned int n = 0; n < lock_edge_count; n++) {
		char names[2][LOCKDEP_NAME_SIZE];

		lockdep_name(lock_edges[n].held, names[0]);
		printk("%s -> %s\n", names[0], lockdep_name(lock_edges[n].taken, names[1]));
	}
}

void
lockdep_for_each_table(void (*each)(void *start, size_t size))
{
	each(lock_classes, lock_class_count * sizeof(lock_classes[0]));
	each(lock_edges, lock_edge_count * sizeof(lock_edges[0]));
	lockdep_each_chain_table(each);
}
