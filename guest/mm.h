// SPDX-License-Identifier: ISC
/*
 * Address spaces of user tasks: the lower half, page by page; the upper half is the kernel's in all
 * of them.
 *
 * A kernel thread has none and keeps the one that is loaded (Linux's lazy TLB), so that going from
 * a user task to a kernel thread and back loads nothing. So each cpu holds a reference to what it
 * has loaded, beside those of the tasks; the last one to go frees it, off it. What a switch unloads
 * is put by the task that it goes to, on its way to user code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/percpu.h"
#include "guest/spinlock.h"

struct task;

struct mm {
	struct atomic refcount;
	struct raw_spinlock lock; /* mapping */
	uint64_t stacks;          /* bit n: the n-th is handed out; under lock */
	struct arch_mm arch;
};

#define MM_STACKS_MAX 64u /* the bits of stacks */

/* An empty address space with one reference, or NULL: no memory. Any context but NMI. */
struct mm *mm_create(void);

void mm_get(struct mm *mm);

/* Any context but NMI. */
void mm_put(struct mm *mm);

/*
 * Maps a zeroed page at a page-aligned va of the user's half, where there is none. prot:
 * ARCH_PROT_*, not both WRITE and EXEC. Returns its kernel address, or NULL: no memory. Any context
 * but NMI.
 */
void *mm_map_page(struct mm *mm, uintptr_t va, unsigned int prot);

/*
 * The same, for the memory of a guest, who may have a page both: that is a mapping of ring 3 alone,
 * and the kernel's own one of the page is not executable, as of any page.
 */
void *mm_map_guest_page(struct mm *mm, uintptr_t va, unsigned int prot);

/*
 * A new stack for a task: its top, or 0: no memory, or MM_STACKS_MAX are out. It has a page, and
 * grows; below its place lies a page that is never mapped. Any context but NMI.
 */
uintptr_t mm_map_stack(struct mm *mm);

/* Gives back a stack, by its top, that nobody has run on. Any context but NMI. */
void mm_put_stack(struct mm *mm, uintptr_t top);

/*
 * Nothing is mapped at addr, or was a moment ago. If it is in the place of a stack that was handed
 * out, there is a page now: true. false: it is not, or there is no memory. Any context but NMI.
 */
bool mm_grow_stack(struct mm *mm, uintptr_t addr);

/* Is addr in the guard page below some stack's place? Any context. */
bool mm_is_stack_guard(uintptr_t addr);

/*
 * The kernel address of the byte that user address va means there, or NULL: not mapped (not for
 * writing, if write is asked). Stays as long as the caller has a reference. Any context.
 */
void *mm_find(const struct mm *mm, uintptr_t va, bool write);

/*
 * In the switch: what one of the two keeps in the machine that the other would spoil. One of them
 * is a user task. irqs off, rq->lock held.
 */
void mm_switch(struct task *prev, struct task *next);

/* Puts what a switch to current has unloaded, if anything. User task, count 0, irqs on. */
void mm_put_retired(void);

/* Current, which goes to its end, gives its address space up, and the cpu unloads it. Count 0. */
void mm_exit(void);

/* This cpu gives up what it has loaded but does not need. Linux's leave_mm. Kernel thread. */
void leave_mm(void);
