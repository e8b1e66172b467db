// SPDX-License-Identifier: ISC
#include "tests/explore/guarded.h"

#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"

HOST_STATE struct guarded guarded_objects[2];
HOST_STATE struct atomic_ptr guarded_pointer;

void
guarded_boot(void)
{
	for (unsigned int n = 0; n < 2; n++) {
		atomic_store(&guarded_objects[n].alive, 1);
		explore_name(&guarded_objects[n].alive, "objects[%u].alive", n);
		explore_name(&rcu_blocked[n], "rcu_blocked[%u]", n);
	}
	atomic_store(&guarded_pointer, &guarded_objects[0]);
	explore_name(&guarded_pointer, "pointer");
	explore_name(&rcu_blocked_index, "rcu_blocked_index");
	for_each_cpu (cpu) {
		explore_name(&per_cpu(context_tracking, cpu), "context%u", cpu);
		explore_name(&per_cpu(runqueue, cpu).nr_switches, "rq%u.nr_switches", cpu);
		explore_name(&per_cpu(rcu_cpu, cpu).asked, "asked%u", cpu);
	}
}

const struct guarded *
guarded_find(void)
{
	return rcu_dereference(&guarded_pointer);
}

void
guarded_use(const struct guarded *object)
{
	if (!atomic_load(&object->alive) || object->value != 0) {
		host_fail("a reader sees freed memory");
	}
}

void
guarded_read(void)
{
	rcu_read_lock();
	guarded_use(guarded_find());
	rcu_read_unlock();
}

void
guarded_unlink(void)
{
	rcu_assign_pointer(&guarded_pointer, &guarded_objects[1]);
}

void
guarded_free(void)
{
	guarded_objects[0].value = 1;
	atomic_store(&guarded_objects[0].alive, 0);
}

void
guarded_preempt_self(void)
{
	struct rq *rq;

	arch_irq_disable();
	rq = this_cpu_ptr(&runqueue);
	raw_spin_lock(&rq->lock);
	rq->curr->class->yield(rq);
	resched_curr(rq);
	raw_spin_unlock_irq(&rq->lock);
	cond_resched(); /* the models that do not preempt */
}

void
guarded_check(unsigned int wanted)
{
	scenario_check_at_rest(wanted);
	HOST_EXPECT(atomic_load(&rcu_blocked[0]) == 0);
	HOST_EXPECT(atomic_load(&rcu_blocked[1]) == 0);
}
