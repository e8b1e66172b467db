// SPDX-License-Identifier: ISC
#include "vmm/vm.h"

#include "vmm/die.h"

#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KVM_PATH "/dev/kvm"

/* Pages that Intel's KVM needs for itself, between the interrupt controllers and 4 GiB. */
#define IDENTITY_MAP_ADDRESS 0xfffbc000ul
#define TSS_ADDRESS          0xfffbd000ul

struct capability {
	uint32_t cap;
	const char *name;
	const char *why;
};

#define CAPABILITY(cap, why)   \
	{                      \
		cap, #cap, why \
	}
static const struct capability needed[] = {
	CAPABILITY(KVM_CAP_USER_MEMORY, "guest memory"),
	CAPABILITY(KVM_CAP_IRQCHIP, "interrupt controllers in the kernel"),
	CAPABILITY(KVM_CAP_PIT2, "the timer that guests calibrate by"),
	CAPABILITY(KVM_CAP_SET_TSS_ADDR, "real mode on Intel"),
	CAPABILITY(KVM_CAP_SET_IDENTITY_MAP_ADDR, "real mode on Intel"),
	CAPABILITY(KVM_CAP_EXT_CPUID, "the cpus' features"),
	CAPABILITY(KVM_CAP_SIGNAL_MSI, "telling the guest of events"),
	CAPABILITY(KVM_CAP_MP_STATE, "application processors"),
	CAPABILITY(KVM_CAP_IMMEDIATE_EXIT, "stopping a cpu without a race"),
	CAPABILITY(KVM_CAP_NR_MEMSLOTS, "memory slots"),
	CAPABILITY(KVM_CAP_MAX_VCPUS, "cpus"),
};
#define NEEDED_COUNT (sizeof(needed) / sizeof(needed[0]))

static _Noreturn void
die_unopenable(void)
{
	switch (errno) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		die(EXIT_STATUS_NO_KVM,
		    "no " KVM_PATH ": load a KVM module (modprobe kvm_intel, kvm_amd or kvm_pvm); "
		    "in a virtual machine, switch nested virtualization on");
	case EACCES:
	case EPERM:
		die(EXIT_STATUS_NO_KVM, "no permission to open " KVM_PATH ": join its group "
		                        "(usermod -aG kvm $USER, then log in again)");
	default:
		die(EXIT_STATUS_NO_KVM, "cannot open " KVM_PATH ":");
	}
}

static int
capability(int kvm_fd, uint32_t cap)
{
	return ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap);
}

/* How much of a capability this machine needs: some are counts. */
static int
minimum(uint32_t cap, uint32_t cpu_count)
{
	switch (cap) {
	case KVM_CAP_MAX_VCPUS:
		return (int)cpu_count;
	case KVM_CAP_NR_MEMSLOTS:
		return MEMORY_RANGES;
	default:
		return 1;
	}
}

