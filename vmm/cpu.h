// SPDX-License-Identifier: ISC
/*
 * A cpu of the guest: one KVM vCPU, run by one thread of ours until the run ends.
 */
#pragma once

#include "vmm/boot.h"
#include "vmm/devices.h"
#include "vmm/end.h"
#include "vmm/vm.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cpu {
	uint32_t id; /* its APIC id too; 0 boots */
	int fd;
	uint32_t kvm_size;
	struct kvm_run *kvm; /* shared with the kernel; read after KVM_RUN returned */

	atomic_bool nmi_is_due; /* set by any thread, which then kicks */

	/* Of the thread that runs it; others look once it was joined. */
	uint32_t errors;   /* bit DOORBELL_INJECT_*: come as soon as the instruction is complete */
	bool is_half_done; /* the last instruction's I/O completes only at the next KVM_RUN */
};

/* Creates cpu `id` of the machine in its reset state. Dies if KVM refuses. */
void cpu_create(struct cpu *cpu, struct vm *vm, uint32_t id);
void cpu_destroy(struct cpu *cpu);

/* It can be given machine checks from here on. Before it runs. Dies if KVM refuses. */
void cpu_set_up_mce(struct cpu *cpu);

/* Only for cpu 0: the others wait for INIT-SIPI, which KVM sees to. */
void cpu_set_entry(struct cpu *cpu, const struct boot_plan *plan);

/*
 * Runs it on the calling thread until it ends the run, or until *stop is set and the thread was
 * kicked: END_NONE then. Blocks no signal but unblocks the kick's.
 */
struct end cpu_run(struct cpu *cpu, struct devices *devices, const atomic_bool *stop);

/* Once a process, before the first cpu_run(), with the kick's signal blocked. */
void cpu_init_kick(void);

/* Makes cpu_run() on that thread look at *stop, whatever it is doing. Any thread. */
void cpu_kick(pthread_t thread);

/*
 * Completes the instruction that the cpu left off in, so that its registers can be read. Only when
 * no thread runs it.
 */
void cpu_settle(struct cpu *cpu);
