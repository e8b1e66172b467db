// SPDX-License-Identifier: ISC
/*
 * Loops that spin. A cpu that relaxes stands still until something changes that it has read since
 * it relaxed last. If a loop has spun for something else within its turn, a lock for instance, the
 * end of that spin has it forget what it had read before: if it has not read all of that again, it
 * looks once more.
 */
#include <stddef.h>

#include "tests/host/machine.h"
#include "tests/host/run.h"

static bool
has_read_again(const struct host_cpu *cpu, const void *addr)
{
	for (unsigned int n = 0; n < cpu->read_count && n < HOST_READS_MAX; n++) {
		if (cpu->reads[n] == addr && addr != NULL) {
			return true;
		}
	}
	return false;
}

static bool
knows_all(const struct host_cpu *cpu, const struct host_spin *within)
{
	for (unsigned int n = 0; n < within->lost_count; n++) {
		if (n == HOST_READS_MAX || !has_read_again(cpu, within->lost[n])) {
			return false;
		}
	}
	return true;
}

static void
add_lost(struct host_spin *spin, const void *const *words, unsigned int count)
{
	for (unsigned int n = 0; n < count && spin->lost_count <= HOST_READS_MAX; n++) {
		if (n < HOST_READS_MAX && spin->lost_count < HOST_READS_MAX) {
			spin->lost[spin->lost_count] = words[n];
		}
		spin->lost_count++;
	}
}

void
machine_forget_reads(struct host_cpu *cpu)
{
	cpu->reads[0] = NULL; /* which is never read again */
	cpu->read_count = 1;
	cpu->spin_over = true;
	cpu->spin_ended_by = -1;
	cpu->spin_depth = 0;
}

void
host_cpu_relax(void)
{
	struct host_cpu *cpu = host_this;
	struct host_spin spin = { .place = __builtin_return_address(0),
		                  .frame = __builtin_frame_address(0) };
	bool is_known = true;

	while (cpu->spin_depth != 0) { /* bounded: by the depth */
		const struct host_spin *within = &cpu->spins_within[cpu->spin_depth - 1];

		if (within->frame > spin.frame || within->place == spin.place) {
			break;
		}
		is_known = is_known && knows_all(cpu, within);
		add_lost(&spin, within->lost, within->lost_count);
		cpu->spin_depth--;
	}
	if (!is_known || cpu->spin_depth == HOST_SPINS_MAX) {
		machine_forget_reads(cpu);
	}
	if (cpu->spin_depth == 0 || cpu->spins_within[cpu->spin_depth - 1].place != spin.place) {
		add_lost(&spin, cpu->reads, cpu->read_count);
		cpu->spins_within[cpu->spin_depth++] = spin;
	}
	cpu->spins = true;
}
