// SPDX-License-Identifier: ISC
/*
 * Happens-before by vector clocks, a component a cpu (FastTrack, Flanagan and Freund 2009). A cpu's
 * own component grows when it hands its clock on, so an access is before whatever knows that
 * component's later values.
 *
 * Barriers are C11's fences: what a cpu read relaxed counts after its next barrier, and its relaxed
 * stores hand on what it knew at its last one. A store hands on its clock when it reaches memory,
 * but the clock of when it was made.
 *
 * Each word of memory has the list of accesses to it that a later one could race with. All tables
 * are emptied by a new run's number.
 *
 * A kept moment has copies of what is in use. Words that a run adds come behind those that it goes
 * on with, so that `used` needs none.
 */
#include "tests/host/race.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/host/run.h"

#define WORD_SIZE     8u
#define WORDS_SIZE    0x20000u /* a power of two */
#define ACCESSES_SIZE 0x20000u
#define CLOCKS_SIZE   0x4000u
#define KEPT_WORDS    0x1000u
#define KEPT_ACCESSES 0x4000u
#define KEPT_CLOCKS   0x800u
#define NAMES_SIZE    64u
#define NAME_SIZE     100u

struct clock {
	uint32_t of[HOST_CPUS_MAX];
};

enum kind {
	ATOMIC_READ,
	ATOMIC_WRITE,
	PLAIN_READ,
	PLAIN_WRITE,
};

struct access {
	uint32_t when; /* of its cpu's component */
	uint32_t pc;   /* code lies low: the program is no PIE */
	uint32_t next;
	uint8_t cpu;
	uint8_t kind;
	uint8_t mask; /* bit n: byte n of the word */
};

struct word {
	uintptr_t addr;
	uint32_t run;
	uint32_t first;       /* access; 0: none */
	uint32_t clock_of[2]; /* what an acquire of either half gets; 0: nothing */
};

static bool is_instrumented;
bool race_run;
static uint32_t run_number;

static struct clock knows[HOST_CPUS_MAX];
static struct clock will_know[HOST_CPUS_MAX]; /* after the next barrier for loads */
static struct clock gives[HOST_CPUS_MAX];     /* by relaxed stores: of the last barrier */
static struct clock in_buffer[HOST_CPUS_MAX][HOST_STORES_MAX];

static struct word words[WORDS_SIZE];
static uint32_t used[WORDS_SIZE]; /* where the words of this run are, in order */
static unsigned int word_count;
static struct access accesses[ACCESSES_SIZE];
static uint32_t access_count;
static uint32_t free_access;
static struct clock clocks[CLOCKS_SIZE];
static uint32_t clock_count;

static bool is_found;
static struct access found[2]; /* the later first */

static bool
is_watching(void)
{
	return race_run && !host_quiet;
}

bool
race_is_instrumented(void)
{
	return is_instrumented;
}

void
race_begin(void)
{
	race_run = is_instrumented;
	is_found = false;
	run_number++;
	word_count = 0;
	access_count = 1; /* 0 is none */
	free_access = 0;
	clock_count = 1;
	memset(knows, 0, sizeof(knows));
	memset(will_know, 0, sizeof(will_know));
	memset(gives, 0, sizeof(gives));
	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX; cpu++) {
		knows[cpu].of[cpu] = 1;
	}
}

/* ---- kept moments ---- */

static struct kept {
	struct clock knows[HOST_CPUS_MAX];
	struct clock will_know[HOST_CPUS_MAX];
	struct clock gives[HOST_CPUS_MAX];
	struct clock in_buffer[HOST_CPUS_MAX][HOST_STORES_MAX];
	unsigned int word_count;
	uint32_t access_count;
	uint32_t free_access;
	uint32_t clock_count;
	struct word words[KEPT_WORDS];
	struct access accesses[KEPT_ACCESSES];
	struct clock clocks[KEPT_CLOCKS];
} kept[HOST_KEPT_MAX];

static void
copy_clocks(struct kept *to)
{
	memcpy(to->knows, knows, sizeof(knows));
	memcpy(to->will_know, will_know, sizeof(will_know));
	memcpy(to->gives, gives, sizeof(gives));
	memcpy(to->in_buffer, in_buffer, sizeof(in_buffer));
	memcpy(to->clocks, clocks, clock_count * sizeof(clocks[0]));
	to->clock_count = clock_count;
}

