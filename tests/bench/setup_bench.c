// SPDX-License-Identifier: ISC
/*
 * What our set-up costs beyond the ioctls that any VMM needs for the same machine: 50 pairs, bare
 * and full in turn, each in a fresh process state as far as KVM is concerned (all descriptors and
 * memory are given back outside of the measured time). Prints both medians and their ratio; judges
 * nothing.
 *
 * Some of the calls wait for an RCU grace period and take either 0.1 or 7 ms: medians, not means.
 *
 * setup_bench GUEST.ELF [CPUS]
 */
#include "vmm/cpuid.h"
#include "vmm/die.h"
#include "vmm/machine.h"
#include "vmm/options.h"

#include "shared/boot_abi.h"
#include "shared/scenario_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAIRS  50
#define WARMUP 3

struct bare { /* what the bare sequence leaves behind */
	int kvm_fd, vm_fd;
	int cpu_fds[BOOT_CPUS_MAX];
	void *runs[BOOT_CPUS_MAX];
	int run_size;
	void *memory;
};

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int
checked(int result, const char *what)
{
	if (result < 0) {
		die(EXIT_STATUS_NO_KVM, "%s:", what);
	}
	return result;
}

static void
bare_cpu(struct bare *bare, uint32_t i, struct cpuid_table *cpuid)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rflags = 2 };

	bare->cpu_fds[i] = checked(ioctl(bare->vm_fd, KVM_CREATE_VCPU, (unsigned long)i), "vcpu");
	bare->runs[i] = mmap(NULL, (size_t)bare->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
	                     bare->cpu_fds[i], 0);
	checked(ioctl(bare->cpu_fds[i], KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	if (i == 0) {
		checked(ioctl(bare->cpu_fds[i], KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
		checked(ioctl(bare->cpu_fds[i], KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
		checked(ioctl(bare->cpu_fds[i], KVM_SET_REGS, &regs), "KVM_SET_REGS");
	}
}

static void
bare_create(struct bare *bare, const struct options *options)
{
	static struct cpuid_table cpuid;
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_userspace_memory_region slot = { .memory_size = options->memory_size };

	bare->kvm_fd = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	bare->run_size = checked(ioctl(bare->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0), "size");
	bare->vm_fd = checked(ioctl(bare->kvm_fd, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	/* The slot before the chips, as vm.c says. */
	bare->memory = mmap(NULL, options->memory_size, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	slot.userspace_addr = (uint64_t)(uintptr_t)bare->memory;
	checked(ioctl(bare->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot), "slot");
	checked(ioctl(bare->vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000ul), "KVM_SET_TSS_ADDR");
	checked(ioctl(bare->vm_fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	checked(ioctl(bare->vm_fd, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	cpuid.nent = CPUID_ENTRIES_MAX;
	checked(ioctl(bare->kvm_fd, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
	for (uint32_t i = 0; i < options->cpu_count; i++) {
		bare_cpu(bare, i, &cpuid);
	}
}

static void
bare_destroy(struct bare *bare, const struct options *options)
{
	for (uint32_t i = 0; i < options->cpu_count; i++) {
		munmap(bare->runs[i], (size_t)bare->run_size);
		close(bare->cpu_fds[i]);
	}
	close(bare->vm_fd);
	close(bare->kvm_fd);
	munmap(bare->memory, options->memory_size);
}

static double
measure_bare(const struct options *options)
{
	static struct bare bare;
	double start = now_us(), end;

	bare_create(&bare, options);
	end = now_us();
	bare_destroy(&bare, options);
	return end - start;
}

static double
measure_full(const struct options *options)
{
	static struct machine machine;
	double start = now_us(), end;

	machine_plan(&machine, options);
	machine_create(&machine, STDOUT_FILENO);
	end = now_us();
	machine_destroy(&machine);
	return end - start;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values)
{
	qsort(values, PAIRS, sizeof(values[0]), compare);
	return (values[PAIRS / 2 - 1] + values[PAIRS / 2]) / 2;
}

int
main(int argc, char **argv)
{
	double bare_us[PAIRS], full_us[PAIRS];
	struct options options = { 0 };

	if (argc < 2) {
		die(EXIT_STATUS_USAGE, "usage: setup_bench GUEST.ELF [CPUS]");
	}
	options.image = argv[1];
	options.memory_size = OPTIONS_MEMORY_DEFAULT;
	options.cpu_count = argc > 2 ? (uint32_t)atoi(argv[2]) : OPTIONS_CPUS_DEFAULT;
	if (options.cpu_count < 1 || options.cpu_count > BOOT_CPUS_MAX) {
		die(EXIT_STATUS_USAGE, "setup_bench: 1 to %u cpus", BOOT_CPUS_MAX);
	}
	for (int i = -WARMUP; i < PAIRS; i++) {
		double bare = measure_bare(&options);
		double full = measure_full(&options);

		if (i >= 0) {
			bare_us[i] = bare;
			full_us[i] = full;
		}
	}
	printf("set-up to the first KVM_RUN, %u cpus, %d pairs: bare %.0f us, full %.0f us "
	       "(medians), ratio %.2f\n",
	       options.cpu_count, PAIRS, median(bare_us), median(full_us),
	       median(full_us) / median(bare_us));
	printf("fastest: bare %.0f us, full %.0f us, ratio %.2f\n", bare_us[0], full_us[0],
	       full_us[0] / bare_us[0]);
	return EXIT_STATUS_OK;
}
