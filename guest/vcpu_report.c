// SPDX-License-Identifier: ISC
#include "guest/vcpu_report.h"

#include <stddef.h>

#include "guest/errno.h"
#include "guest/format.h"
#include "guest/printk.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_crew.h"
#include "guest/vcpu_handle.h"

#define STOP_SIZE 48 /* bytes, NUL included */

/* The columns. */
struct row {
	uint64_t exits, early, entries, aborts;
	uint64_t outs, preempted, ins;
	uint64_t kicks, ipis, ticks;
};

static struct row
row_of(const struct vcpu *vcpu)
{
	const struct vcpu_stats *stats = &vcpu->stats;

	return (struct row){
		.exits = stats->exits,
		.early = stats->early_calls,
		.entries = stats->entries,
		.aborts = stats->aborts,
		.outs = stats->outs,
		.preempted = stats->outs_preempted,
		.ins = stats->ins,
		.kicks = atomic_load(&stats->kicks),
		.ipis = atomic_load(&stats->ipis),
		.ticks = stats->guest_ticks,
	};
}

static void
add(struct row *sum, const struct row *row)
{
	sum->exits += row->exits;
	sum->early += row->early;
	sum->entries += row->entries;
	sum->aborts += row->aborts;
	sum->outs += row->outs;
	sum->preempted += row->preempted;
	sum->ins += row->ins;
	sum->kicks += row->kicks;
	sum->ipis += row->ipis;
	sum->ticks += row->ticks;
}

#define COLUMNS "%5s %8s %8s %8s %8s %6s %9s %6s %6s %6s %6s  %s\n"
#define NUMBERS "%8llu %8llu %8llu %8llu %6llu %9llu %6llu %6llu %6llu %6llu  %s\n"
#define CELL(n) ((unsigned long long)row->n)

static void
print_row(const char *name, const struct row *row, const char *stop)
{
	printk("%5s " NUMBERS, name, CELL(exits), CELL(early), CELL(entries), CELL(aborts),
	       CELL(outs), CELL(preempted), CELL(ins), CELL(kicks), CELL(ipis), CELL(ticks), stop);
}

static void
say_stop(const struct vcpu_member *member, char text[STOP_SIZE])
{
	const struct vcpu *vcpu = member->vcpu;

	if (member->error != 0) {
		format_string(text, STOP_SIZE, "%s",
		              member->error == -EIO     ? "the machine is dead"
		              : member->error == -EINTR ? "a signal"
		                                        : "there was no memory for a task");
	} else if (vcpu->stop == VCPU_STOP_SHUTDOWN) {
		format_string(text, STOP_SIZE, "shutdown %llu",
		              (unsigned long long)vcpu->stop_value);
	} else {
		format_string(text, STOP_SIZE, "%s",
		              vcpu_vector_name((unsigned int)vcpu->stop_value));
	}
}

void
vcpu_report(const struct vcpu_crew *crew)
{
	struct row sum = { .exits = 0 };

	printk(COLUMNS, "vcpu", "exits", "early", "entries", "aborts", "outs", "preempted", "ins",
	       "kicks", "ipis", "ticks", "end");
	for (const struct vcpu_member *member = crew->first; member != NULL;
	     member = member->next) {
		const struct row row = row_of(member->vcpu);
		char name[12];
		char stop[STOP_SIZE];

		add(&sum, &row);
		if (member->vcpu->id < VCPU_REPORT_ROWS) {
			format_string(name, sizeof(name), "%u", member->vcpu->id);
			say_stop(member, stop);
			print_row(name, &row, stop);
		}
	}
	print_row("all", &sum, "");
	for (const struct vcpu_member *member = crew->first; member != NULL;
	     member = member->next) {
		const char *fault = vcpu_stats_fault(member->vcpu);

		if (fault != NULL) {
			printk("FAIL vcpu %u: %s\n", member->vcpu->id, fault);
		}
	}
}
