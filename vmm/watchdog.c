// SPDX-License-Identifier: ISC
#include "vmm/watchdog.h"

#include <time.h>

#define NS_PER_S 1000000000ll

/* A cpu that runs without a pause waits for its NMI longer than asked, by this part at most. */
#define LOOKS_A_PERIOD 8

/* What the thread has run for; -1: it has ended. */
static int64_t
processor_ns(pthread_t thread)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0) {
		return -1;
	}
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

void
watchdog_add(struct watchdog *watchdog, struct cpu *cpu, pthread_t thread)
{
	watchdog->cpus[watchdog->count++] = (struct watched){ .cpu = cpu, .thread = thread };
}

/* KVM_NMI would wait for the end of the cpu's KVM_RUN: its own thread asks for it. */
static void
look_at(struct watched *watched, int64_t period_ns)
{
	int64_t ran_ns = processor_ns(watched->thread);

	if (ran_ns - watched->sent_ns >= period_ns) {
		watched->sent_ns = ran_ns;
		atomic_store(&watched->cpu->nmi_is_due, true);
		cpu_kick(watched->thread);
	}
}

void
watchdog_look(struct watchdog *watchdog, int64_t now_ns)
{
	if (watchdog->period_ns == 0 || now_ns < watchdog->look_ns) {
		return;
	}
	watchdog->look_ns = now_ns + watchdog->period_ns / LOOKS_A_PERIOD;
	for (uint32_t i = 0; i < watchdog->count; i++) {
		look_at(&watchdog->cpus[i], watchdog->period_ns);
	}
}
