// SPDX-License-Identifier: ISC
#include "vmm/cpu.h"

#include "vmm/die.h"

#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each completion may reveal one more part of an access; the longest instruction has few. */
#define SETTLE_MAX 16

/* Machine checks as Intel's manual has them; bank 0 has its own rules on some cpus. */
#define MCE_BANK       1u
#define MCE_BANK_COUNT 2u
#define MCG_SER_P      (1ull << 24) /* there are errors that software can recover from */
#define MCG_RIPV       (1ull << 0)
#define MCG_EIPV       (1ull << 1)
#define MCG_MCIP       (1ull << 2)
#define MCI_AR         (1ull << 55)
#define MCI_S          (1ull << 56)
#define MCI_PCC        (1ull << 57)
#define MCI_EN         (1ull << 60)
#define MCI_UC         (1ull << 61)
#define MCI_VAL        (1ull << 63)
#define MCI_DATA_LOAD  0x134u
#define MCI_INTERNAL   0x400u

/*
 * What the kick's handler tells: the kvm_run of the cpu that this thread runs. The handler writes
 * to it and not the kicking thread, so that a cpu's kvm_run has one thread that writes it.
 */
static _Thread_local struct kvm_run *volatile kicked;

static int
kick_signal(void)
{
	return SIGRTMIN;
}

static void
on_kick(int signal)
{
	(void)signal;
	if (kicked != NULL) {
		kicked->immediate_exit = 1;
	}
}

void
cpu_init_kick(void)
{
	/* Without SA_RESTART, so that a write to a slow reader returns as well. */
	struct sigaction action = { .sa_handler = on_kick };

	sigemptyset(&action.sa_mask);
	sigaction(kick_signal(), &action, NULL);
}

void
cpu_kick(pthread_t thread)
{
	pthread_kill(thread, kick_signal());
}

/*
 * The TSCs need no write: KVM synchronizes each new cpu's with those before it, as long as the
 * host's are stable.
 */
void
cpu_create(struct cpu *cpu, struct vm *vm, uint32_t id)
{
	*cpu = (struct cpu){ .id = id, .kvm_size = vm->run_size };
	cpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (cpu->fd < 0) {
		die(EXIT_STATUS_OS, "KVM_CREATE_VCPU %u:", id);
	}
	cpu->kvm = mmap(NULL, cpu->kvm_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (cpu->kvm == MAP_FAILED) {
		die(EXIT_STATUS_OS, "mapping kvm_run of cpu %u:", id);
	}
	cpuid_set_cpu(&vm->cpuid, id);
	if (ioctl(cpu->fd, KVM_SET_CPUID2, &vm->cpuid) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_SET_CPUID2 of cpu %u:", id);
	}
}

void
cpu_destroy(struct cpu *cpu)
{
	munmap(cpu->kvm, cpu->kvm_size);
	close(cpu->fd);
}

void
cpu_set_up_mce(struct cpu *cpu)
{
	uint64_t capabilities = MCG_SER_P | MCE_BANK_COUNT;

	if (ioctl(cpu->fd, KVM_X86_SETUP_MCE, &capabilities) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_X86_SETUP_MCE of cpu %u, for --inject mce:", cpu->id);
	}
}

void
cpu_set_entry(struct cpu *cpu, const struct boot_plan *plan)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &sregs) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_GET_SREGS:");
	}
	boot_set_entry(plan, &sregs, &regs);
	if (ioctl(cpu->fd, KVM_SET_SREGS, &sregs) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_SET_SREGS:");
	}
	if (ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0) {
		die(EXIT_STATUS_NO_KVM, "KVM_SET_REGS:");
	}
}

static struct end
handle_io(struct cpu *cpu, struct devices *devices)
{
	struct end end = { .kind = END_NONE };
	const uint16_t port = cpu->kvm->io.port;
	const uint32_t size = cpu->kvm->io.size;
	uint8_t *data = (uint8_t *)cpu->kvm + cpu->kvm->io.data_offset;

	cpu->is_half_done = true;
	/* A string instruction brings its elements at once, all for the one port. */
	for (uint32_t i = 0; i < cpu->kvm->io.count && end.kind == END_NONE; i++, data += size) {
		if (cpu->kvm->io.direction == KVM_EXIT_IO_OUT) {
			end = devices_out(devices, port, data, size, &cpu->errors);
		} else {
			devices_in(devices, port, data, size);
		}
	}
	if (cpu->errors != 0) {
		/* The next KVM_RUN completes the instruction, and no more. */
		cpu->kvm->immediate_exit = 1;
	}
	return end;
}

