// SPDX-License-Identifier: ISC
/*
 * What scenes have in common in which one of two tasks is cut off at each point of what it does, a
 * point later in each round, and the other does its part there.
 */
#pragma once

#include <stdbool.h>

#include "guest/atomic.h"

#define CONTEST_ROUNDS 16
#define CONTEST_FORMS  8

struct task;

/* Of the scene that plays. */
struct contest {
	unsigned int form;
	unsigned int first_cpu;
	unsigned int second_cpu;

	/* Each writes its own before the two meet. */
	struct task *first;
	struct task *second;

	/* Rounds: for which the second one is there, that the first one has begun, and ended. */
	struct atomic ready;
	struct atomic begun;
	struct atomic ended;
};
extern struct contest contest;

/* No round has begun. false: there is one cpu, and no contest. */
bool contest_prepare(unsigned int cpu, unsigned int form);

/* Casts first(arg) and second(arg), each on its cpu, and waits for their ends. */
void contest_play(void (*first)(void *), void (*second)(void *), void *arg);

/* By who moves: it goes on until it can do no more, and nothing is held; till the next meeting. */
void contest_go_on(void);

/* The same, but so many points later, of which single steps are each one, the cpu has its turn. */
void contest_cut_off(unsigned int points, unsigned int cpu);

/* Of this round (from 1 on): where to cut off, if so many forms differ by more than that. */
unsigned int contest_point(unsigned int round, unsigned int kinds);

/* Sleeps until the word says this round. What the task waits for has come: it does not sleep. */
void contest_await(const struct task *task, const struct atomic *word, unsigned int round);

/* Sleeps until the task does, too, or has ended. */
void contest_await_sleep(const struct task *task);
