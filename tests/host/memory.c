// SPDX-License-Identifier: ISC
/*
 * Loads, stores and locked operations: each is a point of the machine, then takes effect in the
 * cpu's store buffer or in memory. Whoever spins on what changes is told.
 */
#include "tests/host/memory.h"

#include <assert.h>

#include "tests/host/race.h"
#include "tests/host/run.h"

const struct host_store *
memory_next_to_drain(const struct host_cpu *cpu)
{
	unsigned int n = cpu->store_first;

	if (host_broken & HOST_BROKEN_FIFO) {
		n += cpu->store_count - 1;
	}
	return &cpu->stores[n % HOST_STORES_MAX];
}

bool
memory_has_store(const struct host_cpu *cpu, const void *addr)
{
	for (unsigned int n = 0; n < cpu->store_count; n++) {
		if (cpu->stores[(cpu->store_first + n) % HOST_STORES_MAX].addr == addr) {
			return true;
		}
	}
	return false;
}

/* Has cpu read addr since its last turn? */
static bool
has_read(const struct host_cpu *cpu, const void *addr)
{
	if (cpu->read_count > HOST_READS_MAX) {
		return true;
	}
	for (unsigned int n = 0; n < cpu->read_count; n++) {
		if (cpu->reads[n] == addr) {
			return true;
		}
	}
	return false;
}

static void
tell_listeners(uint32_t cpus, const void *addr)
{
	for (; cpus != 0; cpus &= cpus - 1) {
		struct host_cpu *cpu = &machine.cpus[__builtin_ctz(cpus)];

		if (!cpu->spin_over && has_read(cpu, addr)) {
			cpu->spin_over = true;
			cpu->spin_ended_by = machine.moment - 1;
		}
		if (cpu->spin_over) {
			machine.listening &= ~(1u << cpu->id);
		}
	}
}

/* addr was written: who spins on it has something to look at. */
static inline void
changed(const struct host_cpu *by, const void *addr)
{
	uint32_t others = machine.listening & ~(1u << by->id);

	if (others != 0) {
		tell_listeners(others, addr);
	}
}

/* Words of 4 or 8 bytes. */
static inline void
put(void *addr, size_t size, uint64_t value)
{
	if (size == 8) {
		*(uint64_t *)addr = value;
	} else {
		*(uint32_t *)addr = (uint32_t)value;
	}
}

void
memory_drain(struct host_cpu *cpu)
{
	const struct host_store *next = memory_next_to_drain(cpu);
	struct host_store store = *next;

	race_drain(cpu->id, (unsigned int)(next - cpu->stores));
	if (!(host_broken & HOST_BROKEN_FIFO)) {
		cpu->store_first = (cpu->store_first + 1) % HOST_STORES_MAX;
	}
	cpu->store_count--;
	cpu->stores_fenced &= cpu->store_count != 0;
	put(store.addr, store.size, store.value);
	changed(cpu, store.addr);
}

static inline void
note_read(const void *addr)
{
	struct host_cpu *cpu = host_this;

	if (cpu->read_count > HOST_READS_MAX) {
		return;
	}
	if (cpu->read_count == 0) {
		cpu->spin_over = false;
		machine.listening |= 1u << cpu->id;
	}
	if (cpu->read_count < HOST_READS_MAX) {
		cpu->reads[cpu->read_count] = addr;
	}
	cpu->read_count++;
}

static inline uint64_t
read_memory(const void *addr, size_t size)
{
	return size == 8 ? *(const uint64_t *)addr : *(const uint32_t *)addr;
}

static inline uint64_t
truncated(uint64_t value, size_t size)
{
	return size == 8 ? value : value & 0xffffffffu;
}

static void
watch(const void *addr, uint64_t old, uint64_t value)
{
	for (unsigned int n = 0; n < machine.watch_count; n++) {
		uint32_t mask = machine.watches[n].mask;

		if (machine.watches[n].addr == addr && machine.watches[n].owner != host_this->id &&
		    !(old & (mask | machine.watches[n].unless)) && (value & mask)) {
			machine.watched++;
		}
	}
}

static inline void
write_memory(void *addr, size_t size, uint64_t value)
{
	put(addr, size, value);
	changed(host_this, addr);
}

/* The youngest of cpu's stores to addr that has not reached memory, or NULL. */
static const struct host_store *
own_store(const struct host_cpu *cpu, const void *addr)
{
	for (unsigned int n = cpu->store_count; n-- != 0;) {
		const struct host_store *store =
			&cpu->stores[(cpu->store_first + n) % HOST_STORES_MAX];

		if (store->addr == addr && !(host_broken & HOST_BROKEN_FORWARDING)) {
			return store;
		}
	}
	return NULL;
}

