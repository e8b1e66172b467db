// SPDX-License-Identifier: ISC
#define _GNU_SOURCE /* sigabbrev_np */
#include "vmm/report.h"

#include "vmm/backtrace.h"
#include "vmm/die.h"
#include "vmm/exits.h"
#include "vmm/symbols.h"
#include "vmm/trace.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define NAME_MAX_LENGTH 64 /* "0x%016x name" stays within a line */
#define CODE_BYTES      15 /* the longest instruction */
#define LAST_RECORDS    12

struct report { /* what all its parts need */
	struct machine *machine;
	struct symbols *symbols;
};

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
};

static bool
read_state(struct cpu *cpu, struct state *state)
{
	cpu_settle(cpu);
	return ioctl(cpu->fd, KVM_GET_REGS, &state->regs) == 0 &&
	       ioctl(cpu->fd, KVM_GET_SREGS, &state->sregs) == 0;
}

static void
print_name(const struct report *report, const char *before, uint64_t address)
{
	char name[NAME_MAX_LENGTH];

	fprintf(stderr, "%s0x%016llx  %s\n", before, (unsigned long long)address,
	        symbols_format(report->symbols, address, name, sizeof(name)));
}

static void
print_registers(const struct state *state)
{
	const struct kvm_regs *r = &state->regs;
	const struct kvm_sregs *s = &state->sregs;
	const struct {
		const char *name;
		uint64_t value;
	} registers[] = {
		{ "rax", r->rax },    { "rbx", r->rbx },     { "rcx", r->rcx },
		{ "rdx", r->rdx },    { "rsi", r->rsi },     { "rdi", r->rdi },
		{ "rbp", r->rbp },    { "rsp", r->rsp },     { "r8 ", r->r8 },
		{ "r9 ", r->r9 },     { "r10", r->r10 },     { "r11", r->r11 },
		{ "r12", r->r12 },    { "r13", r->r13 },     { "r14", r->r14 },
		{ "r15", r->r15 },    { "cr0", s->cr0 },     { "cr2", s->cr2 },
		{ "cr3", s->cr3 },    { "cr4", s->cr4 },     { "efr", s->efer },
		{ "rfl", r->rflags }, { "gsb", s->gs.base }, { "fsb", s->fs.base },
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		fprintf(stderr, "  %s %016llx%s", registers[i].name,
		        (unsigned long long)registers[i].value, i % 4 == 3 ? "\n" : "");
	}
	fprintf(stderr, "  cs %04x  ss %04x  ds %04x  tr %04x  cr8 %llx  idt %016llx/%04x\n",
	        s->cs.selector, s->ss.selector, s->ds.selector, s->tr.selector,
	        (unsigned long long)s->cr8, (unsigned long long)s->idt.base, s->idt.limit);
}

static void
print_code(const struct report *report, const struct cpu *cpu, const struct state *state)
{
	uint64_t address = state->sregs.cs.base + state->regs.rip;
	uint8_t code[CODE_BYTES];
	size_t count = 0;

	/* Byte by byte: an instruction may end at the last readable one. */
	while (count < CODE_BYTES &&
	       backtrace_read(&report->machine->vm.memory, cpu, address + count, &code[count], 1)) {
		count++;
	}
	fprintf(stderr, "  code");
	for (size_t i = 0; i < count; i++) {
		fprintf(stderr, " %02x", code[i]);
	}
	fprintf(stderr, "%s\n", count == 0 ? " cannot be read" : "");
}

static void
print_backtrace(const struct report *report, const struct cpu *cpu, const struct state *state)
{
	uint64_t addresses[BACKTRACE_MAX];
	size_t count = backtrace_walk(&report->machine->vm.memory, cpu, state->regs.rbp,
	                              &state->sregs, addresses);

	fprintf(stderr, "  backtrace\n");
	print_name(report, "    ", state->regs.rip);
	for (size_t i = 0; i < count; i++) {
		print_name(report, "    ", symbols_call_of(report->symbols, addresses[i]));
	}
}

/* A cpu that did not end the run: one line, and what a running one is doing if that is asked. */
static void
print_where(const struct report *report, struct cpu *cpu, bool with_backtrace)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	char name[NAME_MAX_LENGTH];
	struct state state;

	if (!read_state(cpu, &state) || ioctl(cpu->fd, KVM_GET_MP_STATE, &mp) < 0) {
		fprintf(stderr, "vmm: cpu %u: its state cannot be read\n", cpu->id);
	} else if (mp.mp_state == KVM_MP_STATE_UNINITIALIZED) {
		fprintf(stderr, "vmm: cpu %u waits for INIT-SIPI\n", cpu->id);
	} else {
		fprintf(stderr, "vmm: cpu %u at 0x%016llx  %s%s\n", cpu->id,
		        (unsigned long long)state.regs.rip,
		        symbols_format(report->symbols, state.regs.rip, name, sizeof(name)),
		        mp.mp_state == KVM_MP_STATE_HALTED ? "  (halted)" : "");
		if (with_backtrace && mp.mp_state != KVM_MP_STATE_HALTED) {
			print_backtrace(report, cpu, &state);
		}
	}
}

static void
print_cpu(const struct report *report, struct cpu *cpu)
{
	struct state state;

	if (!read_state(cpu, &state)) {
		fprintf(stderr, "vmm: its registers cannot be read: %s\n", strerror(errno));
		return;
	}
	print_name(report, "  rip ", state.regs.rip);
	print_registers(&state);
	print_code(report, cpu, &state);
	print_backtrace(report, cpu, &state);
}

