// SPDX-License-Identifier: ISC
/*
 * What cpus send each other: calls, irq_works, requests for a reschedule, NMIs.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/irq_work.h"
#include "guest/nmi.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/smp_call.h"

static void
be_called(struct call_single_data *call)
{
	atomic_fetch_add(&container_of(call, struct own, call)->calls_done, 1);
	count(PART_call);
	give_alarm();
}

static void
do_work(struct irq_work *work)
{
	(void)work;
	count(PART_irq_work);
	give_alarm();
}

void
step_call(struct own *own, uint32_t draw)
{
	unsigned int cpu = (unsigned int)(any(draw) - owns);

	switch (draw % 4) {
	case 0:
		irq_work_queue_on(&own->work, cpu);
		break;
	case 1:
		resched_cpu(cpu);
		count(PART_resched);
		break;
	default:
		if (smp_call_function_single_async(cpu, &own->call) == 0) {
			atomic_fetch_add(&own->calls, 1);
		}
	}
	rest(draw);
}

static bool
take_nmi(struct regs *regs)
{
	struct own *own = here();

	(void)regs;
	atomic_store(&own->nmis_seen, atomic_load(&own->nmis_sent));
	count(PART_nmi);
	irq_work_queue(&own->nmi_work);
	return true;
}

static struct nmi_handler nmi_handler = { .fn = take_nmi };

void
step_nmi(struct own *own, uint32_t draw)
{
	struct own *target = any(draw);

	(void)own;
	atomic_fetch_add(&target->nmis_sent, 1);
	arch_nmi_send((unsigned int)(target - owns));
	rest(draw);
}

void
calls_prepare(void)
{
	for_each_cpu (cpu) {
		struct own *own = &owns[cpu];

		own->call = (struct call_single_data)CALL_SINGLE_DATA_INIT(be_called);
		init_irq_work(&own->work, do_work);
		init_irq_work(&own->nmi_work, do_work);
	}
	register_nmi_handler(&nmi_handler);
}

bool
calls_quiet(unsigned int cpu)
{
	struct own *own = &owns[cpu];

	return atomic_load(&own->calls) == atomic_load(&own->calls_done) &&
	       atomic_load(&own->nmis_sent) == atomic_load(&own->nmis_seen) &&
	       !irq_work_is_busy(&own->work) && !irq_work_is_busy(&own->nmi_work);
}