uint32_t
memory_peek(const struct host_cpu *cpu, const void *addr)
{
	const struct host_store *store = own_store(cpu, addr);

	return (uint32_t)(store != NULL ? store->value : read_memory(addr, sizeof(uint32_t)));
}

/* Who has read so much need note no more. */
static inline bool
point_of_reader_at_once(enum host_op_kind kind)
{
	return host_this->read_count > HOST_READS_MAX && machine_point_at_once(kind);
}

static __attribute__((noinline)) uint64_t
load_somehow(const void *from, size_t size, int order, const void *pc)
{
	const struct host_store *store;

	machine_point((struct host_op){ HOST_OP_LOAD, from });
	note_read(from);
	store = own_store(host_this, from);
	if (store != NULL) {
		race_forward(from, size, pc);
		return store->value;
	}
	race_load(from, size, order, pc);
	return read_memory(from, size);
}

/* What is passed at once finds the buffer empty. */
static inline __attribute__((always_inline)) uint64_t
load(const volatile void *addr, size_t size, int order, const void *pc)
{
	const void *from = (const void *)(uintptr_t)addr;

	if (point_of_reader_at_once(HOST_OP_LOAD)) {
		return read_memory(from, size);
	}
	return load_somehow(from, size, order, pc);
}

uint64_t
host_load_4(const volatile void *addr, int order)
{
	return load(addr, 4, order, __builtin_return_address(0));
}

uint64_t
host_load_8(const volatile void *addr, int order)
{
	return load(addr, 8, order, __builtin_return_address(0));
}

static void
buffer_store(void *addr, size_t size, uint64_t value, int order, const void *pc)
{
	struct host_cpu *cpu = host_this;
	unsigned int slot = (cpu->store_first + cpu->store_count) % HOST_STORES_MAX;

	assert(cpu->store_count < HOST_STORES_MAX);
	race_store(addr, size, order, slot, pc);
	cpu->stores[slot] = (struct host_store){ addr, (uint32_t)size, machine.moment - 1,
		                                 truncated(value, size) };
	cpu->store_count++;
}

/* The store, and that it reaches memory before anything else happens. */
static inline void
store_plainly(void *addr, size_t size, uint64_t value, int order, const void *pc)
{
	struct host_cpu *cpu = host_this;

	assert(cpu->store_count == 0);
	race_store(addr, size, order, cpu->store_first, pc);
	race_drain(cpu->id, cpu->store_first);
	machine.moment++;
	write_memory(addr, size, value);
}

/* addr is on a stack. */
static bool
is_on_own_stack(const void *addr)
{
	const char *stack = machine_stack_of(__builtin_frame_address(0));

	return (const char *)addr >= stack && (const char *)addr < stack + HOST_STACK_SIZE;
}

/*
 * What the compiler keeps on the stack goes to memory at once. It would pass a store in the buffer
 * to an object whose function has returned, which then came late, into another function's frame: so
 * a store to the own stack goes to memory at once, too. It passes those in the buffer if a compiler
 * could move it before them.
 */
static void
store_to_own_stack(void *to, size_t size, uint64_t value, int order, const void *pc)
{
	bool in_order = order != __ATOMIC_RELAXED || host_this->stores_fenced;

	machine_point((struct host_op){ in_order ? HOST_OP_LOCKED : HOST_OP_LOOSE, to });
	race_store_through(to, size, order, pc);
	write_memory(to, size, value);
}

static __attribute__((noinline)) void
store_somehow(void *to, size_t size, uint64_t value, int order, const void *pc)
{
	if ((uintptr_t)to - (uintptr_t)host_stacks < sizeof(host_stacks) && !host_quiet &&
	    is_on_own_stack(to)) {
		store_to_own_stack(to, size, value, order, pc);
		return;
	}
	machine_point((struct host_op){ HOST_OP_STORE, to });
	if (host_quiet) {
		write_memory(to, size, value);
	} else if (host_plain != 0 && !host_this->held) {
		store_plainly(to, size, value, order, pc);
	} else {
		buffer_store(to, size, value, order, pc);
	}
}

