// SPDX-License-Identifier: ISC
/*
 * The trace rings: guest/trace.c itself, which other suites do without. Whatever falls between two
 * of its steps, no record is lost, torn, or written twice.
 */
#include "guest/trace.h"

#include "guest/boot_info.h"
#include "guest/page.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 2000000

#define RING_PAGES 2 /* the headers', and 64 records for each of two cpus */

enum { FROM_TASK = 1, FROM_TASK_AGAIN, FROM_NMI, FROM_OTHER };

static HOST_STATE uint64_t first[2]; /* numbers of the first records behind the gate */
static HOST_STATE uint32_t writer_pid;

static void
mark(uint32_t id)
{
	trace(TRACE_marker, id, ~(uint64_t)id);
}

static void
mark_in_nmi(void)
{
	mark(FROM_NMI);
}

static void
write_two(void *arg)
{
	(void)arg;
	writer_pid = current->pid;
	first[0] = trace_head(0);
	host_gate();
	mark(FROM_TASK);
	mark(FROM_TASK_AGAIN);
	host_stop();
}

static void
send_nmi(void *arg)
{
	(void)arg;
	first[1] = trace_head(1);
	host_gate();
	host_nmi_send(0);
	host_stop();
}

static void
send_interrupt(void *arg)
{
	(void)arg;
	first[1] = trace_head(1);
	host_gate();
	preempt_disable();
	arch_ipi_send(0, IRQ_RESCHEDULE);
	mark(FROM_OTHER);
	preempt_enable();
	host_stop();
}

static void
send_both(void *arg)
{
	(void)arg;
	first[1] = trace_head(1);
	host_gate();
	preempt_disable();
	arch_ipi_send(0, IRQ_RESCHEDULE);
	host_nmi_send(0);
	preempt_enable();
	host_stop();
}

static void
boot_rings(void (*other)(void *))
{
	struct boot_info info = {
		.cpu_count = 2,
		.trace = { arch_virt_to_phys(page_alloc_contiguous(RING_PAGES)),
		           RING_PAGES * PAGE_SIZE },
	};

	trace_init(&info);
	scenario_task(0, write_two, NULL);
	scenario_task(1, other, NULL);
}

static void
boot_nmi(void)
{
	boot_rings(send_nmi);
}

static void
boot_interrupt(void)
{
	boot_rings(send_interrupt);
}

static void
boot_both(void)
{
	boot_rings(send_both);
}

/* Each field as its writer had it. */
static void
check_record(const struct trace_record *record, unsigned int cpu)
{
	bool in_nmi_context = record->preempt_count & NMI_MASK;
	bool in_irq_context = record->preempt_count & HARDIRQ_MASK;

	HOST_EXPECT(record->cpu == cpu);
	HOST_EXPECT(record->tsc != 0);
	HOST_EXPECT(cpu != 0 || record->pid == writer_pid);
	HOST_EXPECT(!(record->flags & (TRACE_FLAG_NR | TRACE_FLAG_LAZY)));
	switch (record->event) {
	case TRACE_marker:
		HOST_EXPECT(record->b == ~(uint64_t)record->a);
		HOST_EXPECT(in_nmi_context == (record->a == FROM_NMI));
		break;
	case TRACE_irq_entry:
	case TRACE_irq_exit:
		HOST_EXPECT(record->a == IRQ_RESCHEDULE);
		HOST_EXPECT(in_irq_context && !in_nmi_context);
		HOST_EXPECT(record->flags & TRACE_FLAG_IRQS_OFF);
		break;
	default:
		host_fail("a record of event %u", record->event);
	}
}

/* Reads what the run has written: a set of markers, bit by id; entries and exits in turn. */
static void
read_ring(unsigned int cpu, uint32_t *markers, unsigned int *interrupts)
{
	struct trace_record record;
	bool inside = false;

	*markers = 0;
	*interrupts = 0;
	for (uint64_t n = first[cpu]; n < trace_head(cpu); n++) {
		HOST_EXPECT(trace_read(cpu, n, &record));
		check_record(&record, cpu);
		if (record.event == TRACE_marker) {
			HOST_EXPECT(!(*markers >> record.a & 1));
			HOST_EXPECT(record.a != FROM_TASK_AGAIN || (*markers >> FROM_TASK & 1));
			*markers |= 1u << record.a;
		} else {
			HOST_EXPECT(inside == (record.event == TRACE_irq_exit));
			inside = record.event == TRACE_irq_entry;
			*interrupts += inside;
		}
	}
	HOST_EXPECT(!inside);
	HOST_EXPECT(!trace_read(cpu, trace_head(cpu), &record));
}

static void
check_rings(uint32_t wanted, uint32_t wanted_of_other, bool is_interrupted)
{
	uint32_t markers;
	unsigned int interrupts;

	read_ring(0, &markers, &interrupts);
	HOST_EXPECT(markers == wanted);
	HOST_EXPECT(interrupts == is_interrupted || host_cpu(0)->pending != 0);
	read_ring(1, &markers, &interrupts);
	HOST_EXPECT(markers == wanted_of_other);
}

#define TASK_MARKERS (1u << FROM_TASK | 1u << FROM_TASK_AGAIN)

static void
check_nmi(void)
{
	check_rings(TASK_MARKERS | 1u << FROM_NMI, 0, false);
}

static void
check_interrupt(void)
{
	check_rings(TASK_MARKERS, 1u << FROM_OTHER, true);
}

static void
check_both(void)
{
	check_rings(TASK_MARKERS | 1u << FROM_NMI, 0, true);
}

/* P70: an NMI comes anywhere while a record is written, and writes one itself. */
START_TEST(test_trace_nmi_within_a_record)
{
	struct explore_scenario scenario = { "trace, NMI", 2, boot_nmi, check_nmi, NULL, 0, NULL };

	host_nmi_handler = mark_in_nmi;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* P70: an interrupt comes, whose entry and exit are records; another cpu writes its own ring. */
START_TEST(test_trace_interrupt_within_a_record)
{
	struct explore_scenario scenario = {
		"trace, interrupt", 2, boot_interrupt, check_interrupt, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* P70: both, the NMI within the interrupt's records too. */
START_TEST(test_trace_nmi_within_an_interrupt)
{
	struct explore_scenario scenario = {
		"trace, interrupt and NMI", 2, boot_both, check_both, NULL, 0, NULL
	};

	host_nmi_handler = mark_in_nmi;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* P70, mutant: a slot reserved in two steps is given away twice, and a record is lost. */
START_TEST(test_trace_reserved_in_two_steps_loses_a_record)
{
	struct explore_scenario scenario = { "trace, two-step reservation, NMI",
		                             2,
		                             boot_nmi,
		                             check_nmi,
		                             NULL,
		                             HOST_BROKEN_LOCAL,
		                             NULL };

	host_nmi_handler = mark_in_nmi;
	scenario_must_fail(&scenario, "markers == wanted", LIMIT);
	host_nmi_handler = NULL;
	scenario.name = "trace, two-step reservation, interrupt";
	scenario.boot = boot_interrupt;
	scenario.check = check_interrupt;
	scenario_must_fail(&scenario, "interrupts == is_interrupted", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace rings");
	TCase *tests = tcase_create("rings");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_trace_nmi_within_a_record);
	tcase_add_test(tests, test_trace_interrupt_within_a_record);
	tcase_add_test(tests, test_trace_nmi_within_an_interrupt);
	tcase_add_test(tests, test_trace_reserved_in_two_steps_loses_a_record);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
