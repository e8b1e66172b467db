// SPDX-License-Identifier: ISC
/*
 * Transitions are seen before they happen, so what one has read or written is looked up when the
 * next one is seen, or at the end.
 */
#include "tests/explore/note.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/explore/name.h"
#include "tests/host/memory.h"

#define WORDS_MAX 32 /* that are shown */
#define TEXT_SIZE 64

struct note {
	unsigned int cpu;
	unsigned int moment;
	const void *addr; /* of the word that it is about, or NULL */
	char text[TEXT_SIZE];
};

/* What the cpus know of a word. */
struct word {
	const void *addr;
	bool is_written;
	uint32_t known; /* cpus that have seen a value, each its last one: */
	uint32_t values[HOST_CPUS_MAX];
};

static struct note notes[NOTES_MAX];
static size_t note_count;
static struct word words[WORDS_MAX];
static size_t word_count;

static struct host_transition last; /* has happened since, unless there is none */
static unsigned int last_moment;
static uint32_t last_before; /* what its word held */
static bool has_last;
static int last_of[HOST_CPUS_MAX]; /* moments, -1: none */
static bool halted[HOST_CPUS_MAX];

/* ---- notes ---- */

static struct note *
add_note(unsigned int cpu, unsigned int moment, const void *addr)
{
	static struct note none;

	if (note_count == NOTES_MAX) {
		return &none;
	}
	notes[note_count] = (struct note){ .cpu = cpu, .moment = moment, .addr = addr };
	return &notes[note_count++];
}

#define NOTE(cpu, moment, addr, ...) \
	snprintf(add_note(cpu, moment, addr)->text, TEXT_SIZE, __VA_ARGS__)

void
note_add(unsigned int cpu, unsigned int moment, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(add_note(cpu, moment, NULL)->text, TEXT_SIZE, format, args);
	va_end(args);
}

static struct word *
word_at(const void *addr)
{
	static struct word none;

	for (size_t i = 0; i < word_count; i++) {
		if (words[i].addr == addr) {
			return &words[i];
		}
	}
	if (word_count == WORDS_MAX) {
		return &none;
	}
	words[word_count] = (struct word){ .addr = addr };
	return &words[word_count++];
}

/* The cpu has found or left `value` there. Is that news to it? */
static bool
learn(struct word *word, unsigned int cpu, uint32_t value)
{
	bool is_news = !(word->known >> cpu & 1) || word->values[cpu] != value;

	word->known |= 1u << cpu;
	word->values[cpu] = value;
	return is_news;
}

/* Moments since the store belong to its cpu, so nobody can tell that it waited. */
static bool
moved_alone(unsigned int cpu, int since)
{
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		if (n != cpu && last_of[n] > since) {
			return false;
		}
	}
	return true;
}

static void
note_drain(const struct host_transition *t, unsigned int moment)
{
	const struct host_store *store = memory_next_to_drain(host_cpu(t->cpu));
	char value[TEXT_SIZE / 2];

	name_value(t->op.addr, (uint32_t)store->value, value, sizeof(value));
	for (size_t i = note_count; i-- != 0;) {
		struct note *note = &notes[i];

		if (note->addr == t->op.addr && note->cpu == t->cpu &&
		    note->moment == (unsigned int)store->moment &&
		    moved_alone(t->cpu, store->moment)) {
			snprintf(note->text, TEXT_SIZE, "%s = %s", name_of(t->op.addr), value);
			return;
		}
	}
	NOTE(t->cpu, moment, t->op.addr, "memory gets %s = %s", name_of(t->op.addr), value);
}

static bool
is_at_once(const struct host_transition *t)
{
	return t->op.kind == HOST_OP_LOCKED || t->op.kind == HOST_OP_LOOSE;
}