/* host_plain: the last point of a stretch may be one at which its cpu's stores are to be held. */
static inline __attribute__((always_inline)) void
store(volatile void *addr, size_t size, uint64_t value, int order, const void *pc)
{
	void *to = (void *)(uintptr_t)addr;

	if ((uintptr_t)to - (uintptr_t)host_stacks >= sizeof(host_stacks) && host_plain > 1 &&
	    machine_point_at_once(HOST_OP_STORE)) {
		machine.moment++;
		write_memory(to, size, value);
		return;
	}
	store_somehow(to, size, value, order, pc);
}

void
host_store_4(volatile void *addr, uint64_t value, int order)
{
	store(addr, 4, value, order, __builtin_return_address(0));
}

void
host_store_8(volatile void *addr, uint64_t value, int order)
{
	store(addr, 8, value, order, __builtin_return_address(0));
}

static inline uint64_t
result_of(enum host_rmw op, uint64_t old, uint64_t operand)
{
	switch (op) {
	case HOST_ADD:
		return old + operand;
	case HOST_SUB:
		return old - operand;
	case HOST_OR:
		return old | operand;
	case HOST_AND:
		return old & operand;
	default:
		return operand;
	}
}

static inline bool
is_torn(enum host_rmw op)
{
	return (host_broken & (HOST_BROKEN_RMW | HOST_BROKEN_XCHG)) &&
	       ((host_broken & HOST_BROKEN_RMW) || op == HOST_XCHG);
}

static inline void
locked_point(void *addr, bool loose)
{
	machine_point((struct host_op){ loose ? HOST_OP_LOOSE : HOST_OP_LOCKED, addr });
	note_read(addr);
}

static uint64_t
rmw_in_two(volatile void *addr, size_t size, enum host_rmw op, uint64_t operand)
{
	uint64_t old = host_load(addr, size, __ATOMIC_RELAXED);

	host_store(addr, size, result_of(op, old, operand), __ATOMIC_RELAXED);
	return old;
}

static __attribute__((noinline)) uint64_t
rmw_somehow(void *to, size_t size, enum host_rmw op, uint64_t operand, const void *pc)
{
	uint64_t old, value;

	if (is_torn(op)) {
		return rmw_in_two(to, size, op, operand);
	}
	locked_point(to, op == HOST_ADD && (host_broken & HOST_BROKEN_ADD));
	race_rmw(to, size, pc);
	old = read_memory(to, size);
	value = result_of(op, old, operand);
	watch(to, old, value);
	write_memory(to, size, value);
	return old;
}

static inline __attribute__((always_inline)) uint64_t
rmw(volatile void *addr, size_t size, enum host_rmw op, uint64_t operand, const void *pc)
{
	void *to = (void *)(uintptr_t)addr;

	if (!is_torn(op) && machine.watch_count == 0 && point_of_reader_at_once(HOST_OP_LOCKED)) {
		uint64_t old = read_memory(to, size);

		write_memory(to, size, result_of(op, old, operand));
		return old;
	}
	return rmw_somehow(to, size, op, operand, pc);
}

uint64_t
host_rmw_4(volatile void *addr, enum host_rmw op, uint64_t operand)
{
	return rmw(addr, 4, op, operand, __builtin_return_address(0));
}

uint64_t
host_rmw_8(volatile void *addr, enum host_rmw op, uint64_t operand)
{
	return rmw(addr, 8, op, operand, __builtin_return_address(0));
}

static inline __attribute__((always_inline)) bool
cmpxchg(volatile void *addr, size_t size, uint64_t *expected, uint64_t value, const void *pc)
{
	void *to = (void *)(uintptr_t)addr;
	uint64_t old;

	locked_point(to, host_broken & HOST_BROKEN_CMPXCHG);
	old = read_memory(to, size);
	if (old != *expected) {
		race_load(to, size, __ATOMIC_RELAXED, pc);
		*expected = old;
		return false;
	}
	race_rmw(to, size, pc);
	write_memory(to, size, value);
	return true;
}

bool
host_cmpxchg_4(volatile void *addr, uint64_t *expected, uint64_t value)
{
	return cmpxchg(addr, 4, expected, value, __builtin_return_address(0));
}

bool
host_cmpxchg_8(volatile void *addr, uint64_t *expected, uint64_t value)
{
	return cmpxchg(addr, 8, expected, value, __builtin_return_address(0));
}

void
host_fence(void)
{
	if (!(host_broken & HOST_BROKEN_FENCE)) {
		machine_point((struct host_op){ HOST_OP_FENCE, NULL });
		race_fence(__ATOMIC_SEQ_CST);
	}
}

void
host_order(int order)
{
	host_this->stores_fenced |= order != __ATOMIC_ACQUIRE && host_this->store_count != 0;
	race_fence(order);
}
