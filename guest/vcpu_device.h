// SPDX-License-Identifier: ISC
/*
 * What the vcpus of a machine share beside memory (payload_abi.h): a console, a doorbell and a page
 * of registers; and a timer and an MSR of each. A line of the console is said when it is whole, as
 * one, with the number of its vcpu.
 *
 * Accesses are the owner's, from handle_exit(): count 0, irqs on. What is in a machine is changed
 * by single atomic operations, what is in a vcpu by its owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/timer.h"

#define VCPU_LINE_SIZE 80u /* bytes */

struct vcpu;
struct vm;

struct vcpu_device {
	struct timer timer;
	uint64_t msr;
	uint32_t line_length;
	char line[VCPU_LINE_SIZE];
};

/* For vm_create() and vm_destroy(); false: no memory. Any context but NMI. */
bool vm_devices_init(struct vm *vm);
void vm_devices_free(struct vm *vm);

/*
 * For vcpu_create(), and for vcpu_destroy() before anything else of the vcpu goes: at return its
 * timer's function is not running, and will not. Any context but NMI.
 */
void vcpu_device_init(struct vcpu *vcpu);
void vcpu_device_end(struct vcpu *vcpu);

/* size: 1, 2, 4 or 8 bytes; values have no more. */
uint64_t vcpu_port_in(struct vcpu *vcpu, uint64_t port, unsigned int size);
void vcpu_port_out(struct vcpu *vcpu, uint64_t port, unsigned int size, uint64_t value);
uint64_t vcpu_mmio_read(struct vcpu *vcpu, uint64_t addr, unsigned int size);
void vcpu_mmio_write(struct vcpu *vcpu, uint64_t addr, unsigned int size, uint64_t value);

/* false: there is no such register, or not for this. */
bool vcpu_msr_read(struct vcpu *vcpu, uint64_t msr, uint64_t *value);
bool vcpu_msr_write(struct vcpu *vcpu, uint64_t msr, uint64_t value);

/* PAYLOAD_VECTOR_TIMER for the vcpu in so many ns, instead of what was asked before. */
void vcpu_timer_set(struct vcpu *vcpu, uint64_t ns);

/* Nanoseconds since the machine's start. */
uint64_t vm_time_ns(const struct vm *vm);

/* Says what it has of a line: nothing will follow. */
void vcpu_console_end(struct vcpu *vcpu);
