// SPDX-License-Identifier: ISC
/*
 * What the tour's records must say. The story of each track is a list of steps, put together from
 * the model; the records must be that list, no more and no less, so the loss of any one is noticed.
 */
#include "guest/tour.h"

#include "guest/preempt_count.h"

#define STEPS_MAX 24

/* Whose pid. */
enum actor { COMPUTING, B };

struct step {
	enum trace_event event;
	enum actor by;      /* current */
	enum actor subject; /* of wakeups, requests and switches */
	uint64_t detail;    /* marker, reason, interrupt */
};

struct story {
	size_t count;
	struct step steps[STEPS_MAX];
};

/* ---- empty interrupts ---- */

/* Records [first, last] are one whole interrupt; returns how many timers expired in it, or -1. */
static int
count_expiries(const struct tour_track *track, size_t first, size_t *last)
{
	int expiries = 0;

	for (size_t i = first + 1; i < track->count; i++) {
		const struct trace_record *record = &track->records[i];

		expiries += record->event == TRACE_timer_expire;
		if (record->event == TRACE_irq_exit) {
			*last = i;
			return record->a == track->records[first].a ? expiries : -1;
		}
		if (record->event == TRACE_irq_entry || record->event == TRACE_sched_switch) {
			return -1;
		}
	}
	return -1;
}

/* Each timer interrupt says at its end how many timers it ran: so many must be there. */
static const char *
check_interrupts(const struct tour_track *track)
{
	size_t last = 0;

	for (size_t i = 0; i < track->count; i++) {
		const struct trace_record *record = &track->records[i];

		if (record->event == TRACE_irq_entry) {
			int expiries = count_expiries(track, i, &last);

			if (expiries < 0) {
				return "an interrupt has no end";
			}
			if (record->a == IRQ_TIMER &&
			    track->records[last].b != (uint64_t)expiries) {
				return "an expired timer left no record";
			}
		} else if (i > last || last == 0) {
			if (record->event == TRACE_irq_exit ||
			    record->event == TRACE_timer_expire) {
				return "an interrupt has no beginning";
			}
		}
	}
	return NULL;
}

/* No timer but the tick expired, or no request was folded. */
static bool
is_empty_interrupt(const struct trace_record *entry)
{
	return entry[0].event == TRACE_irq_entry && entry[1].event == TRACE_irq_exit &&
	       (entry[0].a == IRQ_TIMER || entry[1].b == 0);
}

const char *
tour_remove_empty_interrupts(struct tour_track *track, uint64_t wake_fn)
{
	const char *broken = check_interrupts(track);
	size_t kept = 0;

	if (broken != NULL) {
		return broken;
	}
	for (size_t i = 0; i < track->count; i++) {
		const struct trace_record *record = &track->records[i];

		if (record->event != TRACE_timer_expire || record->b == wake_fn) {
			track->records[kept++] = *record;
		}
	}
	track->count = kept;
	kept = 0;
	for (size_t i = 0; i < track->count; i++) {
		if (i + 1 < track->count && is_empty_interrupt(&track->records[i])) {
			i++;
		} else {
			track->records[kept++] = track->records[i];
		}
	}
	track->count = kept;
	return NULL;
}

/* ---- the stories ---- */

static void
add(struct story *story, enum trace_event event, enum actor by, enum actor subject, uint64_t detail)
{
	story->steps[story->count++] = (struct step){ event, by, subject, detail };
}

static void
add_mark(struct story *story, enum actor by, enum tour_mark mark)
{
	add(story, TRACE_marker, by, by, mark);
}

/* The timer interrupt on a computing task that wakes B. */
static void
add_wakeup_of_b(struct story *story)
{
	add(story, TRACE_irq_entry, COMPUTING, COMPUTING, IRQ_TIMER);
	add(story, TRACE_timer_expire, COMPUTING, COMPUTING, 0);
	add(story, TRACE_sched_waking, COMPUTING, B, 0);
	add(story, TRACE_sched_set_need_resched, COMPUTING, COMPUTING, 0);
	add(story, TRACE_sched_wakeup, COMPUTING, B, 0);
	add(story, TRACE_irq_exit, COMPUTING, COMPUTING, IRQ_TIMER);
}

/* B from its switch in to its switch out; if the other waits for the answer, B wakes it. */
static void
add_b(struct story *story, enum sched_reason reason)
{
	add(story, TRACE_sched_switch, COMPUTING, B, reason);
	add_mark(story, B, TOUR_B_RUNS);
	if (reason == SCHED_REASON_BLOCK) {
		add(story, TRACE_sched_waking, B, COMPUTING, 0);
		add(story, TRACE_sched_wakeup, B, COMPUTING, 0);
	}
	add(story, TRACE_sched_process_exit, B, B, 0);
	add(story, TRACE_sched_switch, B, COMPUTING, SCHED_REASON_EXIT);
}

/* From the interrupt to the end, where the model decides at which of three places B comes in. */
static void
add_overtaking(struct story *story, enum preempt_model model)
{
	if (preempt_model_preempts(model)) {
		add_b(story, SCHED_REASON_IRQ_RETURN);
	}
	add_mark(story, COMPUTING, TOUR_GOES_ON);
	add_mark(story, COMPUTING, TOUR_MIGHT_SLEEP);
	if (model == PREEMPT_VOLUNTARY) {
		add_b(story, SCHED_REASON_MIGHT_SLEEP);
	}
	add_mark(story, COMPUTING, TOUR_WAITS);
	if (model == PREEMPT_NONE) {
		add_b(story, SCHED_REASON_BLOCK);
	}
	add_mark(story, COMPUTING, TOUR_ENDS);
}

