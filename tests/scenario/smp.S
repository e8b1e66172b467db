// SPDX-License-Identifier: ISC
/*
 * Starts all other cpus by INIT-SIPI-SIPI through the xAPIC; each counts itself once, in real mode.
 * Exits with the count once it is the digit that the command line begins with.
 */
#include "tests/scenario/pvh.h"

#define APIC_SPURIOUS 0xfee000f0
#define APIC_ICR_LOW  0xfee00300
#define ALL_BUT_SELF  0xc0000
#define ICR_INIT      0x4500
#define ICR_STARTUP   0x4600
#define TRAMPOLINE    0x10000 /* 64-KiB aligned: a SIPI vector of 0x10 */
#define COUNTER       0x11000

	guest
	cld
	mov $trampoline, %esi
	mov $TRAMPOLINE, %edi
	mov $trampoline_end - trampoline, %ecx
	rep movsb
	mov INFO_CMDLINE(%ebx), %esi
	movzbl (%esi), %ebp
	sub $'0', %ebp

	movl $0x1ff, APIC_SPURIOUS
	movl $ALL_BUT_SELF | ICR_INIT, APIC_ICR_LOW
	movl $ALL_BUT_SELF | ICR_STARTUP | TRAMPOLINE >> 12, APIC_ICR_LOW
	movl $ALL_BUT_SELF | ICR_STARTUP | TRAMPOLINE >> 12, APIC_ICR_LOW
1:	pause
	cmp %ebp, COUNTER
	jb 1b
	exit COUNTER
	guest_end

	.code16
trampoline:
	mov %cs, %ax
	mov %ax, %ds
	lock incl COUNTER - TRAMPOLINE
	cli
1:	hlt
	jmp 1b
trampoline_end:
