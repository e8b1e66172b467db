// SPDX-License-Identifier: ISC
/*
 * NMIs for a guest that watches over itself, as a cpu's performance counter gives them to Linux:
 * one for each so many seconds that a cpu has run. It is the thread's processor time that counts,
 * so that a cpu which its host leaves waiting is not taken for one that hangs; one that halts gets
 * none.
 */
#pragma once

#include "vmm/cpu.h"

#include "shared/boot_abi.h"

#include <pthread.h>
#include <stdint.h>

struct watched {
	struct cpu *cpu;
	pthread_t thread;
	int64_t sent_ns; /* of its processor time: when it got the last one */
};

struct watchdog {
	int64_t period_ns; /* 0: none are sent */
	int64_t look_ns;   /* monotonic: when to look again */
	uint32_t count;
	struct watched cpus[BOOT_CPUS_MAX];
};

/* One more cpu to watch, whose thread runs. The main thread, as all of these. */
void watchdog_add(struct watchdog *watchdog, struct cpu *cpu, pthread_t thread);

/* Sends those that are due, if it is time to look. */
void watchdog_look(struct watchdog *watchdog, int64_t now_ns);
