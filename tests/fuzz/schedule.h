// SPDX-License-Identifier: ISC
/*
 * Runs of the simulated machine whose choices an input makes: by default everything happens in the
 * plainest order, and the input's schedule says where it does not.
 *
 * The plainest order: stores reach memory at once; a cpu takes its interrupts where it can, NMIs
 * first; the cpu that ran goes on until it halts, spins in vain, or has moved for the header's
 * slice; then the next one that can moves, in turn; the clock goes on when nothing else can happen.
 * Records of the schedule (FUZZ_AT) fall between; in place of the plainest order there may be one
 * by priorities (priorities.h). Behind its points, a record's extra steps are single ones: every
 * local operation is one, with interrupts off, too.
 *
 * What is held arrives when its cpu cannot go on without (stores, at a locked operation), when
 * nothing else can happen, after SCHEDULE_HOLD_MAX points, or when it is released; NMIs are not
 * held. A machine check strikes a running guest: elsewhere it is nothing. What host_choose()
 * returns, the replies say, a record each: its first argument; 0 when there are no more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/input.h"
#include "tests/host/machine.h"

/*
 * Once: boots an image for each number of cpus up to cpus_max. boot: as host_boot()'s; every boot
 * starts from the variables that the process was started with, so a seeded bug is switched on
 * there. idle: NULL: the kernel's.
 */
void schedule_boot(unsigned int cpus_max, void (*boot)(void), void (*idle)(void));

/*
 * One run from the image of the header's number of cpus. prepare: NULL, or is called first,
 * quietly, as cpu 0 (host_prepare): it sets up what differs from run to run. The points are counted
 * from 0. The run's end may be looked at with host_inspect().
 */
void schedule_run(const struct fuzz_input *input, void (*prepare)(void),
                  struct host_result *result);

/*
 * The same run drawn (tests/explore/picture.h): title, what is wrong (finding; NULL: what the run
 * itself says), timeline. prepare()'s and the boot's explore_name() and explore_show() name what is
 * told.
 */
void schedule_tell(const struct fuzz_input *input, void (*prepare)(void), const char *title,
                   const char *finding, void (*print)(const char *line));

/* The same run, a line for each transition, value, and record of the schedule. */
void schedule_tell_steps(const struct fuzz_input *input, void (*prepare)(void),
                         void (*print)(const char *line));

/* In a run: this happens now, as by a record of the schedule. */
void schedule_act(enum fuzz_action action, unsigned int cpu);

/* So many points later, of which single steps are each one. One at a time: a second one takes the
 * place of the first. */
void schedule_act_later(uint32_t points, enum fuzz_action action, unsigned int cpu);

/*
 * The same when this cpu, who moves, is about to access this word for the nth time from now on. One
 * at a time of each cpu; schedule_press() forgets them.
 */
void schedule_act_at(const void *word, unsigned int nth, enum fuzz_action action, unsigned int cpu);

/*
 * If set, is told of each transition of a run, told or not, before it happens. No point. A store
 * that reaches memory at once may be one transition instead of two.
 */
extern void (*schedule_watch)(const struct host_transition *t);

/*
 * Points of the run so far: virtual time for what may take how long. Of what is requested when,
 * host_trace_seen is told (TRACE_sched_set_need_resched, sched_wakeup, sched_switch).
 */
uint64_t schedule_points(void);

/*
 * In a run, by who moves: from now on what these cpus store stays in flight, as if by HOLD, others'
 * does not, and a turn has so many points; 0: as the header says. No point.
 */
void schedule_press(uint32_t held, unsigned int slice);

/* How often another cpu than before has moved. */
uint32_t schedule_turns(void);

/* In a run: the next record of the replies, for answers of more than a number. false: there is
 * none. */
bool schedule_reply(struct fuzz_item *item);

/*
 * Asks at every point, also where the plainest order says all: the same run, for comparisons. And
 * how often was it asked in the run?
 */
extern bool schedule_slow;
uint32_t schedule_asked(void);

/* A run that has as many points ends, failed. */
#define SCHEDULE_POINTS_MAX 400000u
#define SCHEDULE_HOLD_MAX   1000u