bool
race_keep(unsigned int n)
{
	struct kept *to = &kept[n];

	if (!is_instrumented) {
		return true;
	}
	if (word_count > KEPT_WORDS || access_count > KEPT_ACCESSES || clock_count > KEPT_CLOCKS) {
		return false;
	}
	copy_clocks(to);
	to->word_count = word_count;
	to->access_count = access_count;
	to->free_access = free_access;
	for (unsigned int i = 0; i < word_count; i++) {
		to->words[i] = words[used[i]];
	}
	memcpy(to->accesses, accesses, access_count * sizeof(accesses[0]));
	return true;
}

void
race_go_on(unsigned int n)
{
	const struct kept *from = &kept[n];

	if (!is_instrumented) {
		return;
	}
	race_begin();
	word_count = from->word_count;
	access_count = from->access_count;
	free_access = from->free_access;
	clock_count = from->clock_count;
	memcpy(knows, from->knows, sizeof(knows));
	memcpy(will_know, from->will_know, sizeof(will_know));
	memcpy(gives, from->gives, sizeof(gives));
	memcpy(in_buffer, from->in_buffer, sizeof(in_buffer));
	memcpy(clocks, from->clocks, clock_count * sizeof(clocks[0]));
	for (unsigned int i = 0; i < word_count; i++) {
		words[used[i]] = from->words[i];
		words[used[i]].run = run_number;
	}
	memcpy(accesses, from->accesses, access_count * sizeof(accesses[0]));
}

/* ---- clocks ---- */

static void
join(struct clock *to, const struct clock *from)
{
	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX; cpu++) {
		if (from->of[cpu] > to->of[cpu]) {
			to->of[cpu] = from->of[cpu];
		}
	}
}

/* This cpu hands on what it knows; what it does from now on is not part of it. */
static struct clock
hand_on(unsigned int cpu)
{
	struct clock known = knows[cpu];

	knows[cpu].of[cpu]++;
	return known;
}

/* ---- words ---- */

static struct word *
find_word(uintptr_t addr)
{
	size_t n = addr / WORD_SIZE * 0x9e3779b1u % WORDS_SIZE;

	while (words[n].run == run_number && words[n].addr != addr) { /* bounded: it never fills */
		n = (n + 1) % WORDS_SIZE;
	}
	if (words[n].run != run_number) {
		assert(word_count < WORDS_SIZE - 1);
		used[word_count++] = (uint32_t)n;
		words[n] = (struct word){ .addr = addr, .run = run_number };
	}
	return &words[n];
}

static uint32_t *
clock_at(const void *addr)
{
	uintptr_t at = (uintptr_t)addr;

	return &find_word(at & ~(uintptr_t)(WORD_SIZE - 1))->clock_of[at % WORD_SIZE != 0];
}

static void
put_clock(const void *addr, const struct clock *clock)
{
	uint32_t *n = clock_at(addr);

	if (*n == 0) {
		assert(clock_count < CLOCKS_SIZE);
		*n = clock_count++;
	}
	clocks[*n] = *clock;
}

static void
get_clock(struct clock *to, const void *addr)
{
	uint32_t n = *clock_at(addr);

	if (n != 0) {
		join(to, &clocks[n]);
	}
}

/* ---- accesses ---- */

static bool
is_write(unsigned int kind)
{
	return kind == ATOMIC_WRITE || kind == PLAIN_WRITE;
}

static bool
is_plain(unsigned int kind)
{
	return kind == PLAIN_READ || kind == PLAIN_WRITE;
}

static bool
conflict(unsigned int a, unsigned int b)
{
	return (is_write(a) || is_write(b)) && (is_plain(a) || is_plain(b));
}

/* Whatever conflicts with b conflicts with a. */
static bool
stands_for(unsigned int a, unsigned int b)
{
	return a == b || a == PLAIN_WRITE || b == ATOMIC_READ;
}

static uint32_t
new_access(void)
{
	uint32_t n = free_access;

	if (n != 0) {
		free_access = accesses[n].next;
		return n;
	}
	assert(access_count < ACCESSES_SIZE);
	return access_count++;
}

static _Noreturn void
give_up(const struct access *later, const struct access *earlier)
{
	is_found = true;
	found[0] = *later;
	found[1] = *earlier;
	machine_end(HOST_END_FAILED);
}

