// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/guest.h"

#include "tests/fuzz/exit/kinds.h"

#include "shared/doorbell_abi.h"
#include "shared/trace_abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOW_MAX      0x8000u
#define WRITES_MAX   512u
#define PAGE_SIZE    4096ull
#define EFER_LMA     (1ull << 10)
#define CAPACITY_MAX 5u /* as a power of two */

struct guest guest;

static struct memory copy;
static uint8_t *low, *low_copy; /* LOW_MAX bytes each, of which the last ones are used */

static struct {
	gpa_t at;
	uint32_t size;
} writes[WRITES_MAX];
static uint32_t write_count; /* one more than WRITES_MAX: all of the memory */

/* Sanitizers see what goes beyond an allocation, and low memory ends where its own does. */
void
guest_begin(void)
{
	low = calloc(1, LOW_MAX);
	low_copy = calloc(1, LOW_MAX);
	guest.memory.ranges[1].host = calloc(1, GUEST_HIGH_SIZE);
	copy.ranges[1].host = calloc(1, GUEST_HIGH_SIZE);
	if (low == NULL || low_copy == NULL || guest.memory.ranges[1].host == NULL ||
	    copy.ranges[1].host == NULL) {
		abort();
	}
}

static void
clear(gpa_t at, size_t size)
{
	static const uint8_t zeroes[PAGE_SIZE];

	memory_write(&guest.memory, at, zeroes, size);
	memory_write(&copy, at, zeroes, size);
}

/* Only what was written, which is little. */
static void
clear_all(void)
{
	if (write_count > WRITES_MAX) {
		memset(low, 0, LOW_MAX);
		memset(low_copy, 0, LOW_MAX);
		clear(gpa(MEMORY_HIGH_BASE), GUEST_HIGH_SIZE);
	} else {
		for (uint32_t i = 0; i < write_count; i++) {
			clear(writes[i].at, writes[i].size);
		}
	}
	write_count = 0;
}

static void
remember(gpa_t at, size_t size)
{
	if (write_count < WRITES_MAX) {
		writes[write_count].at = at;
		writes[write_count].size = (uint32_t)size;
	}
	write_count += write_count <= WRITES_MAX;
}

void
guest_reset(uint64_t ring_region, uint64_t trace_size)
{
	uint64_t size = GUEST_RING_AT + ring_region + trace_size;
	uint8_t *high = guest.memory.ranges[1].host;

	clear_all();
	guest = (struct guest){ .trace = { GUEST_RING_AT + ring_region, trace_size } };
	guest.memory.ranges[0] = (struct memory_range){ 0, size, low + LOW_MAX - size };
	guest.memory.ranges[1] = (struct memory_range){ MEMORY_HIGH_BASE, GUEST_HIGH_SIZE, high };
	copy.ranges[0] = (struct memory_range){ 0, size, low_copy + LOW_MAX - size };
	copy.ranges[1].base = MEMORY_HIGH_BASE;
	copy.ranges[1].size = GUEST_HIGH_SIZE;
}

static void
put(uint64_t at, const void *bytes, size_t size)
{
	if (memory_write(&guest.memory, gpa(at), bytes, size)) {
		memory_write(&copy, gpa(at), bytes, size);
		remember(gpa(at), size);
	}
}

void
guest_has_ring(uint32_t ring_size)
{
	struct console_ring header;

	guest.ring_size = ring_size;
	memory_read(&guest.memory, gpa(GUEST_RING_AT), &header, sizeof(header));
	memory_write(&copy, gpa(GUEST_RING_AT), &header, sizeof(header));
	remember(gpa(GUEST_RING_AT), sizeof(header));
}

static void
put_head(uint32_t head)
{
	put(GUEST_RING_AT + offsetof(struct console_ring, head), &head, sizeof(head));
}

/* A little before or behind where it should be, or where it may just be. */
static void
lie(const struct fuzz_item *item)
{
	const uint32_t bases[] = { 0, guest.ring_size, 0 - guest.ring_size, 1u << 31 };
	uint32_t distance = exit_small(item, 2);

	put_head(guest.head + bases[fuzz_arg(item, 1, 4)] +
	         (fuzz_arg(item, 3, 2) != 0 ? 0 - distance : distance));
}

