// SPDX-License-Identifier: ISC
/*
 * A message is used once, and made anew when it is: what stands in it of an earlier run means
 * nothing.
 */
#include "tests/fuzz/sched/message.h"

#include "guest/interrupt.h"
#include "guest/irq_work.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/softirq.h"
#include "guest/tasklet.h"
#include "guest/timer.h"
#include "guest/workqueue.h"
#include "tests/fuzz/sched/token.h"
#include "tests/host/machine.h"

#define MESSAGES_MAX PLAN_OPS_MAX
#define DELAY_NS     1000u

enum way {
	WAY_DIRECT,
	WAY_TIMER,
	WAY_IRQ_WORK,
	WAY_CALL,
	WAY_TASKLET,
	WAY_TASKLET_HI,
	WAY_WORK,
	WAY_DELAYED_WORK,
	WAY_RCU = PLAN_WAY_RCU,
	WAY_NMI,
	WAY_LINE,
	WAY_THREADED_LINE,
	WAY_SOFTIRQ,
	WAY_UNBOUND_WORK,
	WAY_ORDERED_WORK,
	WAY_WAKE_Q,
};

/* Of the argument `cpu`: an interrupt on the way raises a softirq, which does the rest. */
#define BY_SOFTIRQ 4u

struct message {
	struct llist_node node; /* in one of the lists below */
	uint8_t target;
	bool arrived;
	bool by_softirq;       /* on the last of its way */
	void (*fn)(void *arg); /* instead of the post; or NULL */
	void *arg;
	struct irq_work irq_work; /* an NMI's too */
	union {
		struct timer timer;
		struct call_single_data call;
		struct tasklet tasklet;
		struct delayed_work work;
		struct rcu_head rcu;
	};
};

static struct message messages[MESSAGES_MAX];
static HOST_STATE struct atomic sent;
static HOST_STATE struct atomic arrived;

/* Messages that wait for an NMI or a softirq of their cpu, or for a line. */
static HOST_STATE struct atomic_ptr nmi_lists[HOST_CPUS_MAX];
static HOST_STATE struct atomic_ptr softirq_lists[HOST_CPUS_MAX];
static HOST_STATE struct atomic_ptr line_lists[2];

static HOST_STATE struct workqueue *unbound;
static HOST_STATE struct workqueue *ordered;

/* ---- at the end of the way ---- */

static void
arrive(struct message *message)
{
	if (message->arrived) {
		host_fail("a message arrives twice");
	}
	message->arrived = true;
	if (message->fn != NULL) {
		message->fn(message->arg);
	} else {
		token_post(message->target, false);
	}
	atomic_fetch_add(&arrived, 1);
}

/* On this cpu. */
static void
raise_here(struct message *message)
{
	preempt_disable();
	llist_add(&softirq_lists[smp_processor_id()], &message->node);
	raise_softirq(BLOCK_SOFTIRQ);
	preempt_enable();
}

static void
arrive_in_irq(struct message *message)
{
	if (message->by_softirq) {
		raise_here(message);
	} else {
		arrive(message);
	}
}

static void
arrive_all(struct atomic_ptr *list)
{
	struct llist_node *node = llist_reverse_order(llist_del_all(list));

	while (node != NULL) { /* bounded: the list's length */
		struct message *message = container_of(node, struct message, node);

		node = node->next;
		arrive(message);
	}
}

/* ---- ways ---- */

static void
by_timer(struct timer *timer)
{
	HOST_EXPECT(in_hardirq());
	arrive_in_irq(container_of(timer, struct message, timer));
}

static void
by_irq_work(struct irq_work *work)
{
	HOST_EXPECT(in_hardirq());
	arrive_in_irq(container_of(work, struct message, irq_work));
}

static void
by_call(struct call_single_data *call)
{
	HOST_EXPECT(arch_irqs_disabled());
	arrive_in_irq(container_of(call, struct message, call));
}

static void
by_tasklet(struct tasklet *tasklet)
{
	HOST_EXPECT(in_serving_softirq());
	arrive(container_of(tasklet, struct message, tasklet));
}

static void
by_work(struct work *work)
{
	HOST_EXPECT(preempt_count() == 0);
	arrive(container_of(work, struct message, work.work));
}

static void
by_rcu(struct rcu_head *head)
{
	arrive(container_of(head, struct message, rcu));
}

/* Handlers of an NMI and of softirqs may find nothing: somebody else's came before. */
static void
by_nmi(void)
{
	struct llist_node *node;

	HOST_EXPECT(in_nmi());
	node = llist_del_all(&nmi_lists[raw_smp_processor_id()]);
	while (node != NULL) { /* bounded: the list's length */
		struct message *message = container_of(node, struct message, node);

		node = node->next;
		irq_work_queue(&message->irq_work);
	}
}

static void
by_softirq(void)
{
	HOST_EXPECT(in_serving_softirq());
	arrive_all(&softirq_lists[smp_processor_id()]);
}