/* Takes from the earlier accesses what the new one stands for; false: it is not needed itself. */
static bool
compare(struct word *word, const struct access *new)
{
	uint32_t *link = &word->first;

	while (*link != 0) { /* bounded: the list */
		struct access *old = &accesses[*link];
		uint32_t n = *link;

		if (old->cpu == new->cpu) {
			if (old->when == new->when && stands_for(old->kind, new->kind) &&
			    (old->mask & new->mask) == new->mask) {
				return false;
			}
			old->mask &= (uint8_t)(stands_for(new->kind, old->kind) ? ~new->mask : ~0);
		} else if ((old->mask & new->mask) && conflict(old->kind, new->kind)) {
			if (old->when > knows[new->cpu].of[old->cpu]) {
				give_up(new, old);
			}
			old->mask &= (uint8_t)(new->kind == PLAIN_WRITE ? ~new->mask : ~0);
		}
		if (old->mask == 0) {
			*link = old->next;
			old->next = free_access;
			free_access = n;
		} else {
			link = &old->next;
		}
	}
	return true;
}

static void
access_word(uintptr_t addr, uint8_t mask, enum kind kind, const void *pc)
{
	struct word *word = find_word(addr);
	struct access new = {
		.when = knows[host_this->id].of[host_this->id],
		.pc = (uint32_t)(uintptr_t)pc,
		.cpu = host_this->id,
		.kind = (uint8_t)kind,
		.mask = mask,
	};

	if (compare(word, &new)) {
		uint32_t n = new_access();

		new.next = word->first;
		accesses[n] = new;
		word->first = n;
	}
}

static void
touch(const void *addr, size_t size, enum kind kind, const void *pc)
{
	uintptr_t at = (uintptr_t)addr;

	while (size != 0) { /* bounded: a turn a word */
		size_t offset = at % WORD_SIZE;
		size_t count = size < WORD_SIZE - offset ? size : WORD_SIZE - offset;

		access_word(at - offset, (uint8_t)(((1u << count) - 1) << offset), kind, pc);
		at += count;
		size -= count;
	}
}

/* ---- atomics ---- */

void
race_note_load(const void *addr, size_t size, int order, const void *pc)
{
	if (is_watching()) {
		touch(addr, size, ATOMIC_READ, pc);
		get_clock(order == __ATOMIC_RELAXED ? &will_know[host_this->id]
		                                    : &knows[host_this->id],
		          addr);
	}
}

void
race_note_forward(const void *addr, size_t size, const void *pc)
{
	if (is_watching()) {
		touch(addr, size, ATOMIC_READ, pc);
	}
}

/* What a store of this order gives those who read it. */
static struct clock
given_by(int order)
{
	return order == __ATOMIC_RELAXED ? gives[host_this->id] : hand_on(host_this->id);
}

void
race_note_store(const void *addr, size_t size, int order, unsigned int slot, const void *pc)
{
	if (is_watching()) {
		touch(addr, size, ATOMIC_WRITE, pc);
		in_buffer[host_this->id][slot] = given_by(order);
	}
}

void
race_note_store_through(const void *addr, size_t size, int order, const void *pc)
{
	if (is_watching()) {
		struct clock given;

		touch(addr, size, ATOMIC_WRITE, pc);
		given = given_by(order);
		put_clock(addr, &given);
	}
}

void
race_note_drain(unsigned int cpu, unsigned int slot)
{
	if (is_watching()) {
		put_clock(host_cpu(cpu)->stores[slot].addr, &in_buffer[cpu][slot]);
	}
}

void
race_note_rmw(const void *addr, size_t size, const void *pc)
{
	if (is_watching()) {
		touch(addr, size, ATOMIC_WRITE, pc);
		get_clock(&knows[host_this->id], addr);
		race_fence(__ATOMIC_SEQ_CST);
		put_clock(addr, &gives[host_this->id]);
	}
}

void
race_note_fence(int order)
{
	unsigned int cpu = host_this->id;

	if (is_watching() && order != __ATOMIC_RELEASE) {
		join(&knows[cpu], &will_know[cpu]);
	}
	if (is_watching() && order != __ATOMIC_ACQUIRE) {
		gives[cpu] = hand_on(cpu);
	}
}

/* ---- plain accesses ---- */

static void
plain(const void *addr, size_t size, bool writes, const void *pc)
{
	if (is_watching()) {
		touch(addr, size, writes ? PLAIN_WRITE : PLAIN_READ, pc);
	}
}

void
race_note_read(const void *addr, size_t size)
{
	plain(addr, size, false, __builtin_return_address(0));
}

void
race_note_write(const void *addr, size_t size)
{
	plain(addr, size, true, __builtin_return_address(0));
}

/* What the compiler calls. */
void __tsan_init(void);
void __tsan_read_range(void *addr, long size);
void __tsan_write_range(void *addr, long size);

void
__tsan_init(void)
{
	is_instrumented = true;
}

void
__tsan_read_range(void *addr, long size)
{
	plain(addr, (size_t)size, false, __builtin_return_address(0));
}