/* A load, a store or a locked operation has happened. */
static void
note_access(const struct host_transition *t, unsigned int moment)
{
	uint32_t value = memory_peek(host_cpu(t->cpu), t->op.addr);
	struct word *word = word_at(t->op.addr);
	bool changes = is_at_once(t) && last_before != value;
	bool is_news = learn(word, t->cpu, value);
	const char *name = name_of(t->op.addr);
	char text[TEXT_SIZE / 2];

	name_value(t->op.addr, value, text, sizeof(text));
	word->is_written |= t->op.kind != HOST_OP_LOAD;
	if (t->op.kind == HOST_OP_STORE) {
		NOTE(t->cpu, moment, t->op.addr, "%s = %s, in its buffer", name, text);
	} else if (changes) {
		NOTE(t->cpu, moment, t->op.addr, "%s = %s", name, text);
	} else if (is_news) {
		NOTE(t->cpu, moment, t->op.addr, "reads %s: %s", name, text);
	}
}

static void
note_halts(void)
{
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		const struct host_cpu *cpu = host_cpu(n);

		if (!cpu->online || last_of[n] < 0) {
			continue;
		}
		if (cpu->op.kind == HOST_OP_HALT && !halted[n]) {
			NOTE(n, (unsigned int)last_of[n], NULL, cpu->irqs_on ? "halts" : "ends");
		}
		halted[n] = cpu->op.kind == HOST_OP_HALT;
	}
}

static void
finish_last(void)
{
	if (!has_last) {
		return;
	}
	if (last.actor == HOST_STEP && name_is_shown(last.op.addr) &&
	    (last.op.kind == HOST_OP_LOAD || last.op.kind == HOST_OP_STORE || is_at_once(&last))) {
		note_access(&last, last_moment);
	}
	note_halts();
	has_last = false;
}

void
note_see(const struct host_transition *t, unsigned int moment)
{
	finish_last();
	switch (t->actor) {
	case HOST_STEP:
		if (t->op.kind == HOST_OP_SEND) {
			NOTE(t->cpu, moment, NULL, "sends an interrupt to %s", name_of(t->op.addr));
		}
		break;
	case HOST_DRAIN:
		if (name_is_shown(t->op.addr)) {
			note_drain(t, moment);
		}
		break;
	case HOST_NMI:
		NOTE(t->cpu, moment, NULL, "NMI");
		break;
	default:
		break;
	}
	if (t->actor != HOST_DRAIN && t->actor != HOST_CLOCK) {
		halted[t->cpu] = false;
		last_of[t->cpu] = (int)moment;
	}
	last = *t;
	last_before = name_is_shown(t->op.addr) ? memory_peek(host_cpu(t->cpu), t->op.addr) : 0;
	last_moment = moment;
	has_last = true;
}

void
note_value(unsigned int value, unsigned int n)
{
	NOTE(host_this->id, last_moment, NULL, "chooses %u of 0..%u", value, n - 1);
}

void
note_begin(void)
{
	note_count = 0;
	word_count = 0;
	has_last = false;
	last_moment = 0;
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		last_of[n] = -1;
		halted[n] = false;
	}
}

unsigned int
note_end(void)
{
	finish_last();
	return last_moment;
}

/* ---- what is drawn of them ---- */

/* Does more than one cpu use the word, and does one write it? */
static bool
is_talk(const struct note *note)
{
	const struct word *word;

	if (note->addr == NULL) {
		return true;
	}
	word = word_at(note->addr);
	return word->is_written && (word->known & (word->known - 1)) != 0;
}

/* In order of time; those of one moment stay in theirs. */
size_t
note_list(struct timeline_note *out)
{
	size_t count = 0;

	for (size_t i = 0; i < note_count; i++) {
		size_t place = count;

		if (!is_talk(&notes[i])) {
			continue;
		}
		for (; place != 0 && out[place - 1].tsc > notes[i].moment; place--) {
			out[place] = out[place - 1];
		}
		out[place] = (struct timeline_note){ notes[i].cpu, notes[i].moment, notes[i].text };
		count++;
	}
	return count;
}
