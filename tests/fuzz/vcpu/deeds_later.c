// SPDX-License-Identifier: ISC
/*
 * What workers have done in interrupts: by timers of theirs, and by RCU.
 */
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "tests/fuzz/vcpu/deeds.h"

#define LATERS 2u /* timers of a worker */

/* What a timer's function does. */
struct later {
	struct timer timer;
	uint8_t what;
	struct vcpu *vcpu;
};

/* What a timer's function has called when all readers are over. */
struct callback {
	struct timer timer;
	struct rcu_head head;
	struct atomic is_busy;
};

static HOST_STATE struct callback callbacks[WORLD_WORKERS];
static HOST_STATE struct later laters[WORLD_WORKERS][LATERS];

static void
end_slice(void)
{
	if (current->class == &sched_class_fair) {
		current->slice_ticks = 1;
	}
	sched_tick();
}

static void
note_call(struct rcu_head *head)
{
	atomic_store(&container_of(head, struct callback, head)->is_busy, 0);
}

static void
later_expired(struct timer *timer)
{
	struct later *later = container_of(timer, struct later, timer);

	switch (later->what % 8) {
	case 0:
		vcpu_kick(later->vcpu);
		break;
	case 1:
		vcpu_interrupt(later->vcpu, PAYLOAD_VECTOR_DOORBELL);
		break;
	case 2:
		vcpu_make_request(later->vcpu, VCPU_REQ_FLUSH_ALL, 0);
		break;
	case 3:
		vcpu_wake_up(later->vcpu);
		break;
	case 4:
		end_slice();
		break;
	case 5:
		host_nmi_send(raw_smp_processor_id());
		break;
	case 6:
		resched_cpu(raw_smp_processor_id());
		break;
	default:
		vcpu_make_request(later->vcpu, VCPU_REQ_SUSPEND, 0);
		break;
	}
}

void
deeds_later(const struct operation *operation)
{
	struct later *later =
		&laters[operation->args[0] % WORLD_WORKERS][operation->args[2] / 8 % LATERS];
	struct vcpu *vcpu = deeds_vcpu(operation->args[3]);

	if (vcpu == NULL) {
		return;
	}
	timer_cancel(&later->timer);
	later->what = operation->args[2];
	later->vcpu = vcpu;
	timer_start(&later->timer, arch_clock_ns() + operation->args[1] % 64 * TIME_UNIT_NS);
}

static void
call_later(struct timer *timer)
{
	struct callback *callback = container_of(timer, struct callback, timer);

	call_rcu(&callback->head, note_call);
}

/* One at a time: until it was called it may not be queued again. */
void
deeds_rcu(const struct operation *operation)
{
	struct callback *callback = &callbacks[operation->args[0] % WORLD_WORKERS];

	if (!atomic_xchg(&callback->is_busy, 1)) {
		timer_start(&callback->timer,
		            arch_clock_ns() + operation->args[1] % 64 * TIME_UNIT_NS);
	}
}

/* ---- the begin, and the end ---- */

void
deeds_boot(void)
{
	for (unsigned int n = 0; n < WORLD_WORKERS * LATERS; n++) {
		timer_init(&laters[n / LATERS][n % LATERS].timer, later_expired);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		timer_init(&callbacks[n].timer, call_later);
	}
}

void
deeds_end(void)
{
	for (unsigned int n = 0; n < WORLD_WORKERS * LATERS; n++) {
		timer_cancel(&laters[n / LATERS][n % LATERS].timer);
	}
	for (unsigned int n = 0; n < WORLD_WORKERS; n++) {
		timer_cancel(&callbacks[n].timer);
	}
}
