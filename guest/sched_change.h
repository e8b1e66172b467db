// SPDX-License-Identifier: ISC
/*
 * Changes of a living task's scheduling: where it may run, and how nice it is.
 */
#pragma once

#include <stdint.h>

struct task;

/*
 * The task runs on these cpus only (bit n: cpu n): 0, or -EINVAL if none of them is online or it is
 * bound (kthread_bind()). current is on one of them at return, and so is a task that waits or
 * sleeps; one that runs on another cpu moves at its next switch, which is requested. Linux's
 * set_cpus_allowed_ptr. Count 0, irqs on, and current's state RUNNING if it is the task.
 */
int set_cpus_allowed(struct task *task, uint64_t cpus);

/*
 * Changes the nice level, -20 to 19, of a task of the fair class; other classes have none. Linux's
 * set_user_nice. Task context, irqs on.
 */
void set_user_nice(struct task *task, int nice);
