// SPDX-License-Identifier: ISC
/*
 * Vcpus, and the task's side of running one. A task owns each while it is in vcpu_run(); in there
 * the vcpu is loaded on the task's cpu, and a preempt notifier puts it whenever the task is
 * switched out and loads it where the task comes back. Follows Linux 6.18's virt/kvm/kvm_main.c.
 *
 * Who writes what: mode, the owner, but IN to EXITING, which others do; requests and the wakeup,
 * anyone; the rest, the owner, or who holds the mutex.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/mutex.h"
#include "guest/percpu.h"
#include "guest/preempt_notifier.h"
#include "guest/task.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_exit.h"
#include "guest/vm.h"
#include "guest/wait.h"

/* vcpu->mode. Only the first who makes IN an EXITING sends an interrupt. */
enum vcpu_mode {
	OUTSIDE_GUEST_MODE,
	IN_GUEST_MODE,
	EXITING_GUEST_MODE,
	READING_SHADOW_PAGE_TABLES,
};

/* Why vcpu_run() returned 0. */
enum vcpu_stop {
	VCPU_STOP_NONE,
	VCPU_STOP_SHUTDOWN, /* the payload ended itself; stop_value: what it said */
	VCPU_STOP_FAULT,    /* an exception that the payload does not handle; its vector */
	VCPU_STOP_ERROR,    /* an early fault that it does not handle; its vector */
};

/* An event for the guest, ready to be delivered by the next entry. */
struct vcpu_event {
	bool valid;
	bool is_exception;
	uint8_t vector; /* the guest's */
	uint32_t error;
	uint64_t addr; /* of a page fault */
};

/* vcpu_steal.h. */
struct vcpu_steal {
	uint64_t addr;                /* the guest's, 0: it has not asked */
	struct payload_steal *cached; /* the same in the kernel, or NULL: not valid */
	uint64_t since_ns;            /* preempted; 0: it is not */
	uint64_t total_ns;            /* so far */
	uint32_t version;
};

/*
 * What happened: by the owner, but for the last four. While nobody runs the vcpu: loops == entries
 * + aborts, exits == entries + reentries, early_calls == entries, outs == ins, loads == puts, and
 * ipis
 * <= exiting + waits.
 */
struct vcpu_stats {
	uint64_t loops;
	uint64_t entries;
	uint64_t aborts;
	uint64_t exits;
	uint64_t early_calls;
	uint64_t early_faults; /* that it was charged with */
	uint64_t reentries;    /* x86's fast path */
	uint64_t outs;
	uint64_t ins;
	uint64_t outs_preempted;
	uint64_t loads;
	uint64_t puts;
	uint64_t halts;
	uint64_t guest_ticks;
	struct atomic kicks;   /* asked for */
	struct atomic exiting; /* IN to EXITING */
	struct atomic waits;   /* requests that found it not OUTSIDE, and wait */
	struct atomic ipis;
};

struct vcpu {
	struct vm *vm;
	uint32_t id;
	struct mutex mutex; /* vcpu_run() */
	struct raw_spinlock task_lock;
	struct task *task; /* its owner, while in vcpu_run(); else NULL; under task_lock */

	/* Others look at these, or write them. */
	struct atomic mode;
	struct atomic requests; /* bit n: request n */
	struct atomic cpu;      /* where it is loaded; VCPU_NO_CPU */
	struct atomic preempted;
	struct atomic ready; /* worth a directed yield */
	struct atomic scheduled_out;
	struct atomic pending; /* the guest's interrupts, bit n: vector PAYLOAD_VECTOR_FIRST + n */
	struct atomic in_spin_loop; /* vcpu_on_spin() */
	struct atomic dy_eligible;
	struct atomic paused;
	struct wait_queue_head wait;
	struct atomic resident; /* its entry will see what is pending: nobody need wake it */

	/* The owner's. */
	struct preempt_notifier notifier;
	bool wants_to_run;
	bool immediate_exit; /* the next vcpu_run() returns -EINTR before it enters */
	bool at_instruction_boundary;
	bool in_wfi;        /* interrupts of its devices are the waiter's business */
	bool interrupts_on; /* the guest's own flag */
	bool halted;        /* until it has something to run for */
	int srcu_index;     /* of vm->srcu, while held */
	uint32_t last_entry_cpu;
	uint64_t serial; /* of the entry */
	struct vcpu_exit exit;
	enum early_cause early;      /* came with this exit: it is not emulated */
	struct vcpu_event exception; /* pending; goes before interrupts */
	struct vcpu_event injected;  /* prepared for the entry, which consumes it */
	struct vcpu_steal steal;
	enum vcpu_stop stop;
	uint64_t stop_value;
	uint64_t arg; /* that its payload begins with */
	uint64_t halt_poll_ns;
	struct vcpu_stats stats;
	struct vcpu_device device;
	struct arch_vcpu arch;
	/* What was true at one point of the loop, for the next (vcpu_check.h). */
	struct {
		uint32_t cpu;
		uint64_t outs;
		uint64_t entries;
		uint32_t count;
	} checked;
};

#define VCPU_NO_CPU UINT32_MAX

/* The vcpu that is loaded on this cpu, or NULL. */
DECLARE_PER_CPU(struct vcpu *, running_vcpu);

/*
 * A vcpu of the machine, which starts at the machine's entry with this argument. NULL: no memory,
 * or no room. May sleep.
 */
struct vcpu *vcpu_create(struct vm *vm, uint64_t arg);

/* Nobody runs it, and nobody can find it any more: vm_destroy()'s. May sleep. */
void vcpu_destroy(struct vcpu *vcpu);

/*
 * Current's from here on until vcpu_put(), on whatever cpu it is. Count 0, irqs on; the mutex held.
 */
void vcpu_load(struct vcpu *vcpu);
void vcpu_put(struct vcpu *vcpu);

/* The loaded vcpu of current, or NULL. Any context. Linux's kvm_get_running_vcpu. */
struct vcpu *vcpu_get_running(void);

/*
 * Runs it until something stops it. Returns 0: vcpu->stop says what; -EINTR: a signal is pending
 * for current, or immediate_exit was set; -EIO: its machine is dead. Count 0, irqs on; may sleep.
 * Linux's kvm_arch_vcpu_ioctl_run.
 */
int vcpu_run(struct vcpu *vcpu);

/*
 * Back to the payload's begin, from the owner's loop or, by VCPU_REQ_RESET, from anywhere: loaded
 * state is put and loaded again around it, with preemption off (J36). Loaded; count 0.
 */
void vcpu_reset(struct vcpu *vcpu);
