// SPDX-License-Identifier: ISC
#include "guest/vcpu_hypercall.h"

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/errno.h"
#include "guest/sched.h"
#include "guest/vcpu.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_halt.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_steal.h"
#include "guest/vcpu_trap.h"
#include "guest/vm.h"
#include "shared/payload_abi.h"

typedef int64_t hypercall_fn(struct vcpu *vcpu, const uint64_t *args);

static int64_t
call_shutdown(struct vcpu *vcpu, const uint64_t *args)
{
	vcpu_console_end(vcpu);
	vcpu->stop = VCPU_STOP_SHUTDOWN;
	vcpu->stop_value = args[0];
	return 0;
}

static int64_t
call_handler(struct vcpu *vcpu, const uint64_t *args)
{
	if (args[0] != 0 && !vm_is_memory(args[0])) {
		return -EINVAL;
	}
	arch_vcpu_set_handler(vcpu, args[0]);
	return 0;
}

/* Where it succeeds nobody is there to be answered: see vcpu_hypercall(). */
static int64_t
call_return(struct vcpu *vcpu, const uint64_t *args)
{
	(void)args;
	return arch_vcpu_handler_return(vcpu) ? 0 : -EINVAL;
}

static int64_t
call_saved(struct vcpu *vcpu, const uint64_t *args)
{
	uint64_t value;

	if (args[0] > UINT32_MAX || !arch_vcpu_saved(vcpu, (unsigned int)args[0], &value)) {
		return -EINVAL;
	}
	return (int64_t)value;
}

static int64_t
call_set_saved(struct vcpu *vcpu, const uint64_t *args)
{
	if (args[0] > UINT32_MAX || !arch_vcpu_set_saved(vcpu, (unsigned int)args[0], args[1])) {
		return -EINVAL;
	}
	return 0;
}

static int64_t
call_time(struct vcpu *vcpu, const uint64_t *args)
{
	(void)args;
	return (int64_t)vm_time_ns(vcpu->vm);
}

static int64_t
call_timer(struct vcpu *vcpu, const uint64_t *args)
{
	vcpu_timer_set(vcpu, args[0]);
	return 0;
}

static int64_t
call_steal(struct vcpu *vcpu, const uint64_t *args)
{
	return vcpu_steal_set(vcpu, args[0]) ? 0 : -EINVAL;
}

static int64_t
call_spin(struct vcpu *vcpu, const uint64_t *args)
{
	(void)args;
	vcpu_on_spin(vcpu);
	return 0;
}

static int64_t
call_yield(struct vcpu *vcpu, const uint64_t *args)
{
	(void)vcpu;
	(void)args;
	yield();
	return 0;
}

static int64_t
call_vcpus(struct vcpu *vcpu, const uint64_t *args)
{
	(void)args;
	return atomic_load(&vcpu->vm->vcpu_count);
}

static int64_t
call_flush(struct vcpu *vcpu, const uint64_t *args)
{
	(void)args;
	vm_make_all_requests(vcpu->vm, VCPU_REQ_FLUSH_ALL, VCPU_REQ_WAIT | VCPU_REQ_NO_WAKEUP);
	return 0;
}

static hypercall_fn *const calls[HYPERCALL_COUNT] = {
#define CALL_ENTRY(name, arguments) [HYPERCALL_##name] = call_##name,
	PAYLOAD_HYPERCALLS(CALL_ENTRY)
#undef CALL_ENTRY
};

int
vcpu_hypercall(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	uint64_t number = trap->value;
	int64_t result = number < HYPERCALL_COUNT ? calls[number](vcpu, trap->args) : -ENOSYS;

	/* The registers are those of what the handler had interrupted: not to be written to. */
	if (number != HYPERCALL_return || result != 0) {
		arch_vcpu_complete(vcpu, trap, (uint64_t)result);
	}
	return vcpu->stop == VCPU_STOP_NONE;
}
