// SPDX-License-Identifier: ISC
/*
 * Requesting and freeing handlers. Linux's kernel/irq/manage.c.
 */
#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/irq_desc.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/printk.h"

bool
force_irqthreads(void)
{
	return boot_args.threadirqs;
}

static struct irqaction *
alloc_action(const struct irqaction *model)
{
	struct irqaction *action = object_alloc(sizeof(*action));

	if (action != NULL) {
		*action = *model;
	}
	return action;
}

static void
free_action(struct irqaction *action)
{
	if (action->secondary != NULL) {
		object_free(action->secondary, sizeof(*action));
	}
	object_free(action, sizeof(*action));
}

/*
 * The handler goes into the thread, and the line stays masked meanwhile, since nobody has looked at
 * the device. What had both gets a second thread for its second half.
 */
static int
force_thread(struct irqaction *action)
{
	if (!force_irqthreads() || action->handler == irq_default_primary_handler ||
	    action->flags & (IRQF_NO_THREAD | IRQF_PERCPU | IRQF_ONESHOT)) {
		return 0;
	}
	if (action->thread_fn != NULL) {
		action->secondary = alloc_action(action);
		if (action->secondary == NULL) {
			return -ENOMEM;
		}
		action->secondary->handler = irq_forced_secondary_handler;
	}
	action->flags |= IRQF_ONESHOT;
	action->is_forced = true;
	action->thread_fn = action->handler;
	action->handler = irq_default_primary_handler;
	return 0;
}

static bool
agrees(const struct irqaction *a, const struct irqaction *b)
{
	uint32_t both = IRQF_ONESHOT | IRQF_PERCPU;

	return a->flags & b->flags & IRQF_SHARED && (a->flags & both) == (b->flags & both);
}

/* The first bit that no other ONESHOT action of the line has; 0: there is none. */
static uint32_t
free_thread_mask(const struct irq_desc *desc)
{
	uint32_t used = 0;

	for (struct irqaction *action = irq_first_action(desc); action != NULL;
	     action = irq_next_action(action)) {
		used |= action->thread_mask;
	}
	return ~used & (used + 1);
}

/* Behind the others: they were there first. request_mutex held: the list changes under both. */
static int
add_action(struct irq_desc *desc, struct irqaction *action)
{
	struct irqaction *first = irq_first_action(desc);
	struct atomic_ptr *place = &desc->action;
	unsigned long flags;

	if (first != NULL && !agrees(first, action) && !bug(SHARED_IRQ_DISAGREES)) {
		return -EBUSY;
	}
	if (action->flags & IRQF_ONESHOT) {
		action->thread_mask = free_thread_mask(desc);
		if (action->thread_mask == 0) {
			return -EBUSY;
		}
	}
	flags = raw_spin_lock_irqsave(&desc->lock);
	for (; first != NULL; first = irq_next_action(first)) {
		place = &first->next;
	}
	atomic_store_release(place, action);
	if (place == &desc->action) { /* the first: what came before comes now */
		desc->state &= ~IRQS_SPURIOUS_DISABLED;
		desc->depth = 0;
		desc->irq_count = 0;
		desc->unhandled_count = 0;
		irq_resend_locked(desc, action->irq);
	}
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return 0;
}

/* With its thread, which is there before the first interrupt. */
static int
setup_action(struct irq_desc *desc, struct irqaction *action)
{
	int error = force_thread(action);

	if (error == 0) {
		error = irq_thread_create(action);
	}
	if (error != 0) {
		return error;
	}
	mutex_lock(&desc->request_mutex);
	error = add_action(desc, action);
	mutex_unlock(&desc->request_mutex);
	if (error != 0) {
		irq_thread_stop(action);
	}
	return error;
}

static bool
is_sane(const struct irqaction *model)
{
	if (model->flags & IRQF_SHARED && model->dev_id == NULL) {
		return false; /* nobody could tell which one to free */
	}
	if (model->handler == irq_default_primary_handler) {
		/* The line would come again before the thread has run. */
		return model->thread_fn != NULL && model->flags & IRQF_ONESHOT;
	}
	return true;
}

int
request_threaded_irq(unsigned int irq, irq_handler_t handler, irq_handler_t thread_fn,
                     uint32_t flags, const char *name, void *dev_id)
{
	const struct irqaction model = {
		.handler = handler != NULL ? handler : irq_default_primary_handler,
		.thread_fn = thread_fn,
		.dev_id = dev_id,
		.name = name,
		.irq = irq,
		.flags = flags,
	};
	struct irqaction *action;
	int error;

	might_sleep();
	if (!is_sane(&model)) {
		return -EINVAL;
	}
	action = alloc_action(&model);
	if (action == NULL) {
		return -ENOMEM;
	}
	error = setup_action(irq_to_desc(irq), action);
	if (error != 0) {
		free_action(action);
	}
	return error;
}

int
request_irq(unsigned int irq, irq_handler_t handler, uint32_t flags, const char *name, void *dev_id)
{
	return request_threaded_irq(irq, handler, NULL, flags, name, dev_id);
}

/* request_mutex held. */
static struct irqaction *
remove_action(struct irq_desc *desc, const void *dev_id)
{
	unsigned long flags = raw_spin_lock_irqsave(&desc->lock);
	struct irqaction *action = irq_first_action(desc);
	struct atomic_ptr *place = &desc->action;

	while (action != NULL && action->dev_id != dev_id) { /* bounded: the line's handlers */
		place = &action->next;
		action = irq_next_action(action);
	}
	ASSERT(action != NULL); /* else it was freed before, or never requested */
	atomic_store_release(place, irq_next_action(action));
	if (irq_first_action(desc) == NULL) {
		desc->depth = 1;
		desc->state &= ~IRQS_PENDING;
	}
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return action;
}

void
free_irq(unsigned int irq, void *dev_id)
{
	struct irq_desc *desc = irq_to_desc(irq);
	struct irqaction *action;

	might_sleep();
	mutex_lock(&desc->request_mutex);
	action = remove_action(desc, dev_id);
	synchronize_irq(irq);
	irq_thread_stop(action);
	mutex_unlock(&desc->request_mutex);
	free_action(action);
}
