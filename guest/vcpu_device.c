// SPDX-License-Identifier: ISC
#include "guest/vcpu_device.h"

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/list.h"
#include "guest/object.h"
#include "guest/printk.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "guest/vm.h"
#include "shared/payload_abi.h"

#define TIMER_MAX_NS (1ull << 62)   /* so that sums of times do not wrap */
#define REGISTER     8u             /* bytes of one in the page */
#define NOTHING      (~UINT64_C(0)) /* what is not there reads as */

struct vm_devices {
	uint64_t start_ns;
	struct atomic64 scratch;
	struct atomic64 count;
};

static uint64_t
mask_of(unsigned int size)
{
	return size >= sizeof(uint64_t) ? UINT64_MAX : (UINT64_C(1) << size * 8) - 1;
}

/* ---- life ---- */

bool
vm_devices_init(struct vm *vm)
{
	vm->devices = object_alloc(sizeof(*vm->devices));
	if (vm->devices != NULL) {
		vm->devices->start_ns = arch_clock_ns();
	}
	return vm->devices != NULL;
}

void
vm_devices_free(struct vm *vm)
{
	object_free(vm->devices, sizeof(*vm->devices));
	vm->devices = NULL;
}

static void
timer_expired(struct timer *timer)
{
	vcpu_interrupt(container_of(timer, struct vcpu, device.timer), PAYLOAD_VECTOR_TIMER);
}

void
vcpu_device_init(struct vcpu *vcpu)
{
	timer_init(&vcpu->device.timer, timer_expired);
}

void
vcpu_device_end(struct vcpu *vcpu)
{
	/* Out of the queue is not enough: its function may be looking at the vcpu. */
	if (bug(DEVICE_TIMER_LEFT)) {
		timer_try_to_cancel(&vcpu->device.timer);
	} else {
		timer_cancel(&vcpu->device.timer);
	}
}

/* ---- time ---- */

uint64_t
vm_time_ns(const struct vm *vm)
{
	return arch_clock_ns() - vm->devices->start_ns;
}

void
vcpu_timer_set(struct vcpu *vcpu, uint64_t ns)
{
	timer_start(&vcpu->device.timer, arch_clock_ns() + (ns < TIMER_MAX_NS ? ns : TIMER_MAX_NS));
}

/* ---- ports ---- */

void
vcpu_console_end(struct vcpu *vcpu)
{
	struct vcpu_device *device = &vcpu->device;

	if (device->line_length != 0) {
		printk("vcpu %u: %.*s\n", vcpu->id, (int)device->line_length, device->line);
		device->line_length = 0;
	}
}

/* A payload may write anything, a terminal's commands too. */
static void
console_put(struct vcpu *vcpu, uint8_t byte)
{
	struct vcpu_device *device = &vcpu->device;

	if (byte != '\n') {
		device->line[device->line_length++] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
	}
	if (byte == '\n' || device->line_length == VCPU_LINE_SIZE) {
		vcpu_console_end(vcpu);
	}
}

static void
ring(const struct vm *vm, uint64_t id)
{
	struct vcpu *vcpu = id < UINT32_MAX ? vm_vcpu(vm, (uint32_t)id) : NULL;

	if (vcpu != NULL) {
		vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	}
}

uint64_t
vcpu_port_in(struct vcpu *vcpu, uint64_t port, unsigned int size)
{
	(void)vcpu;
	(void)port; /* none can be read */
	return NOTHING & mask_of(size);
}

void
vcpu_port_out(struct vcpu *vcpu, uint64_t port, unsigned int size, uint64_t value)
{
	if (port == VM_PORT_CONSOLE) {
		console_put(vcpu, (uint8_t)value);
	} else if (port == VM_PORT_DOORBELL) {
		ring(vcpu->vm, value & mask_of(size));
	}
}

/* ---- the page of registers ---- */

static uint64_t
register_read(const struct vm_devices *devices, uint64_t at)
{
	switch (at) {
	case VM_MMIO_ID:
		return VM_MMIO_MAGIC;
	case VM_MMIO_SCRATCH:
		return atomic_load(&devices->scratch);
	case VM_MMIO_COUNT:
		return atomic_load(&devices->count);
	default:
		return NOTHING;
	}
}

static bool
is_one_register(uint64_t addr, unsigned int size)
{
	return addr % REGISTER + size <= REGISTER;
}

uint64_t
vcpu_mmio_read(struct vcpu *vcpu, uint64_t addr, unsigned int size)
{
	uint64_t at = addr - VM_MMIO;
	unsigned int shift = addr % REGISTER * 8;

	if (!is_one_register(addr, size)) {
		return NOTHING & mask_of(size);
	}
	return register_read(vcpu->vm->devices, at - at % REGISTER) >> shift & mask_of(size);
}

/* The bytes of mask, in one step: the others may be another vcpu's. */
static void
scratch_write(struct atomic64 *scratch, uint64_t mask, uint64_t bits)
{
	uint64_t old = atomic_load(scratch);

	while (!atomic_try_cmpxchg(scratch, &old, (old & ~mask) | bits)) {
		/* bounded: by the writes of others */
	}
}

static void
count_write(struct atomic64 *count)
{
	if (bug(DEVICE_COUNT_TORN)) {
		atomic_store(count, atomic_load(count) + 1);
		return;
	}
	atomic_fetch_add(count, 1);
}

void
vcpu_mmio_write(struct vcpu *vcpu, uint64_t addr, unsigned int size, uint64_t value)
{
	struct vm_devices *devices = vcpu->vm->devices;
	uint64_t at = addr - VM_MMIO;
	unsigned int shift = addr % REGISTER * 8;

	if (!is_one_register(addr, size)) {
		return;
	}
	value &= mask_of(size);
	switch (at - at % REGISTER) {
	case VM_MMIO_SCRATCH:
		scratch_write(&devices->scratch, mask_of(size) << shift, value << shift);
		break;
	case VM_MMIO_COUNT:
		count_write(&devices->count);
		break;
	case VM_MMIO_TIMER:
		vcpu_timer_set(vcpu, value << shift);
		break;
	default:
		break;
	}
}

/* ---- MSRs ---- */

bool
vcpu_msr_read(struct vcpu *vcpu, uint64_t msr, uint64_t *value)
{
	if (msr == VM_MSR_TIME) {
		*value = vm_time_ns(vcpu->vm);
		return true;
	}
	*value = vcpu->device.msr;
	return msr == VM_MSR_SCRATCH;
}

bool
vcpu_msr_write(struct vcpu *vcpu, uint64_t msr, uint64_t value)
{
	if (msr == VM_MSR_SCRATCH) {
		vcpu->device.msr = value;
	}
	return msr == VM_MSR_SCRATCH;
}
