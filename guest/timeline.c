// SPDX-License-Identifier: ISC
/*
 * Drawing: first the moments at which something begins or ends become columns, then each track is
 * drawn between its own. Pure: reads records, prints lines.
 */
#include "guest/timeline.h"

#include <stdbool.h>

#include "guest/format.h"
#include "guest/string.h"

#define MOMENTS_MAX  64
#define LABEL_WIDTH  20
#define RIGHT_MARGIN 22 /* for the words of a caret near the end */
#define AXIS_WIDTH   (TIMELINE_WIDTH - LABEL_WIDTH - RIGHT_MARGIN)
#define SPAN_MIN     5 /* columns between two moments */
#define CARET_LINES  12

struct axis {
	size_t count;
	uint64_t moments[MOMENTS_MAX]; /* sorted, distinct */
	size_t columns[MOMENTS_MAX];
};

struct line {
	char text[TIMELINE_WIDTH + 1];
};

/* ---- the axis ---- */

/* A switch at the return from an interrupt is part of it: the interrupt ends there. */
static bool
ends_in_switch(const struct timeline_track *track, size_t i)
{
	const struct trace_record *next = &track->records[i + 1];

	return i + 1 < track->count && next->event == TRACE_sched_switch &&
	       trace_switch_reason(next->b) == SCHED_REASON_IRQ_RETURN;
}

static bool
is_moment(const struct timeline_track *track, size_t i)
{
	uint16_t event = track->records[i].event;

	if (event == TRACE_irq_exit) {
		return !ends_in_switch(track, i);
	}
	return i == 0 || i == track->count - 1 || event == TRACE_irq_entry ||
	       event == TRACE_sched_switch;
}

static void
insert_moment(struct axis *axis, uint64_t tsc)
{
	size_t place = axis->count;

	while (place != 0 && axis->moments[place - 1] > tsc) {
		place--;
	}
	if (axis->count == MOMENTS_MAX || (place != 0 && axis->moments[place - 1] == tsc)) {
		return;
	}
	for (size_t i = axis->count; i > place; i--) {
		axis->moments[i] = axis->moments[i - 1];
	}
	axis->moments[place] = tsc;
	axis->count++;
}

/* Every span gets SPAN_MIN columns (fewer if there are many), the rest goes by duration. */
static void
place_columns(struct axis *axis)
{
	uint64_t total = axis->moments[axis->count - 1] - axis->moments[0];
	size_t spans = axis->count - 1;
	size_t minimum = spans * SPAN_MIN <= AXIS_WIDTH ? SPAN_MIN : AXIS_WIDTH / spans;
	size_t rest = AXIS_WIDTH - minimum * spans;

	for (size_t i = 0; i < axis->count; i++) {
		uint64_t elapsed = axis->moments[i] - axis->moments[0];

		axis->columns[i] = LABEL_WIDTH + i * minimum;
		if (total != 0) {
			axis->columns[i] += (size_t)(elapsed * rest / total);
		}
	}
}

static void
build_axis(struct axis *axis, const struct timeline *timeline)
{
	for (size_t t = 0; t < timeline->track_count; t++) {
		const struct timeline_track *track = &timeline->tracks[t];

		for (size_t i = 0; i < track->count; i++) {
			if (is_moment(track, i)) {
				insert_moment(axis, track->records[i].tsc);
			}
		}
	}
	for (size_t i = 0; i < timeline->note_count; i++) {
		insert_moment(axis, timeline->notes[i].tsc);
	}
	if (axis->count != 0) {
		place_columns(axis);
	}
}

static size_t
column_of(const struct axis *axis, uint64_t tsc)
{
	size_t i = 0;

	while (i + 1 < axis->count && axis->moments[i] < tsc) {
		i++;
	}
	return axis->columns[i];
}

/* ---- lines ---- */