void
__tsan_write_range(void *addr, long size)
{
	plain(addr, (size_t)size, true, __builtin_return_address(0));
}

#define PLAIN_ACCESS(name, size, writes)                                \
	void name(void *addr);                                          \
	void name(void *addr)                                           \
	{                                                               \
		plain(addr, size, writes, __builtin_return_address(0)); \
	}

PLAIN_ACCESS(__tsan_read1, 1, false)
PLAIN_ACCESS(__tsan_read2, 2, false)
PLAIN_ACCESS(__tsan_read4, 4, false)
PLAIN_ACCESS(__tsan_read8, 8, false)
PLAIN_ACCESS(__tsan_read16, 16, false)
PLAIN_ACCESS(__tsan_write1, 1, true)
PLAIN_ACCESS(__tsan_write2, 2, true)
PLAIN_ACCESS(__tsan_write4, 4, true)
PLAIN_ACCESS(__tsan_write8, 8, true)
PLAIN_ACCESS(__tsan_write16, 16, true)
PLAIN_ACCESS(__tsan_unaligned_read2, 2, false)
PLAIN_ACCESS(__tsan_unaligned_read4, 4, false)
PLAIN_ACCESS(__tsan_unaligned_read8, 8, false)
PLAIN_ACCESS(__tsan_unaligned_read16, 16, false)
PLAIN_ACCESS(__tsan_unaligned_write2, 2, true)
PLAIN_ACCESS(__tsan_unaligned_write4, 4, true)
PLAIN_ACCESS(__tsan_unaligned_write8, 8, true)
PLAIN_ACCESS(__tsan_unaligned_write16, 16, true)

/* What memcpy and memset are there, because the compiler says nothing of their accesses. */
void *race_memcpy(void *to, const void *from, size_t size);
void *race_memset(void *to, int value, size_t size);

void *
race_memcpy(void *to, const void *from, size_t size)
{
	plain(from, size, false, __builtin_return_address(0));
	plain(to, size, true, __builtin_return_address(0));
	return memcpy(to, from, size);
}

void *
race_memset(void *to, int value, size_t size)
{
	plain(to, size, true, __builtin_return_address(0));
	return memset(to, value, size);
}

/* ---- names ---- */

struct name {
	uint32_t pc;
	char text[NAME_SIZE];
};

/* The path from the top of the tree. */
static const char *
in_tree(const char *path)
{
	const char *guest = strstr(path, "/guest/");
	const char *tests = strstr(path, "/tests/");

	return guest != NULL ? guest + 1 : tests != NULL ? tests + 1 : path;
}

/* FUNCTION FILE:LINE, the innermost of those that were inlined there; else the address. */
static void
look_up(uint32_t pc, char *text, size_t size)
{
	char command[64];
	char function[NAME_SIZE / 2];
	char place[256];
	FILE *lines;

	snprintf(text, size, "%#x", pc);
	snprintf(command, sizeof(command), "addr2line -fie /proc/%d/exe %#x 2>&1", (int)getpid(),
	         pc - 1); /* the call, not what follows it */
	lines = popen(command, "r");
	if (lines == NULL) {
		return;
	}
	if (fscanf(lines, "%49s %255s", function, place) == 2 && place[0] != '?') {
		snprintf(text, size, "%s %.49s", function, in_tree(place));
	}
	pclose(lines);
}

/* A failure is replayed often while its string is made shorter. */
static const char *
name_of(uint32_t pc)
{
	static struct name names[NAMES_SIZE];
	struct name *name = &names[pc % NAMES_SIZE];

	if (name->pc != pc) {
		name->pc = pc;
		look_up(pc, name->text, sizeof(name->text));
	}
	return name->text;
}

static const char *
verb(const struct access *access)
{
	static const char *const verbs[] = {
		[ATOMIC_READ] = "atomically reads",
		[ATOMIC_WRITE] = "atomically writes",
		[PLAIN_READ] = "reads",
		[PLAIN_WRITE] = "writes",
	};

	return verbs[access->kind];
}

void
race_end(struct host_result *result)
{
	char first[NAME_SIZE]; /* the second may have the same place in names[] */

	race_run = false;
	if (is_found) {
		snprintf(first, sizeof(first), "%s", name_of(found[0].pc));
		snprintf(result->reason, sizeof(result->reason),
		         "data race: cpu %u %s in %s what cpu %u %s in %s", found[0].cpu,
		         verb(&found[0]), first, found[1].cpu, verb(&found[1]),
		         name_of(found[1].pc));
	}
}