static void
tell(struct story *story, const struct tour_run *run, unsigned int track)
{
	story->count = 0;
	add_mark(story, COMPUTING, TOUR_STARTS);
	if (run->track_count == 1) {
		add_wakeup_of_b(story);
		add_overtaking(story, run->model);
	} else if (track == 0) {
		add_wakeup_of_b(story);
		add_mark(story, COMPUTING, TOUR_GOES_ON);
		add_mark(story, COMPUTING, TOUR_ENDS);
	} else {
		add(story, TRACE_irq_entry, COMPUTING, COMPUTING, IRQ_RESCHEDULE);
		add(story, TRACE_irq_exit, COMPUTING, COMPUTING, IRQ_RESCHEDULE);
		add_overtaking(story, run->model);
	}
}

/* ---- records against steps ---- */

/* The count's fields that the context demands; the folded bit is the scheduler's affair. */
static bool
count_fits(const struct trace_record *record)
{
	uint32_t count = record->preempt_count & ~PREEMPT_NEED_RESCHED;

	switch ((enum trace_event)record->event) {
	case TRACE_irq_entry:
	case TRACE_irq_exit:
	case TRACE_timer_expire:
		return count == HARDIRQ_OFFSET;
	case TRACE_sched_switch:
		return count == FORK_PREEMPT_COUNT;
	case TRACE_marker:
	case TRACE_sched_process_exit:
		return count == 0;
	default:
		return (count & PREEMPT_MASK) != 0;
	}
}

static uint32_t
pid_of(const struct tour_run *run, unsigned int track, enum actor actor)
{
	return actor == B ? run->b_pid : run->tracks[track].computing_pid;
}

/* Who asks whom for a reschedule: B's cpu is the last track's. */
static bool
request_fits(const struct tour_run *run, const struct trace_record *record)
{
	const struct tour_track *target = &run->tracks[run->track_count - 1];
	uint64_t remote = run->track_count == 2;

	return record->a == target->computing_pid &&
	       record->b == (target->cpu | remote << 8 | remote << 9);
}

static bool
fields_fit(const struct tour_run *run, unsigned int track, const struct step *step,
           const struct trace_record *record)
{
	switch (step->event) {
	case TRACE_sched_set_need_resched:
		return request_fits(run, record);
	case TRACE_sched_switch:
		return record->a == pid_of(run, track, step->subject) &&
		       trace_switch_reason(record->b) == step->detail;
	case TRACE_sched_waking:
	case TRACE_sched_wakeup:
	case TRACE_sched_process_exit:
		return record->a == pid_of(run, track, step->subject);
	case TRACE_marker:
	case TRACE_irq_entry:
	case TRACE_irq_exit:
		return record->a == step->detail;
	case TRACE_timer_expire:
		return record->b == run->wake_fn;
	default:
		return false;
	}
}

static const char *
check_record(const struct tour_run *run, unsigned int track, const struct step *step,
             const struct trace_record *record)
{
	if (record->event != step->event) {
		return "not the event that comes next";
	}
	if (record->cpu != run->tracks[track].cpu) {
		return "the event of another cpu";
	}
	if (record->pid != pid_of(run, track, step->by)) {
		return "the event of another task";
	}
	if (!fields_fit(run, track, step, record)) {
		return "the right event with wrong fields";
	}
	return count_fits(record) ? NULL : "the right event at a wrong preempt_count";
}

static const char *
check_track(const struct tour_run *run, unsigned int number, size_t *at)
{
	const struct tour_track *track = &run->tracks[number];
	struct story story;
	const char *broken;

	tell(&story, run, number);
	for (*at = 0; *at < track->count && *at < story.count; (*at)++) {
		const struct trace_record *record = &track->records[*at];

		if (*at != 0 && record->tsc < record[-1].tsc) {
			return "time runs backwards";
		}
		broken = check_record(run, number, &story.steps[*at], record);
		if (broken != NULL) {
			return broken;
		}
	}
	if (*at < story.count) {
		return "records are missing at the end";
	}
	return *at < track->count ? "records too many at the end" : NULL;
}

static const struct trace_record *
find(const struct tour_track *track, enum trace_event event, uint32_t a)
{
	for (size_t i = 0; i < track->count; i++) {
		if (track->records[i].event == event && track->records[i].a == a) {
			return &track->records[i];
		}
	}
	return NULL;
}

const char *
tour_check(const struct tour_run *run, size_t *at)
{
	const struct trace_record *request;
	const struct trace_record *arrival;

	for (unsigned int track = 0; track < run->track_count; track++) {
		const char *broken = check_track(run, track, at);

		if (broken != NULL) {
			return broken;
		}
	}
	if (run->track_count == 1) {
		return NULL;
	}
	request = find(&run->tracks[0], TRACE_sched_set_need_resched, run->tracks[1].computing_pid);
	arrival = find(&run->tracks[1], TRACE_irq_entry, IRQ_RESCHEDULE);
	return request->tsc < arrival->tsc ? NULL
	                                   : "the reschedule interrupt came before its request";
}

uint64_t
tour_b_waited(const struct tour_run *run)
{
	const struct tour_track *last = &run->tracks[run->track_count - 1];

	return find(last, TRACE_marker, TOUR_B_RUNS)->tsc -
	       find(&run->tracks[0], TRACE_irq_entry, IRQ_TIMER)->tsc;
}