static void
line_clear(struct line *line)
{
	memset(line->text, ' ', TIMELINE_WIDTH);
	line->text[TIMELINE_WIDTH] = '\0';
}

static void
line_write(struct line *line, size_t column, const char *text)
{
	for (; *text != '\0' && column < TIMELINE_WIDTH; column++) {
		line->text[column] = *text++;
	}
}

static void
line_print(struct line *line, void (*print)(const char *))
{
	size_t length = TIMELINE_WIDTH;

	while (length != 0 && line->text[length - 1] == ' ') {
		length--;
	}
	line->text[length] = '\0';
	print(line->text);
}

static void
line_fill(struct line *line, size_t from, size_t to, char glyph)
{
	for (size_t column = from; column <= to; column++) {
		line->text[column] = column == from || column == to ? '|' : glyph;
	}
}

/* ---- a track ---- */

static const struct timeline_task *
find_task(const struct timeline *timeline, uint32_t pid)
{
	for (size_t i = 0; i < timeline->task_count; i++) {
		if (timeline->tasks[i].pid == pid) {
			return &timeline->tasks[i];
		}
	}
	return NULL;
}

/* From each moment to the next: an interrupt, or a task. */
static void
draw_spans(const struct timeline *timeline, const struct timeline_track *track,
           const struct axis *axis, struct line *irqs, struct line *tasks)
{
	uint32_t pid = track->records[0].pid;
	size_t from = column_of(axis, track->records[0].tsc);
	bool inside = false;

	for (size_t i = 1; i < track->count; i++) {
		const struct trace_record *record = &track->records[i];
		const struct timeline_task *task = find_task(timeline, pid);
		size_t to = column_of(axis, record->tsc);

		if (!is_moment(track, i)) {
			continue;
		}
		if (inside) {
			line_fill(irqs, from, to, '#');
		} else if (task != NULL) {
			line_fill(tasks, from, to, task->glyph);
		}
		inside = record->event == TRACE_irq_entry;
		pid = record->event == TRACE_sched_switch ? record->a : pid;
		from = to;
	}
}

/* Why prev left, in words. */
static void
describe_switch(const struct timeline *timeline, const struct trace_record *record, char *text,
                size_t size)
{
	static const char *const words[SCHED_REASON_COUNT] = {
#define REASON_WORDS(name, phrase) [SCHED_REASON_##name] = phrase,
		SCHED_REASONS(REASON_WORDS)
#undef REASON_WORDS
	};
	enum sched_reason reason = trace_switch_reason(record->b);
	const struct timeline_task *task = find_task(timeline, record->pid);
	const char *name = task != NULL ? task->name : "a task";
	const char *phrase = reason < SCHED_REASON_COUNT ? words[reason] : "unknown";

	switch (reason) {
	case SCHED_REASON_BLOCK:
	case SCHED_REASON_EXIT:
	case SCHED_REASON_YIELD:
		format_string(text, size, "%s %s", name, phrase);
		break;
	case SCHED_REASON_COND_RESCHED:
	case SCHED_REASON_MIGHT_SLEEP:
	case SCHED_REASON_PREEMPT_ENABLE:
		format_string(text, size, "%s in %s", phrase, name);
		break;
	default:
		format_string(text, size, "%s", phrase);
		break;
	}
}

struct carets {
	size_t count;
	struct line lines[CARET_LINES];
	size_t ends[CARET_LINES];
};

/*
 * To the first line on which the words do not touch those before; to the left of the caret if the
 * line ends.
 */
static void
add_caret(struct carets *carets, size_t column, const char *text)
{
	size_t length = strlen(text) + 2;
	bool left = column + length > TIMELINE_WIDTH && length <= column + 1;
	size_t from = left ? column + 1 - length : column;
	size_t l = 0;

	while (l + 1 < CARET_LINES && l < carets->count && carets->ends[l] > from) {
		l++;
	}
	if (l == carets->count) {
		line_clear(&carets->lines[l]);
		carets->count++;
	}
	line_write(&carets->lines[l], column, "^");
	line_write(&carets->lines[l], left ? from : column + 2, text);
	carets->ends[l] = from + length + 2;
}