static void
print_last_records(const struct report *report, const struct cpu *cpu)
{
	struct trace_record records[LAST_RECORDS];
	uint64_t tsc_hz = 0;
	size_t count = trace_read_last(&report->machine->vm.memory, &report->machine->plan.trace,
	                               cpu->id, records, LAST_RECORDS, &tsc_hz);

	if (count != 0) {
		fprintf(stderr, "  last trace records\n");
		trace_print(stderr, records, count, tsc_hz);
	}
}

static void
print_internal_error(const struct kvm_run *kvm)
{
	uint32_t count = kvm->internal.ndata;
	const uint32_t room = sizeof(kvm->internal.data) / sizeof(kvm->internal.data[0]);

	fprintf(stderr, "  suberror %u: %s\n", kvm->internal.suberror,
	        exits_suberror_name(kvm->internal.suberror));
	for (uint32_t i = 0; i < count && i < room; i++) {
		fprintf(stderr, "%s%016llx%s", i % 4 == 0 ? "  data " : " ",
		        (unsigned long long)kvm->internal.data[i],
		        i % 4 == 3 || i + 1 == count || i + 1 == room ? "\n" : "");
	}
}

static void
print_exit(const struct cpu *cpu)
{
	const struct kvm_run *kvm = cpu->kvm;
	const char *name = exits_name(kvm->exit_reason);
	const char *meaning = exits_meaning(kvm->exit_reason);

	if (name == NULL) {
		warn("guest crashed on cpu %u: exit reason %u", cpu->id, kvm->exit_reason);
	} else if (meaning == NULL) {
		warn("guest crashed on cpu %u: %s, which nothing here asked for", cpu->id, name);
	} else {
		warn("guest crashed on cpu %u: %s (%s)", cpu->id, name, meaning);
	}
	switch (kvm->exit_reason) {
	case KVM_EXIT_UNKNOWN:
		fprintf(stderr, "  hardware reason 0x%llx\n",
		        (unsigned long long)kvm->hw.hardware_exit_reason);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		fprintf(stderr, "  hardware reason 0x%llx, host cpu %u\n",
		        (unsigned long long)kvm->fail_entry.hardware_entry_failure_reason,
		        kvm->fail_entry.cpu);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		print_internal_error(kvm);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		fprintf(stderr, "  %s\n", exits_event_name(kvm->system_event.type));
		break;
	default:
		break;
	}
}

/* `but` is the cpu that has been reported already, or none of them. */
static void
print_others(const struct report *report, uint32_t but, bool with_backtrace)
{
	for (uint32_t i = 0; i < report->machine->options->cpu_count; i++) {
		if (i != but) {
			print_where(report, &report->machine->cpus[i], with_backtrace);
		}
	}
}

/* The guest's word, and only that: it may have counted wrong. */
static void
print_preempt_disable(const struct report *report, const struct end *end)
{
	char name[NAME_MAX_LENGTH];

	if (end->preempt_disable_ip != 0) {
		fprintf(stderr, "  preemption disabled at %s\n",
		        symbols_format(report->symbols, end->preempt_disable_ip, name,
		                       sizeof(name)));
	}
}

/* The code that took the locks of which the guest's last words speak. */
static void
print_places(const struct report *report)
{
	uint64_t places[DOORBELL_PLACES_MAX];
	uint32_t count = devices_places(&report->machine->devices, places);

	if (count != 0) {
		fprintf(stderr, "  places in the guest's last words\n");
	}
	for (uint32_t i = 0; i < count; i++) {
		print_name(report, "    ", symbols_call_of(report->symbols, places[i]));
	}
}

static void
print_crash(const struct report *report, const struct end *end)
{
	struct cpu *cpu = &report->machine->cpus[end->cpu];

	switch (end->kind) {
	case END_GUEST_PANIC:
		warn("guest panic on cpu %u", cpu->id);
		break;
	case END_RUN_FAILED:
		warn("guest crashed on cpu %u: KVM_RUN: %s", cpu->id, strerror(end->error));
		break;
	default:
		print_exit(cpu);
		break;
	}
	print_cpu(report, cpu);
	print_preempt_disable(report, end);
	print_places(report);
	print_last_records(report, cpu);
	print_others(report, end->cpu, false);
}

void
report_end(struct machine *machine, const struct end *end)
{
	struct report report = { .machine = machine };

	switch (end->kind) {
	case END_NONE:
	case END_GUEST_EXIT:
		return;
	case END_GUEST_RESET:
		warn("guest reset");
		return;
	case END_OUTPUT_FAILED:
		warn("standard output: %s", strerror(end->error));
		return;
	case END_SIGNAL:
		warn("stopped by SIG%s", sigabbrev_np(end->signal));
		return;
	case END_HOST:
		warn("a cpu's thread cannot be started: %s", strerror(end->error));
		return;
	case END_TIMEOUT:
	case END_GUEST_PANIC:
	case END_CRASH:
	case END_RUN_FAILED:
		break;
	}
	report.symbols = symbols_load(machine->image.bytes, machine->image.size);
	if (end->kind == END_TIMEOUT) {
		warn("timeout after %g s", (double)machine->options->timeout_ns / 1e9);
		print_others(&report, UINT32_MAX, true);
	} else {
		print_crash(&report, end);
	}
	symbols_free(report.symbols);
}
