// SPDX-License-Identifier: ISC
#include "vmm/backtrace.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#define PAGE_SIZE 4096ull

bool
backtrace_read(const struct memory *memory, const struct cpu *cpu, uint64_t address, void *buf,
               size_t size)
{
	uint8_t *to = buf;

	while (size > 0) {
		struct kvm_translation translation = { .linear_address = address };
		size_t in_page = PAGE_SIZE - address % PAGE_SIZE;
		size_t chunk = size < in_page ? size : in_page;

		if (ioctl(cpu->fd, KVM_TRANSLATE, &translation) < 0 || !translation.valid ||
		    !memory_read(memory, gpa(translation.physical_address), to, chunk)) {
			return false;
		}
		to += chunk;
		address += chunk;
		size -= chunk;
	}
	return true;
}

static bool
in_long_mode(const struct kvm_sregs *sregs)
{
	const uint64_t efer_lma = 1u << 10;

	return (sregs->efer & efer_lma) != 0 && sregs->cs.l;
}

size_t
backtrace_walk(const struct memory *memory, const struct cpu *cpu, uint64_t rbp,
               const struct kvm_sregs *sregs, uint64_t addresses[BACKTRACE_MAX])
{
	size_t count = 0;

	while (count < BACKTRACE_MAX) {
		uint64_t wide[2] = { 0 }; /* the caller's frame pointer, the return address */
		uint32_t narrow[2];

		if (in_long_mode(sregs)) {
			if (!backtrace_read(memory, cpu, rbp, wide, sizeof(wide))) {
				break;
			}
		} else {
			if (!backtrace_read(memory, cpu, rbp, narrow, sizeof(narrow))) {
				break;
			}
			wide[0] = narrow[0];
			wide[1] = narrow[1];
		}
		if (wide[1] == 0) {
			break;
		}
		addresses[count++] = wide[1];
		if (wide[0] <= rbp) {
			break;
		}
		rbp = wide[0];
	}
	return count;
}
