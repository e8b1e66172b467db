// SPDX-License-Identifier: ISC
#include "tests/explore/picture.h"

#include <stdio.h>
#include <string.h>

#include "guest/task.h"
#include "guest/timeline.h"
#include "tests/explore/note.h"
#include "tests/explore/pick.h"
#include "tests/host/record.h"

#define TASKS_MAX 12
#define LINE_SIZE (TIMELINE_WIDTH + 1)
#define INDENT    "    "

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
		note_add(record->cpu, moment, "wakes %s", tasks.names[task_of(record->a)]);
		break;
	case TRACE_sched_wakeup_new:
		note_add(record->cpu, moment, "starts %s", tasks.names[task_of(record->a)]);
		break;
	case TRACE_sched_set_need_resched:
		note_add(record->cpu, moment, "requests a switch on cpu %u",
		         (unsigned int)(record->b & 0xff));
		break;
	case TRACE_irq_entry:
		note_add(record->cpu, moment, "%s interrupt",
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
	char text[LINE_SIZE * 8] = "";
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
draw(const struct picture *picture, unsigned int end, void (*print)(const char *))
{
	static struct timeline_note sorted[NOTES_MAX];
	struct timeline timeline = {
		.label = "",
		.track_count = picture->cpus,
		.notes = sorted,
		.unit = "step",
		.ending = picture->failed ? "the run fails here" : "the end",
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
	for (unsigned int cpu = 0; cpu < picture->cpus; cpu++) {
		timeline.tracks[cpu] = make_track(cpu, end);
	}
	timeline.tasks = tasks.list;
	timeline.task_count = count != 0 ? tasks.count : 0; /* 0: who runs is not known */
	timeline.note_count = note_list(sorted);
	print_wrapped(picture->title, print);
	print_wrapped(picture->outcome, print);
	if (count != 0) {
		print_legend(print);
	}
	timeline_draw(&timeline, print);
	print_states(list, count, print);
}

void
picture_begin(void)
{
	note_begin();
}

void
picture_end(const struct picture *picture, void (*print)(const char *line))
{
	unsigned int end = note_end();

	if (picture->failed && picture->cpu >= 0) {
		note_add((unsigned int)picture->cpu, end, "fails");
	}
	draw(picture, end, print);
}

void
picture_draw(const struct explore_scenario *scenario, const char *replay,
             void (*print)(const char *line))
{
	static struct explore_report report;
	static char told[EXPLORE_REPLAY_SIZE + 16];

	picture_begin();
	replay_seen(scenario, replay, note_see, note_value, &report);
	picture_end(&(struct picture){ .title = scenario->name,
	                               .outcome = report.failed ? report.reason : "no failure",
	                               .cpus = scenario->cpus,
	                               .failed = report.failed,
	                               .cpu = report.cpu },
	            print);
	snprintf(told, sizeof(told), "replay: %s", replay);
	print_wrapped(told, print);
}
