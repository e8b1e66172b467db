// SPDX-License-Identifier: ISC
/*
 * Asks for errors again and again, for those that there are and for others, one at a time and many
 * in one instruction. Counts those that come, and exits with NMIs + 4 * recoverable machine checks
 * + 16 * fatal ones. Each must come right behind the OUT that asked for it, or
 * between two turns of its REP.
 *
 * Without IRET, which software hosts do not know in 32-bit mode: so an NMI lets no second one in.
 */
#include "tests/scenario/pvh.h"

#define ROUNDS 20

#define CR4_MCE        0x40
#define MSR_MCG_STATUS 0x17a
#define MSR_MC1_STATUS 0x405

#define MCG_RIPV 1
#define MCG_MCIP 4

/* Bits of the upper word. */
#define MCI_VAL 0x80000000
#define MCI_PCC 0x02000000

	guest
	lgdt gdt_pointer
	ljmp $8, $1f
1:	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $nmi_gate, %edi
	mov $on_nmi, %eax
	call set_gate
	mov $mce_gate, %edi
	mov $on_mce, %eax
	call set_gate
	lidt idt_pointer
	mov %cr4, %eax
	or $CR4_MCE, %eax
	mov %eax, %cr4

	mov $ROUNDS, %ebp
2:	mov $words, %esi
3:	lodsl
	mov $PORT_INJECT, %edx
	movl $4f, expected
	movl $4f, or_expected
	out %eax, %dx
4:	cmp $words_end, %esi
	jne 3b
	mov $words, %esi
	mov $(words_end - words) / 4, %ecx
	movl $5f, expected
	movl $7f, or_expected
7:	rep outsl
5:	dec %ebp
	jnz 2b

	in %dx, %eax
	test %eax, %eax
	mov $60, %eax
	jnz 6f
	mov came, %eax
6:	exit %eax
	guest_end

/* Ends a handler. Interrupts are off on both sides. */
.macro return_behind
	popl resume
	add $8, %esp
	jmp *resume
.endm

/* The gate at %edi leads to %eax. */
	.type set_gate, @function
set_gate:
	mov %ax, (%edi)
	shr $16, %eax
	mov %ax, 6(%edi)
	ret
	.size set_gate, . - set_gate

	.type on_nmi, @function
on_nmi:
	push %eax
	mov 4(%esp), %eax
	call check_place
	incl came
	pop %eax
	return_behind
	.size on_nmi, . - on_nmi

/* %eax: where an error has come. */
	.type check_place, @function
check_place:
	cmp %eax, expected
	je 1f
	cmp %eax, or_expected
	je 1f
	exit $61
1:	ret
	.size check_place, . - check_place

	.type on_mce, @function
on_mce:
	pushal
	mov 32(%esp), %eax
	call check_place
	mov $MSR_MC1_STATUS, %ecx
	rdmsr
	test $MCI_VAL, %edx
	jz wrong
	mov %edx, %ebx
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	mov $MSR_MCG_STATUS, %ecx
	rdmsr
	test $MCG_MCIP, %eax
	jz wrong
	mov %eax, %esi
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	test $MCI_PCC, %ebx
	jnz 1f
	test $MCG_RIPV, %esi
	jz wrong
	addl $4, came
	jmp 2f
1:	test $MCG_RIPV, %esi
	jnz wrong
	addl $16, came
2:	popal
	return_behind
	.size on_mce, . - on_mce

	.type wrong, @function
wrong:
	exit $62
	.size wrong, . - wrong

	.section .rodata
	.balign 4
words:	.long 0, 4, 5, 31, 32, 33, 34, 0x101, 0xffffffff, 1, 2, 3
words_end:

	.data
	.balign 4
came:	.long 0
expected:
	.long 0
or_expected:
	.long 0
resume:	.long 0
	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt
	.balign 8
idt:	.skip 8 * 2
nmi_gate:
	.word 0, 8, 0x8e00, 0
	.skip 8 * 15
mce_gate:
	.word 0, 8, 0x8e00, 0
idt_pointer:
	.word . - idt - 1
	.long idt