/* As a guest does that knows the ABI, except that it does not wait for room. */
static void
say(const struct fuzz_item *item)
{
	static const char *const phrases[] = {
		"hello\n",
		"[<ffffffff80001010>]\n",
		"at [<ffffffff80001000>] x",
		"[<ffffffff80002fff>]",
		"[<0000000000000000>]\n",
		"[<ffffffff8000",
		"\033[2J\r\a\177\377",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n",
	};
	const char *phrase = phrases[fuzz_arg(item, 1, sizeof(phrases) / sizeof(phrases[0]))];
	size_t length = strlen(phrase);

	if (guest.ring_size == 0) {
		return;
	}
	for (unsigned int times = fuzz_arg(item, 2, 256) / 8 + 1; times > 0; times--) {
		uint32_t at = guest.head & (guest.ring_size - 1);
		size_t first = guest.ring_size - at < length ? guest.ring_size - at : length;
		uint64_t data = GUEST_RING_AT + sizeof(struct console_ring);

		put(data + at, phrase, first);
		put(data, phrase + first, length - first);
		guest.head += (uint32_t)length;
	}
	put_head(guest.head);
}

static void
put_word(const struct fuzz_item *item)
{
	const uint64_t regions[] = { 0, GUEST_RING_AT, guest.trace.addr, MEMORY_HIGH_BASE };
	uint64_t at = regions[fuzz_arg(item, 1, 4)] +
	              (fuzz_arg(item, 2, 256) | fuzz_arg(item, 3, 32) << 8);
	uint64_t word = exit_shaped(item, 4);

	put(at, &word, sizeof(word));
}

static void
put_trace_field(const struct fuzz_item *item)
{
	uint64_t value = exit_shaped(item, 2);
	unsigned int field = fuzz_arg(item, 1, 8);

	switch (field) {
	case 0:
	case 1:
	case 2:
	case 3: /* magic, version, cpu_count, capacity */
		put(guest.trace.addr + field * sizeof(uint32_t), &value, sizeof(uint32_t));
		break;
	default: /* a cpu's head; of cpu 3 the clock's frequency, too */
		put(guest.trace.addr + sizeof(struct trace_region) +
		            (field - 4) * sizeof(struct trace_ring),
		    &value, sizeof(value));
		if (field == 7) {
			put(guest.trace.addr + offsetof(struct trace_region, tsc_hz), &value,
			    sizeof(value));
		}
		break;
	}
}

static void
put_record(const struct fuzz_item *item)
{
	struct trace_record record = {
		.tsc = exit_shaped(item, 3),
		.event = (uint16_t)fuzz_arg(item, 2, 32),
		.preempt_count = (uint32_t)exit_shaped(item, 3),
		.pid = fuzz_arg(item, 4, 256),
		.a = (uint32_t)exit_shaped(item, 3),
		.b = exit_shaped(item, 3),
	};

	put(guest.trace.addr + TRACE_HEADER_SIZE + fuzz_arg(item, 1, 64) * sizeof(record), &record,
	    sizeof(record));
}

/* As a guest leaves it: each cpu has traced so many. The records of cpu 0 have their numbers. */
static void
put_trace(const struct fuzz_item *item)
{
	struct trace_ring ring = { .head = fuzz_arg(item, 1, 256) | fuzz_arg(item, 2, 256) << 8 };
	struct trace_region header = {
		.magic = TRACE_MAGIC,
		.version = TRACE_VERSION,
		.cpu_count = GUEST_CPUS_MAX,
		.capacity = 1u << fuzz_arg(item, 3, CAPACITY_MAX),
		.tsc_hz = 1000000,
	};

	put(guest.trace.addr, &header, sizeof(header));
	for (uint32_t cpu = 0; cpu < GUEST_CPUS_MAX; cpu++) {
		put(guest.trace.addr + sizeof(header) + cpu * sizeof(ring), &ring, sizeof(ring));
	}
	for (uint64_t i = 1; i <= header.capacity && i <= ring.head; i++) {
		uint64_t n = ring.head - i;
		struct trace_record record = { .tsc = n,
			                       .event = (uint16_t)(n % TRACE_EVENT_COUNT) };

		put(guest.trace.addr + TRACE_HEADER_SIZE + n % header.capacity * sizeof(record),
		    &record, sizeof(record));
	}
}