/* Notes that are older than tsc and not drawn yet. */
static void
add_notes(struct carets *carets, const struct timeline *timeline, size_t number,
          const struct axis *axis, size_t *next, uint64_t tsc)
{
	for (; *next < timeline->note_count && timeline->notes[*next].tsc < tsc; ++*next) {
		const struct timeline_note *note = &timeline->notes[*next];

		if (note->track == number) {
			add_caret(carets, column_of(axis, note->tsc), note->text);
		}
	}
}

static void
draw_carets(const struct timeline *timeline, size_t number, const struct axis *axis,
            void (*print)(const char *))
{
	const struct timeline_track *track = &timeline->tracks[number];
	struct carets carets;
	size_t note = 0;

	carets.count = 0;
	for (size_t i = 0; i < track->count; i++) {
		const struct trace_record *record = &track->records[i];
		char text[48];

		if (record->event == TRACE_sched_switch) {
			add_notes(&carets, timeline, number, axis, &note, record->tsc);
			describe_switch(timeline, record, text, sizeof(text));
			add_caret(&carets, column_of(axis, record->tsc), text);
		}
	}
	add_notes(&carets, timeline, number, axis, &note, UINT64_MAX);
	for (size_t l = 0; l < carets.count; l++) {
		line_print(&carets.lines[l], print);
	}
}

static void
draw_track(const struct timeline *timeline, size_t number, const struct axis *axis,
           void (*print)(const char *))
{
	const struct timeline_track *track = &timeline->tracks[number];
	struct line irqs;
	struct line tasks;
	char label[LABEL_WIDTH];

	line_clear(&irqs);
	line_clear(&tasks);
	draw_spans(timeline, track, axis, &irqs, &tasks);
	if (number == 0) {
		line_write(&irqs, 0, timeline->label);
	}
	if (timeline->track_count > 1) {
		format_string(label, sizeof(label), "cpu %u", track->cpu);
		line_write(&tasks, LABEL_WIDTH - 8, label);
	}
	line_print(&irqs, print);
	line_print(&tasks, print);
	draw_carets(timeline, number, axis, print);
}

/* The moments' numbers, as many as there is room for, and the last. */
static void
draw_ruler(const struct timeline *timeline, const struct axis *axis, void (*print)(const char *))
{
	size_t last = axis->count - 1;
	struct line line;
	char number[24];
	size_t end = 0;

	line_clear(&line);
	line_write(&line, LABEL_WIDTH - 8, timeline->unit);
	for (size_t i = 0; i <= last; i++) {
		size_t column = axis->columns[i];
		size_t length = format_string(number, sizeof(number), "%lu",
		                              (unsigned long)axis->moments[i]);

		if (column >= end && (i == last || column + length < axis->columns[last])) {
			line_write(&line, column, number);
			end = column + length + 1;
		}
	}
	line_print(&line, print);
}

static void
draw_ending(const struct timeline *timeline, const struct axis *axis, void (*print)(const char *))
{
	struct carets carets;

	carets.count = 0;
	add_caret(&carets, axis->columns[axis->count - 1], timeline->ending);
	line_print(&carets.lines[0], print);
}

void
timeline_draw(const struct timeline *timeline, void (*print)(const char *line))
{
	struct axis axis = { .count = 0 };

	build_axis(&axis, timeline);
	for (size_t t = 0; t < timeline->track_count; t++) {
		draw_track(timeline, t, &axis, print);
	}
	if (timeline->unit != NULL && axis.count != 0) {
		draw_ruler(timeline, &axis, print);
	}
	if (timeline->ending != NULL && axis.count != 0) {
		draw_ending(timeline, &axis, print);
	}
}
