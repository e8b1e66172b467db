// SPDX-License-Identifier: ISC
/*
 * Scenes: what an operation of one task alone does not lead to, because several must have been
 * prepared to meet. Each is small, plays on things of its own, with tasks of its own where it needs
 * some, says what must hold at its end, and ends. One plays at a time.
 */
#pragma once

#include <stdbool.h>

#include "guest/atomic.h"
#include "shared/trace_abi.h"

#define SCENES 64u /* as many as the kind's argument tells apart */

/*
 * In a task that holds nothing; count 0, irqs on. Of cpu, where it begins, and form each scene
 * makes what it likes. slice: points of a turn meanwhile; 0: as ever. held: bit n: what the n-th
 * cpu from there on stores stays in flight.
 */
void scene_play(unsigned int scene, unsigned int cpu, unsigned int form, unsigned int slice,
                unsigned int held);

/* ---- for scenes ---- */

struct scene {
	const char *name;
	void (*play)(unsigned int cpu, unsigned int form);
};

/* A list ends with a scene without a name. */
extern const struct scene scene_softirqs[];
extern const struct scene scene_lines[];
extern const struct scene scene_waits[];
extern const struct scene scene_points[];
extern const struct scene scene_locks[];
extern const struct scene scene_rcu[];
extern const struct scene scene_tasks[];
extern const struct scene scene_works[];
extern const struct scene scene_futexes[];
extern const struct scene scene_contests[];
extern const struct scene scene_mutexes[];
extern const struct scene scene_interrupts[];
extern const struct scene scene_requests[];
extern const struct scene scene_notified[];
extern const struct scene scene_reader_races[];
extern const struct scene scene_races[];
extern const struct scene scene_users[];
extern const struct scene scene_moves[];

/* One more task of the scene, on this cpu: fn(arg). It is the caller's until scene_join(). */
#define SCENE_CAST_MAX 4
struct task;
struct task *scene_cast(void (*fn)(void *arg), void *arg, unsigned int cpu);

/* Waits for the end of all that were cast. */
void scene_join(void);

/* What is held arrives; until the next meeting. */
void scene_let_go(void);

/*
 * In a task that was cast: goes on, now a little sooner and now later than the others, when `count`
 * have come here, the same at each meeting. Who has to wait for long sleeps meanwhile.
 */
void scene_meet(unsigned int count);

/*
 * For two that are to meet where only one in thousands of orders would let them. The same meeting,
 * from which the first one goes on alone, and the other when the first one waits or hands over:
 * turns have no end until the next meeting. All orders that come of it are ones that could have
 * been anyway.
 */
void scene_face(bool is_first);

/* The other cpu goes on in place of this one: now, or before this one's nth access to the word. */
void scene_hand_over(unsigned int cpu);
void scene_hand_over_at(const void *word, unsigned int nth, unsigned int cpu);

/* What this cpu stores stays in flight. Behind a scene_face(), before a scene_hand_over_at(). */
void scene_hold(void);

/*
 * Until the word has been counted up to this, by a cpu that goes on. Gives way where it is asked:
 * who counts may be behind a task that spins for all cpus to pass. Count 0.
 */
void scene_spin(const struct atomic *word, uint32_t wanted);

/* Sleeps until the word has been counted up to this, by one who wakes it then. Count 0. */
void scene_sleep(const struct atomic *word, uint32_t wanted);

/* Until the word has been counted up to this: looks now and then. Count 0. */
void scene_await(const struct atomic *word, uint32_t wanted);

/*
 * From now on, and until another scene says otherwise, fn is what this vector, which nobody but
 * scenes raises, is served by.
 */
#define SCENE_SOFTIRQ RCU_SOFTIRQ
void scene_serve(void (*fn)(void));

/* So many points. Any context. */
void scene_pass(unsigned int points);