static struct end
handle_mmio(struct cpu *cpu)
{
	cpu->is_half_done = true;
	/* Nothing is there: writes are lost, reads find a floating bus. */
	if (!cpu->kvm->mmio.is_write) {
		memset(cpu->kvm->mmio.data, 0xff, sizeof(cpu->kvm->mmio.data));
	}
	return (struct end){ .kind = END_NONE };
}

static struct end
handle_system_event(const struct cpu *cpu)
{
	struct end end = { .kind = END_CRASH };

	if (cpu->kvm->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ||
	    cpu->kvm->system_event.type == KVM_SYSTEM_EVENT_RESET) {
		end.kind = END_GUEST_RESET;
	}
	return end;
}

/* Every exit reason ends in one of these; report.c names those that come to END_CRASH. */
static struct end
handle_exit(struct cpu *cpu, struct devices *devices)
{
	switch (cpu->kvm->exit_reason) {
	case KVM_EXIT_IO:
		return handle_io(cpu, devices);
	case KVM_EXIT_MMIO:
		return handle_mmio(cpu);
	case KVM_EXIT_SYSTEM_EVENT:
		return handle_system_event(cpu);
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return (struct end){ .kind = END_NONE };
	default:
		/*
		 * HLT too: interrupt controllers in the kernel mean that it waits there. The rest
		 * is for features that we do not switch on, or the end of the guest.
		 */
		return (struct end){ .kind = END_CRASH };
	}
}

/* It cannot fail, but where the host's KVM has no NMIs: then the guest does without. */
static void
inject_nmi(struct cpu *cpu)
{
	if (atomic_exchange(&cpu->nmi_is_due, false)) {
		(void)ioctl(cpu->fd, KVM_NMI, 0);
	}
}

/* A cpu that is not ready for it, or has not forgotten the last one, shuts down. */
static void
inject_mce(const struct cpu *cpu, bool is_fatal)
{
	struct kvm_x86_mce mce = {
		.bank = MCE_BANK,
		.status = MCI_VAL | MCI_UC | MCI_EN |
		          (is_fatal ? MCI_PCC | MCI_INTERNAL : MCI_S | MCI_AR | MCI_DATA_LOAD),
		.mcg_status = MCG_MCIP | (is_fatal ? 0 : MCG_RIPV | MCG_EIPV),
	};

	/* It refuses only a bank that is not there. */
	(void)ioctl(cpu->fd, KVM_X86_SET_MCE, &mce);
}

static void
inject_errors(struct cpu *cpu)
{
	if (cpu->errors & 1u << DOORBELL_INJECT_NMI) {
		(void)ioctl(cpu->fd, KVM_NMI, 0);
	}
	if (cpu->errors & 1u << DOORBELL_INJECT_MCE) {
		inject_mce(cpu, false);
	}
	if (cpu->errors & 1u << DOORBELL_INJECT_MCE_FATAL) {
		inject_mce(cpu, true);
	}
	cpu->errors = 0;
}

static void
unblock_kick(void)
{
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, kick_signal());
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
}

struct end
cpu_run(struct cpu *cpu, struct devices *devices, const atomic_bool *stop)
{
	struct end end = { .kind = END_NONE };

	/* A kick that came earlier is pending; from here on it finds the kvm_run to write to. */
	kicked = cpu->kvm;
	unblock_kick();
	/*
	 * The stopper sets *stop, then kicks. If the kick comes after this load and before KVM_RUN,
	 * immediate_exit turns that KVM_RUN back. So it is with an NMI.
	 */
	while (end.kind == END_NONE && !atomic_load(stop)) {
		inject_nmi(cpu);
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			cpu->is_half_done = false;
			end = handle_exit(cpu, devices);
		} else if (errno == EINTR) {
			cpu->is_half_done = false;
			cpu->kvm->immediate_exit = 0;
			inject_errors(cpu);
		} else if (errno != EAGAIN) {
			end.kind = END_RUN_FAILED;
			end.error = errno;
		}
	}
	kicked = NULL;
	end.cpu = cpu->id;
	return end;
}

void
cpu_settle(struct cpu *cpu)
{
	for (unsigned int i = 0; cpu->is_half_done && i < SETTLE_MAX; i++) {
		cpu->kvm->immediate_exit = 1;
		cpu->is_half_done =
			ioctl(cpu->fd, KVM_RUN, 0) == 0 && (cpu->kvm->exit_reason == KVM_EXIT_IO ||
		                                            cpu->kvm->exit_reason == KVM_EXIT_MMIO);
	}
	cpu->kvm->immediate_exit = 0;
}
