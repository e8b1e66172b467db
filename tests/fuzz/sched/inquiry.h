// SPDX-License-Identifier: ISC
/*
 * Questions that a task has answered elsewhere, and waits for: each with an object of its own,
 * which nobody else knows, so that one store or wakeup that is lost is missed. Answers are plain
 * stores, where the kernel has a barrier for them; signals, which end the waits that they may end
 * and no others; or the answer and a signal behind it, of which the answer is what is told.
 */
#pragma once

#include <stdbool.h>

/* Before each run. alone: no other signals are sent in it. */
void inquiry_prepare(bool alone);

/* how: INQUIRY_HOWS; way and cpu: of the answer (message.h). Count 0, irqs on. */
void inquiry_make(unsigned int how, unsigned int way, unsigned int cpu);
#define INQUIRY_HOWS 16