static void
check_capabilities(int kvm_fd, uint32_t cpu_count)
{
	bool is_complete = true;

	if (ioctl(kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		die(EXIT_STATUS_NO_KVM,
		    KVM_PATH " is not KVM, or speaks another version of its API");
	}
	for (size_t i = 0; i < NEEDED_COUNT; i++) {
		int least = minimum(needed[i].cap, cpu_count);
		int found = capability(kvm_fd, needed[i].cap);

		if (found < least) {
			warn("KVM lacks %s (%s): need %d, have %d", needed[i].name, needed[i].why,
			     least, found < 0 ? 0 : found);
			is_complete = false;
		}
	}
	if (!is_complete) {
		die(EXIT_STATUS_NO_KVM, "this host's KVM cannot run the machine: see above");
	}
}

static void
create_chips(int vm_fd)
{
	uint64_t identity_map = IDENTITY_MAP_ADDRESS;
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (ioctl(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_SET_IDENTITY_MAP_ADDR:");
	}
	if (ioctl(vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_SET_TSS_ADDR:");
	}
	if (ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_CREATE_IRQCHIP:");
	}
	if (ioctl(vm_fd, KVM_CREATE_PIT2, &pit) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_CREATE_PIT2:");
	}
}

static void
create_slots(struct vm *vm, uint64_t memory_size)
{
	int error = memory_init(&vm->memory, memory_size);

	if (error != 0) {
		errno = -error;
		die(EXIT_STATUS_OS,
		    "%llu MiB of guest memory:", (unsigned long long)memory_size >> 20);
	}
	for (uint32_t i = 0; i < MEMORY_RANGES; i++) {
		const struct memory_range *range = &vm->memory.ranges[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.guest_phys_addr = range->base,
			.memory_size = range->size,
			.userspace_addr = (uint64_t)(uintptr_t)range->host,
		};

		if (range->size > 0 && ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0) {
			die(EXIT_STATUS_OS, "KVM_SET_USER_MEMORY_REGION:");
		}
	}
}

static void
create_machine(struct vm *vm, uint64_t memory_size)
{
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_CREATE_VM:");
	}
	/*
	 * The slots first: with nothing else in the VM their RCU grace period is over at once;
	 * after KVM_CREATE_IRQCHIP it takes some 7 ms, which is most of a start.
	 */
	create_slots(vm, memory_size);
	create_chips(vm->fd);
}

void
vm_create(struct vm *vm, uint32_t cpu_count, uint64_t memory_size)
{
	int run_size;

	vm->kvm_fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0) {
		die_unopenable();
	}
	check_capabilities(vm->kvm_fd, cpu_count);
	vm->has_tsc_deadline = capability(vm->kvm_fd, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	run_size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_size < (int)sizeof(struct kvm_run)) {
		die(EXIT_STATUS_NO_KVM, "KVM_GET_VCPU_MMAP_SIZE: %d bytes", run_size);
	}
	vm->run_size = (uint32_t)run_size;
	create_machine(vm, memory_size);
	vm->cpuid.nent = CPUID_ENTRIES_MAX;
	if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, &vm->cpuid) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_GET_SUPPORTED_CPUID:");
	}
	cpuid_init(&vm->cpuid, cpu_count, vm->has_tsc_deadline);
}

static void
check_error(const struct vm *vm, uint32_t left, uint32_t what, uint32_t cap, const char *name)
{
	if (left & 1u << what && capability(vm->kvm_fd, cap) <= 0) {
		die(EXIT_STATUS_NO_KVM,
		    "this host's KVM has no %s for a guest: run it without --inject", name);
	}
}

void
vm_check_inject(const struct vm *vm, const struct inject *inject)
{
	uint32_t left = inject_left(inject);

	check_error(vm, left, DOORBELL_INJECT_NMI, KVM_CAP_USER_NMI, "NMIs");
	check_error(vm, left, DOORBELL_INJECT_MCE, KVM_CAP_MCE, "machine checks");
	check_error(vm, left, DOORBELL_INJECT_MCE_FATAL, KVM_CAP_MCE, "machine checks");
}

void
vm_destroy(struct vm *vm)
{
	close(vm->fd);
	close(vm->kvm_fd);
	memory_destroy(&vm->memory);
}

static uint64_t
tsc_hz(int fd)
{
	int khz = ioctl(fd, KVM_GET_TSC_KHZ, 0);

	return khz > 0 ? (uint64_t)khz * 1000 : 0;
}

uint64_t
vm_probe_tsc_hz(void)
{
	int kvm_fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);
	int vm_fd = kvm_fd < 0 ? -1 : ioctl(kvm_fd, KVM_CREATE_VM, 0);
	uint64_t hz = vm_fd < 0 ? 0 : tsc_hz(vm_fd);
	int cpu_fd = vm_fd < 0 || hz != 0 ? -1 : ioctl(vm_fd, KVM_CREATE_VCPU, 0);

	if (cpu_fd >= 0) {
		hz = tsc_hz(cpu_fd);
		close(cpu_fd);
	}
	if (vm_fd >= 0) {
		close(vm_fd);
	}
	if (kvm_fd >= 0) {
		close(kvm_fd);
	}
	return hz;
}

uint64_t
vm_tsc_hz(const struct vm *vm, int cpu_fd)
{
	uint64_t hz = tsc_hz(vm->fd);

	return hz != 0 ? hz : tsc_hz(cpu_fd);
}

void
vm_print_capabilities(const struct vm *vm)
{
	for (size_t i = 0; i < NEEDED_COUNT; i++) {
		fprintf(stderr, "vmm:   %-32s %6d  %s\n", needed[i].name,
		        capability(vm->kvm_fd, needed[i].cap), needed[i].why);
	}
	fprintf(stderr, "vmm:   %-32s %6d  %s\n", "KVM_CAP_TSC_DEADLINE_TIMER",
	        vm->has_tsc_deadline, "wanted, not needed");
}
