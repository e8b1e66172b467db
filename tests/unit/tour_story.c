// SPDX-License-Identifier: ISC
/*
 * Correct runs of the tour, written down by hand from what each model promises, not from the
 * checker.
 */
#include "tests/unit/tour_story.h"

#include "guest/preempt_count.h"

struct teller {
	struct tour_track *track;
	uint64_t tsc;
	uint32_t pid;
};

static void
say(struct teller *teller, enum trace_event event, uint32_t count, uint32_t a, uint64_t b)
{
	struct tour_track *track = teller->track;

	teller->tsc += 100;
	track->records[track->count++] = (struct trace_record){
		.tsc = teller->tsc,
		.preempt_count = count | PREEMPT_NEED_RESCHED,
		.event = (uint16_t)event,
		.cpu = (uint8_t)track->cpu,
		.pid = teller->pid,
		.a = a,
		.b = b,
	};
}

static void
say_mark(struct teller *teller, enum tour_mark mark)
{
	say(teller, TRACE_marker, 0, mark, 0);
}

static void
say_tick(struct teller *teller)
{
	say(teller, TRACE_irq_entry, HARDIRQ_OFFSET, IRQ_TIMER, 0x1234);
	say(teller, TRACE_timer_expire, HARDIRQ_OFFSET, 0, STORY_TICK_FN);
	say(teller, TRACE_irq_exit, HARDIRQ_OFFSET, IRQ_TIMER, 1);
}

/* A reschedule interrupt that comes when the idle loop has seen the flag already. */
static void
say_late_ipi(struct teller *teller)
{
	say(teller, TRACE_irq_entry, HARDIRQ_OFFSET, IRQ_RESCHEDULE, 0x1234);
	say(teller, TRACE_irq_exit, HARDIRQ_OFFSET, IRQ_RESCHEDULE, 0);
}

/* The tick may expire in the same interrupt. */
static void
say_wakeup(struct teller *teller, uint32_t target_pid, uint32_t target_cpu, bool with_tick)
{
	uint64_t remote = target_cpu != teller->track->cpu;

	say(teller, TRACE_irq_entry, HARDIRQ_OFFSET, IRQ_TIMER, 0x1234);
	if (with_tick) {
		say(teller, TRACE_timer_expire, HARDIRQ_OFFSET, 0, STORY_TICK_FN);
	}
	say(teller, TRACE_timer_expire, HARDIRQ_OFFSET, 0, STORY_WAKE_FN);
	say(teller, TRACE_sched_waking, HARDIRQ_OFFSET + 2, STORY_B_PID, 0);
	say(teller, TRACE_sched_set_need_resched, HARDIRQ_OFFSET + 3, target_pid,
	    target_cpu | remote << 8 | remote << 9);
	say(teller, TRACE_sched_wakeup, HARDIRQ_OFFSET + 3, STORY_B_PID, 0);
	say(teller, TRACE_irq_exit, HARDIRQ_OFFSET, IRQ_TIMER, with_tick ? 2 : 1);
}

static void
say_b(struct teller *teller, enum sched_reason reason)
{
	uint32_t other = teller->pid;

	say(teller, TRACE_sched_switch, 2, STORY_B_PID, trace_switch_pack(120, 49, 0, reason));
	teller->pid = STORY_B_PID;
	say_mark(teller, TOUR_B_RUNS);
	say_tick(teller);
	if (reason == SCHED_REASON_BLOCK) {
		say(teller, TRACE_sched_waking, 2, other, 0);
		say(teller, TRACE_sched_wakeup, 3, other, 0);
	}
	say(teller, TRACE_sched_process_exit, 0, STORY_B_PID, 49);
	say(teller, TRACE_sched_switch, 2, other,
	    trace_switch_pack(49, 120, 0x80, SCHED_REASON_EXIT));
	teller->pid = other;
}

static void
say_overtaking(struct teller *teller, enum preempt_model model)
{
	if (model == PREEMPT_FULL || model == PREEMPT_LAZY) { /* B is SCHED_FIFO */
		say_b(teller, SCHED_REASON_IRQ_RETURN);
	}
	say_mark(teller, TOUR_GOES_ON);
	say_mark(teller, TOUR_MIGHT_SLEEP);
	if (model == PREEMPT_VOLUNTARY) {
		say_b(teller, SCHED_REASON_MIGHT_SLEEP);
	}
	say_tick(teller);
	say_mark(teller, TOUR_WAITS);
	if (model == PREEMPT_NONE) {
		say_b(teller, SCHED_REASON_BLOCK);
	}
	say_mark(teller, TOUR_ENDS);
}

static void
tell_one_cpu(struct tour_run *run)
{
	struct teller a = { &run->tracks[0], 1000, STORY_A_PID };

	say_mark(&a, TOUR_STARTS);
	say_tick(&a);
	say_wakeup(&a, STORY_A_PID, 0, true);
	say_overtaking(&a, run->model);
}

static void
tell_two_cpus(struct tour_run *run)
{
	struct teller a = { &run->tracks[0], 1250, STORY_A_PID };
	struct teller c = { &run->tracks[1], 1000, STORY_C_PID };

	say_mark(&a, TOUR_STARTS);
	say_wakeup(&a, STORY_C_PID, 1, false);
	say_mark(&a, TOUR_GOES_ON);
	say_mark(&a, TOUR_ENDS);

	say_mark(&c, TOUR_STARTS);
	say_late_ipi(&c);
	say_tick(&c);
	c.tsc = 1850; /* after the request on the other cpu */
	say(&c, TRACE_irq_entry, HARDIRQ_OFFSET, IRQ_RESCHEDULE, 0x1234);
	say(&c, TRACE_irq_exit, HARDIRQ_OFFSET, IRQ_RESCHEDULE, 1);
	say_overtaking(&c, run->model);
}

void
story_tell(struct tour_run *run, enum preempt_model model, unsigned int track_count)
{
	*run = (struct tour_run){
		.model = model,
		.b_pid = STORY_B_PID,
		.wake_fn = STORY_WAKE_FN,
		.track_count = track_count,
		.tracks = { { .cpu = 0, .computing_pid = STORY_A_PID },
		            { .cpu = 1, .computing_pid = STORY_C_PID } },
	};
	if (track_count == 1) {
		tell_one_cpu(run);
	} else {
		tell_two_cpus(run);
	}
}