static enum irqreturn
by_line(unsigned int irq, void *unused)
{
	(void)unused;
	arrive_all(&line_lists[irq - IRQ_SOFT0]);
	return IRQ_HANDLED;
}

static void
raise_on(struct message *message, struct atomic_ptr *list, unsigned int cpu, enum irq_kind kind)
{
	llist_add(list, &message->node);
	preempt_disable();
	arch_ipi_send(cpu, kind);
	preempt_enable();
}

static void
send_nmi(struct message *message, unsigned int cpu)
{
	init_irq_work(&message->irq_work, by_irq_work);
	llist_add(&nmi_lists[cpu], &message->node);
	host_nmi_send(cpu);
}

static void
send_tasklet(struct message *message, bool high)
{
	tasklet_setup(&message->tasklet, by_tasklet);
	if (high) {
		tasklet_hi_schedule(&message->tasklet);
	} else {
		tasklet_schedule(&message->tasklet);
	}
}

static void
send_work(struct message *message, struct workqueue *wq, unsigned int cpu)
{
	INIT_WORK(&message->work.work, by_work);
	queue_work_on(cpu, wq, &message->work.work);
}

static void
send_delayed_work(struct message *message, unsigned int cpu)
{
	INIT_DELAYED_WORK(&message->work, by_work);
	queue_delayed_work_on(cpu, system_wq, &message->work, DELAY_NS);
}

static void
send(struct message *message, unsigned int way, unsigned int cpu)
{
	switch (way) {
	case WAY_TIMER:
		timer_init(&message->timer, by_timer);
		timer_start(&message->timer, arch_clock_ns() + DELAY_NS * (1 + cpu));
		break;
	case WAY_IRQ_WORK:
		init_irq_work(&message->irq_work, by_irq_work);
		irq_work_queue_on(&message->irq_work, cpu);
		break;
	case WAY_CALL:
		message->call = (struct call_single_data)CALL_SINGLE_DATA_INIT(by_call);
		smp_call_function_single_async(cpu, &message->call);
		break;
	case WAY_TASKLET:
	case WAY_TASKLET_HI:
		send_tasklet(message, way == WAY_TASKLET_HI);
		break;
	case WAY_WORK:
		send_work(message, system_wq, cpu);
		break;
	case WAY_DELAYED_WORK:
		send_delayed_work(message, cpu);
		break;
	case WAY_RCU:
		call_rcu(&message->rcu, by_rcu);
		break;
	case WAY_NMI:
		send_nmi(message, cpu);
		break;
	case WAY_LINE:
		raise_on(message, &line_lists[0], cpu, IRQ_SOFT0);
		break;
	case WAY_THREADED_LINE:
		raise_on(message, &line_lists[1], cpu, IRQ_SOFT1);
		break;
	case WAY_SOFTIRQ:
		raise_here(message);
		break;
	case WAY_UNBOUND_WORK:
		send_work(message, unbound, WQ_CPU_ANY);
		break;
	default:
		send_work(message, ordered, WQ_CPU_ANY);
		break;
	}
}

static struct message *
message_to(unsigned int target, unsigned int cpu)
{
	struct message *message = &messages[atomic_fetch_add(&sent, 1)];

	message->target = (uint8_t)target;
	message->arrived = false;
	message->by_softirq = cpu & BY_SOFTIRQ;
	message->fn = NULL;
	return message;
}

void
message_post(unsigned int target, unsigned int way, unsigned int cpu)
{
	if (way == WAY_DIRECT || way == WAY_WAKE_Q) {
		token_post(target, way == WAY_WAKE_Q);
	} else {
		send(message_to(target, cpu), way, cpu % cpu_count);
	}
}

void
message_call(void (*fn)(void *arg), void *arg, unsigned int way, unsigned int cpu)
{
	struct message *message = message_to(0, cpu);

	message->fn = fn;
	message->arg = arg;
	send(message, way == WAY_DIRECT || way == WAY_WAKE_Q ? WAY_IRQ_WORK : way, cpu % cpu_count);
}

void
message_send_nmi(unsigned int cpu)
{
	host_nmi_send(cpu % cpu_count);
}

/* ---- the runs ---- */

void
message_boot(void)
{
	open_softirq(BLOCK_SOFTIRQ, by_softirq);
	unbound = alloc_workqueue("unbound", WQ_UNBOUND, 0);
	ordered = alloc_ordered_workqueue("ordered");
	HOST_EXPECT(unbound != NULL && ordered != NULL);
	HOST_EXPECT(request_irq(IRQ_SOFT0, by_line, IRQF_SHARED, "line", &line_lists[0]) == 0);
	HOST_EXPECT(request_threaded_irq(IRQ_SOFT1, NULL, by_line, IRQF_SHARED | IRQF_ONESHOT,
	                                 "thread", &line_lists[1]) == 0);
	host_nmi_handler = by_nmi;
}

void
message_check(void)
{
	if (atomic_load(&sent) != atomic_load(&arrived)) {
		host_fail("%u of %u messages are lost", atomic_load(&sent) - atomic_load(&arrived),
		          atomic_load(&sent));
	}
}
