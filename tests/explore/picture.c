// SPDX-License-Identifier: ISC
/*
 * Transitions are seen before they happen, so what one has read or written is looked up when the
 * next one is seen, or at the end.
 */
#include "tests/explore/picture.h"

#include <stdio.h>
#include <string.h>

#include "guest/task.h"
#include "guest/timeline.h"
#include "tests/explore/name.h"
#include "tests/explore/pick.h"
#include "tests/host/memory.h"
#include "tests/host/record.h"

#define NOTES_MAX  512
#define WORDS_MAX  32 /* that are shown */
#define TASKS_MAX  12
#define TEXT_SIZE  64
#define LINE_SIZE  (TIMELINE_WIDTH + 1)
#define INDENT     "    "
#define IDLE_GLYPH '.'

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

/* A load, a store or a locked operation has happened. */
static void
note_access(const struct host_transition *t, unsigned int moment)
{
	uint32_t value = memory_peek(host_cpu(t->cpu), t->op.addr);
	struct word *word = word_at(t->op.addr);
	bool changes = t->op.kind == HOST_OP_LOCKED && last_before != value;
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
	    (last.op.kind == HOST_OP_LOAD || last.op.kind == HOST_OP_STORE ||
	     last.op.kind == HOST_OP_LOCKED)) {
		note_access(&last, last_moment);
	}
	note_halts();
	has_last = false;
}

static void
see(const struct host_transition *t, unsigned int moment)
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

/* ---- from the records ---- */

static struct {
	char names[TASKS_MAX][TASK_COMM_SIZE];
	struct timeline_task list[TASKS_MAX];
	bool runs[TASKS_MAX];
	size_t count;
} tasks;

static size_t
task_of(uint32_t pid)
{
	for (size_t i = 0; i < tasks.count; i++) {
		if (tasks.list[i].pid == pid) {
			return i;
		}
	}
	return 0;
}

static void
name_task(uint32_t pid, const char *comm, size_t size)
{
	static const char glyphs[TASKS_MAX + 1] = ".=-$+~o*%@&:";
	size_t i = task_of(pid);

	if (tasks.list[i].pid != pid || tasks.count == 0) {
		if (tasks.count == TASKS_MAX) {
			return;
		}
		i = tasks.count++;
	}
	snprintf(tasks.names[i], sizeof(tasks.names[i]), "%.*s", (int)size, comm);
	tasks.list[i] = (struct timeline_task){ pid, glyphs[i], tasks.names[i] };
}

static void
note_record(const struct trace_record *record)
{
	static const char *const kinds[IRQ_KIND_COUNT] = {
#define KIND_WORDS(name, words) [IRQ_##name] = words,
		IRQ_KINDS(KIND_WORDS)
#undef KIND_WORDS
	};
	unsigned int moment = (unsigned int)record->tsc;

	switch (record->event) {
	case TRACE_task_comm:
		name_task(record->a, (const char *)&record->b, sizeof(record->b));
		break;
	case TRACE_sched_wakeup:
		NOTE(record->cpu, moment, NULL, "wakes %s", tasks.names[task_of(record->a)]);
		break;
	case TRACE_sched_wakeup_new:
		NOTE(record->cpu, moment, NULL, "starts %s", tasks.names[task_of(record->a)]);
		break;
	case TRACE_sched_set_need_resched:
		NOTE(record->cpu, moment, NULL, "requests a switch on cpu %u",
		     (unsigned int)(record->b & 0xff));
		break;
	case TRACE_irq_entry:
		NOTE(record->cpu, moment, NULL, "%s interrupt",
		     record->a < IRQ_KIND_COUNT ? kinds[record->a] : "an");
		break;
	default:
		break;
	}
}

/* Who runs on the cpu, from record to record. */
static void
follow(const struct trace_record *record, uint32_t *pid)
{
	if (record->event == TRACE_sched_switch) {
		*pid = record->a;
	}
}

/* The run's records of one cpu, between one for its start and one for its end. */
static struct timeline_track
make_track(unsigned int cpu, uint64_t end)
{
	static struct trace_record pool[RECORDS_MAX + 2 * HOST_CPUS_MAX];
	static size_t used;
	struct timeline_track track = { .cpu = cpu };
	struct trace_record *out;
	uint32_t pid = 0;
	size_t count;
	size_t run_first;
	const struct trace_record *list = record_list(&count, &run_first);

	used = cpu == 0 ? 0 : used;
	out = pool + used;
	for (size_t i = 0; i < run_first; i++) {
		if (list[i].cpu == cpu) {
			follow(&list[i], &pid);
		}
	}
	out[track.count++] = (struct trace_record){ .cpu = (uint8_t)cpu, .pid = pid };
	tasks.runs[task_of(pid)] = true;
	for (size_t i = run_first; i < count; i++) {
		if (list[i].cpu == cpu) {
			out[track.count++] = list[i];
			follow(&list[i], &pid);
			tasks.runs[task_of(pid)] = true;
		}
	}
	out[track.count++] = (struct trace_record){ .tsc = end, .cpu = (uint8_t)cpu, .pid = pid };
	track.records = out;
	used += track.count;
	return track;
}

