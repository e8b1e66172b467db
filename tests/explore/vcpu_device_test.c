// SPDX-License-Identifier: ISC
/*
 * The registers of a guest's device, and what a guest may ask for and does not get.
 */
#include "guest/vcpu_device.h"

#include "guest/mm.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_steal.h"
#include "tests/explore/scenario.h"
#include "tests/explore/vcpus.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define LIMIT      40000
#define SCRATCH    (VM_MMIO + VM_MMIO_SCRATCH)
#define STEAL_ADDR (VM_MEMORY_START + 0x5000u)

static HOST_STATE struct vcpu *vcpu;

static void
check(void)
{
	scenario_check_at_rest(1);
}

/* ---- registers ---- */

static void
use_registers(void *unused)
{
	(void)unused;
	vcpu = vcpus_create(vcpus_loop);
	host_gate();
	HOST_EXPECT(vcpu_mmio_read(vcpu, VM_MMIO + VM_MMIO_ID, 8) == VM_MMIO_MAGIC);
	vcpu_mmio_write(vcpu, SCRATCH, 8, 0x1122334455667788);
	vcpu_mmio_write(vcpu, SCRATCH + 2, 2, 0xfffabcd); /* two bytes of it */
	HOST_EXPECT(vcpu_mmio_read(vcpu, SCRATCH, 8) == 0x11223344abcd7788);
	HOST_EXPECT(vcpu_mmio_read(vcpu, SCRATCH + 3, 1) == 0xab);
	vcpu_mmio_write(vcpu, SCRATCH + 6, 4, 0); /* of two registers: neither is written */
	vcpu_mmio_write(vcpu, VM_MMIO + VM_MMIO_ID, 8, 0);
	vcpu_mmio_write(vcpu, VM_MMIO + VM_MMIO_SIZE - 8, 8, 0);
	HOST_EXPECT(vcpu_mmio_read(vcpu, SCRATCH, 8) == 0x11223344abcd7788);
	HOST_EXPECT(vcpu_mmio_read(vcpu, SCRATCH + 6, 4) == UINT32_MAX);
	HOST_EXPECT(vcpu_mmio_read(vcpu, VM_MMIO + VM_MMIO_ID, 8) == VM_MMIO_MAGIC);
	HOST_EXPECT(vcpu_mmio_read(vcpu, VM_MMIO + VM_MMIO_TIMER, 2) == UINT16_MAX);
	HOST_EXPECT(vcpu_mmio_read(vcpu, VM_MMIO + VM_MMIO_COUNT, 8) == 0);
	vm_destroy(vcpu->vm);
	scenario_done();
}

static void
boot_registers(void)
{
	scenario_task(0, use_registers, NULL);
}

/* An access is to one register or to none, whole or in part. */
START_TEST(test_device_access_is_to_one_register)
{
	static const struct explore_scenario scenario = { "registers", 1,    boot_registers,
		                                          check,       NULL, 0,
		                                          NULL };

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

static void
set_timer(void *unused)
{
	(void)unused;
	vcpu = vcpus_create(vcpus_loop);
	host_gate();
	vcpu_mmio_write(vcpu, VM_MMIO + VM_MMIO_TIMER, 8, 100);
	HOST_EXPECT(host_cpu(0)->timer_ns == arch_clock_ns() + 100);
	vm_destroy(vcpu->vm);
	scenario_done();
}

static void
boot_timer(void)
{
	scenario_task(0, set_timer, NULL);
}

/* A write to the timer's register starts the timer of the vcpu that writes. */
START_TEST(test_device_timer_is_started_by_its_register)
{
	static const struct explore_scenario scenario = {
		"the timer's register", 1, boot_timer, check, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* ---- what there is not ---- */

static void
ask_in_vain(void *unused)
{
	(void)unused;
	vcpu = vcpus_create(vcpus_loop);
	host_gate();
	HOST_EXPECT(vm_vcpu(vcpu->vm, 0) == vcpu);
	HOST_EXPECT(vm_vcpu(vcpu->vm, 1) == NULL);
	HOST_EXPECT(vm_vcpu(vcpu->vm, VM_VCPUS_MAX) == NULL);
	HOST_EXPECT(!vcpu_steal_set(vcpu, VM_MMIO));
	HOST_EXPECT(!vcpu_steal_set(vcpu, STEAL_ADDR + 8));
	HOST_EXPECT(mm_find(vcpu->vm->mm, STEAL_ADDR, false) == NULL);
	HOST_EXPECT(vcpu_steal_set(vcpu, STEAL_ADDR));
	HOST_EXPECT(vcpu_test_request(vcpu, VCPU_REQ_STEAL));
	HOST_EXPECT(vcpu_steal_set(vcpu, 0));
	vcpu_steal_record(vcpu); /* asked for before, and there is no place for it any more */
	HOST_EXPECT(*(uint32_t *)mm_find(vcpu->vm->mm, STEAL_ADDR, false) == 0);
	vm_destroy(vcpu->vm);
	scenario_done();
}

static void
boot_in_vain(void)
{
	scenario_task(0, ask_in_vain, NULL);
}

/* Vcpus that are not there, and places of a record that are none, are refused. */
START_TEST(test_device_refuses_what_is_not_there)
{
	static const struct explore_scenario scenario = {
		"what is not there", 1, boot_in_vain, check, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_device");
	TCase *tests = tcase_create("vcpu_device");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_device_access_is_to_one_register);
	tcase_add_test(tests, test_device_timer_is_started_by_its_register);
	tcase_add_test(tests, test_device_refuses_what_is_not_there);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
