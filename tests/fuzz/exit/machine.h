// SPDX-License-Identifier: ISC
/*
 * The machine of fuzz_exit: as vmm/machine.c puts it together, without KVM, around a guest of few
 * KiB.
 */
#pragma once

#include "vmm/machine.h"

#include "tests/fuzz/exit/guest.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

extern struct machine exit_machine;
extern struct options exit_options;                   /* its options */
extern struct kvm_run *exit_kvm_runs[GUEST_CPUS_MAX]; /* of its cpus */

/* Once. */
void exit_machine_begin(void);

/* One that has not run yet, and exit_run at its input's start. The bytes must outlive the run. */
void exit_machine_set_up(const uint8_t *data, size_t size);