static void
put_frame(const struct fuzz_item *item)
{
	uint64_t at = fuzz_arg(item, 1, 256) * 16;
	uint64_t frame[2] = { at + 16, exit_shaped(item, 2) };

	put(at, frame, sizeof(frame));
}

static void
set_register(const struct fuzz_item *item)
{
	uint64_t value = exit_shaped(item, 2);

	guest.states[0] = GUEST_STATE_RUNS;
	switch (fuzz_arg(item, 1, 8)) {
	case 0:
		guest.regs.rip = value;
		break;
	case 1:
		guest.regs.rbp = value;
		break;
	case 2:
		guest.sregs.cs.base = value;
		break;
	case 3:
		guest.sregs.efer = value;
		break;
	case 4: /* 64-bit code */
		guest.sregs.efer = EFER_LMA;
		guest.sregs.cs.l = 1;
		break;
	default:
		guest.regs.rax = value;
		guest.regs.rsp = value;
		guest.sregs.cr3 = value;
		guest.sregs.idt.base = value;
		break;
	}
}

void
guest_reply(const struct fuzz_item *item)
{
	switch ((enum exit_reply)item->kind) {
	case REPLY_SAY:
		say(item);
		break;
	case REPLY_HEAD:
		lie(item);
		break;
	case REPLY_WORD:
		put_word(item);
		break;
	case REPLY_TRACE:
		put_trace_field(item);
		break;
	case REPLY_RECORD:
		put_record(item);
		break;
	case REPLY_TRACED:
		put_trace(item);
		break;
	case REPLY_FRAME:
		put_frame(item);
		break;
	case REPLY_REGISTER:
		set_register(item);
		break;
	case REPLY_STATE:
		guest.states[fuzz_arg(item, 1, GUEST_CPUS_MAX)] =
			fuzz_arg(item, 2, GUEST_STATE_COUNT);
		break;
	case REPLY_MAP:
		guest.mapped_to = exit_shaped(item, 1);
		break;
	case REPLY_COUNT:
		break;
	}
}

static int
readable(uint32_t cpu)
{
	if (guest.states[cpu] == GUEST_STATE_UNREADABLE) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int
guest_get_regs(uint32_t cpu, struct kvm_regs *regs)
{
	*regs = guest.regs;
	return readable(cpu);
}

int
guest_get_sregs(uint32_t cpu, struct kvm_sregs *sregs)
{
	*sregs = guest.sregs;
	return readable(cpu);
}

int
guest_get_mp_state(uint32_t cpu, struct kvm_mp_state *state)
{
	static const uint32_t states[] = {
		[GUEST_STATE_RUNS] = KVM_MP_STATE_RUNNABLE,
		[GUEST_STATE_HALTED] = KVM_MP_STATE_HALTED,
		[GUEST_STATE_WAITS] = KVM_MP_STATE_UNINITIALIZED,
	};

	state->mp_state = states[guest.states[cpu]];
	return readable(cpu);
}

int
guest_translate(struct kvm_translation *translation)
{
	uint64_t address = translation->linear_address;

	if (guest.mapped_to != 0) {
		address = guest.mapped_to + address % (4 * PAGE_SIZE);
	}
	translation->physical_address = address;
	translation->valid = address >> 52 == 0;
	return 0;
}

bool
guest_memory_is_its_own(void)
{
	uint64_t tail_at = GUEST_RING_AT + offsetof(struct console_ring, tail);
	uint32_t tail;

	memory_read(&guest.memory, gpa(tail_at), &tail, sizeof(tail));
	if (guest.ring_size != 0) {
		memory_write(&copy, gpa(tail_at), &tail, sizeof(tail));
		remember(gpa(tail_at), sizeof(tail));
	}
	return memcmp(guest.memory.ranges[0].host, copy.ranges[0].host,
	              guest.memory.ranges[0].size) == 0 &&
	       memcmp(guest.memory.ranges[1].host, copy.ranges[1].host, GUEST_HIGH_SIZE) == 0;
}