/* ---- what is drawn ---- */

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
static size_t
sort_notes(struct timeline_note *out)
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

/* Broken between words, continued with an indent. */
static void
print_wrapped(const char *text, void (*print)(const char *))
{
	char line[LINE_SIZE] = "";
	size_t used = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");
		size_t room = sizeof(line) - 1 - used;

		if (word + 1 > room && used > strlen(INDENT)) {
			print(line);
			used = (size_t)snprintf(line, sizeof(line), INDENT);
			room = sizeof(line) - 1 - used;
		}
		word = word < room ? word : room;
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%.*s%s", (int)word,
		                         text, text[word] == ' ' && word < room ? " " : "");
		text += word + (text[word] == ' ');
	}
	print(line);
}

static void
print_legend(void (*print)(const char *))
{
	char text[LINE_SIZE * 4];
	size_t used = 0;

	for (size_t i = 0; i < tasks.count; i++) {
		char glyph = tasks.list[i].glyph;

		if (tasks.runs[i]) {
			used += (size_t)snprintf(text + used, sizeof(text) - used,
			                         "|%c%c%c%c| %s   ", glyph, glyph, glyph, glyph,
			                         tasks.names[i]);
		}
	}
	snprintf(text + used, sizeof(text) - used, "|####| an interrupt");
	print_wrapped(text, print);
}

/* Of the tasks that no cpu runs in the end. */
static void
print_states(const struct trace_record *list, size_t count, void (*print)(const char *))
{
	static const char *const endings[] = { "", " sleeps", " is runnable but does not run" };
	unsigned int states[TASKS_MAX] = { 0 };
	char text[LINE_SIZE * 4] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		const struct trace_record *record = &list[i];
		bool blocks = trace_switch_reason(record->b) == SCHED_REASON_BLOCK;
		bool exits = trace_switch_reason(record->b) == SCHED_REASON_EXIT;

		if (record->event == TRACE_sched_switch) {
			states[task_of(record->pid)] = blocks ? 1 : exits ? 0 : 2;
			states[task_of(record->a)] = 0;
		} else if (record->event == TRACE_sched_wakeup_new ||
		           (record->event == TRACE_sched_wakeup &&
		            states[task_of(record->a)] == 1)) {
			states[task_of(record->a)] = 2;
		}
	}
	for (size_t i = 1; i < tasks.count; i++) {
		if (states[i] != 0) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s",
			                         used == 0 ? "in the end: " : ", ", tasks.names[i],
			                         endings[states[i]]);
		}
	}
	if (used != 0) {
		print_wrapped(text, print);
	}
}

static void
draw(const struct explore_scenario *scenario, const struct explore_report *report,
     void (*print)(const char *))
{
	static struct timeline_note sorted[NOTES_MAX];
	struct timeline timeline = {
		.label = "",
		.track_count = scenario->cpus,
		.notes = sorted,
		.unit = "step",
		.ending = report->failed ? "the run fails here" : "the end",
	};
	const struct trace_record *list;
	size_t count;
	size_t run_first;

	list = record_list(&count, &run_first);
	memset(&tasks, 0, sizeof(tasks));
	name_task(0, "idle", 4);
	for (size_t i = 0; i < count; i++) {
		if (i >= run_first || list[i].event == TRACE_task_comm) {
			note_record(&list[i]);
		}
	}
	for (unsigned int cpu = 0; cpu < scenario->cpus; cpu++) {
		timeline.tracks[cpu] = make_track(cpu, last_moment);
	}
	timeline.tasks = tasks.list;
	timeline.task_count = count != 0 ? tasks.count : 0; /* 0: who runs is not known */
	timeline.note_count = sort_notes(sorted);
	print_wrapped(scenario->name, print);
	print_wrapped(report->failed ? report->reason : "no failure", print);
	if (count != 0) {
		print_legend(print);
	}
	timeline_draw(&timeline, print);
	print_states(list, count, print);
}

void
picture_draw(const struct explore_scenario *scenario, const char *replay,
             void (*print)(const char *line))
{
	static struct explore_report report;
	static char told[EXPLORE_REPLAY_SIZE + 16];

	note_count = 0;
	word_count = 0;
	has_last = false;
	last_moment = 0;
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		last_of[n] = -1;
		halted[n] = false;
	}
	replay_seen(scenario, replay, see, &report);
	finish_last();
	if (report.failed && report.cpu >= 0) {
		NOTE((unsigned int)report.cpu, last_moment, NULL, "fails");
	}
	draw(scenario, &report, print);
	snprintf(told, sizeof(told), "replay: %s", replay);
	print_wrapped(told, print);
}
