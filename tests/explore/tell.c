// SPDX-License-Identifier: ISC
#include "tests/explore/tell.h"

#include <stdio.h>

#include "tests/explore/name.h"

#define COLUMN(cpu) (4 + 26 * (int)(cpu))

static const char *
verb_of(const struct host_transition *t)
{
	static const char *const steps[HOST_OP_COUNT] = {
		"starts",          "local",           "loads",   "stores",   "locked",
		"locked, loosely", "fence",           "iret",    "sends to", "halts",
		"passes the gate", "moves the clock", "settles",
	};
	static const char *const others[HOST_ACTOR_COUNT] = {
#define KIND_WORDS(name, words) [HOST_IRQ + IRQ_##name] = "takes " #name " on",
		IRQ_KINDS(KIND_WORDS)
#undef KIND_WORDS
			[HOST_NMI] = "takes NMI on",
		[HOST_DRAIN] = "memory gets",
		[HOST_CLOCK] = "clock goes on",
	};

	return t->actor == HOST_STEP ? steps[t->op.kind] : others[t->actor];
}

int
tell_transition(const struct host_transition *t, unsigned int moment, char *line, size_t size)
{
	return snprintf(line, size, "%4u %*s%u: %s %s", moment, COLUMN(t->cpu), "cpu ", t->cpu,
	                verb_of(t), name_of(t->op.addr));
}

int
tell_choice(unsigned int value, unsigned int n, char *line, size_t size)
{
	char words[TELL_SIZE / 2];

	snprintf(words, sizeof(words), "chooses %u of 0..%u", value, n - 1);
	return tell_event(host_this->id, words, line, size);
}

int
tell_event(unsigned int cpu, const char *words, char *line, size_t size)
{
	return snprintf(line, size, "     %*s%u: %s", COLUMN(cpu), "cpu ", cpu, words);
}
