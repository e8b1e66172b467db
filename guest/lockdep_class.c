// SPDX-License-Identifier: ISC
/*
 * Classes: what a lock belongs to, and how the locks of a class have been used.
 */
#include "guest/bug.h"
#include "guest/lockdep_internal.h"
#include "guest/panic.h"
#include "guest/percpu.h"

#include "arch_lockdep.h"

extern char __percpu_start[];
extern char __percpu_end[];

LOCKDEP_TABLE struct lock_class lock_classes[LOCKDEP_CLASSES_MAX];
unsigned int lock_class_count;

/* What all cpus' areas have in common: the section's address. */
static const void *
percpu_key(const void *addr)
{
	uintptr_t size = (uintptr_t)(__percpu_end - __percpu_start);

	for (unsigned int cpu = 1; cpu < CPUS_MAX && percpu_offset[cpu] != 0; cpu++) {
		uintptr_t original = (uintptr_t)addr - percpu_offset[cpu];

		if (original - (uintptr_t)__percpu_start < size) {
			return (const void *)original;
		}
	}
	return addr;
}

static const void *
key_of(const struct lockdep_map *map)
{
	const void *addr = percpu_key(map);

	if (map->key != NULL) {
		return map->key;
	}
	return arch_is_static(addr) ? addr : map->name;
}

void
lockdep_copy_map(struct lockdep_map *to, const struct lockdep_map *from)
{
	unsigned long flags = arch_lockdep_enter(); /* others may learn its class just now */

	*to = *from;
	to->key = key_of(from);
	arch_lockdep_exit(flags);
}

static unsigned int
find_class(const void *key, unsigned int subclass)
{
	for (unsigned int n = 1; n < lock_class_count; n++) {
		if (lock_classes[n].key == key && lock_classes[n].subclass == subclass) {
			return n;
		}
	}
	return 0;
}

static unsigned int
make_class(const struct lockdep_map *map, const void *key, unsigned int subclass)
{
	unsigned int n = lock_class_count == 0 ? 1 : lock_class_count;

	if (lock_class_count == 0) {
		lockdep_forget_chains();
	}
	if (n == LOCKDEP_CLASSES_MAX) {
		lockdep_give_up(LOCKDEP_CLASSES_MAX - 1, "classes");
		return 0;
	}
	lock_classes[n] = (struct lock_class){
		.key = key,
		.name = map->name,
		.subclass = (uint8_t)subclass,
		.wait_outer = map->wait_outer,
		.wait_inner = map->wait_inner,
	};
	lock_class_count = n + 1; /* what is above may be of an earlier run */
	return n;
}

unsigned int
lockdep_known_class(const struct lockdep_map *map, unsigned int subclass)
{
	if (subclass < LOCKDEP_CACHED && map->classes[subclass] != 0) {
		return map->classes[subclass];
	}
	return find_class(key_of(map), subclass);
}

unsigned int
lockdep_class_of(struct lockdep_map *map, unsigned int subclass)
{
	const void *key;
	unsigned int class;

	ASSERT(subclass < LOCKDEP_SUBCLASSES);
	if (subclass < LOCKDEP_CACHED && map->classes[subclass] != 0) {
		return map->classes[subclass];
	}
	key = key_of(map);
	if (key == NULL) {
		lockdep_report_key(map);
	}
	lockdep_graph_lock();
	class = find_class(key, subclass);
	if (class == 0) {
		class = make_class(map, key, subclass);
	}
	lockdep_graph_unlock();
	if (subclass < LOCKDEP_CACHED) {
		map->classes[subclass] = (uint8_t) class;
	}
	return class;
}

/* ---- usage ---- */

/*
 * One lock, in an interrupt and with those on: whoever is interrupted while he holds it is waited
 * for by the interrupt. Not if both only read.
 */
static void
check_one_lock(const struct held_lock *lock, unsigned int bit, uint32_t usage)
{
	unsigned int other = (bit ^ 2) & ~1u;

	if (usage >> other & 1) {
		lockdep_report_usage(lock, bit, other);
	}
	if (!(bit & 1) && (usage >> (other + 1) & 1)) {
		lockdep_report_usage(lock, bit, other + 1);
	}
}

void
lockdep_mark(const struct held_lock *lock, unsigned int bit)
{
	struct lock_class *class = &lock_classes[lock->class];

	if (class->usage >> bit & 1) {
		return;
	}
	lockdep_graph_lock();
	class->usage |= 1u << bit;
	if (bit < USE_IRQ_BITS) {
		class->usage_ip[bit] = lock->ip;
		check_one_lock(lock, bit, class->usage);
		lockdep_check_usage_order(lock, bit);
	}
	lockdep_graph_unlock();
}
