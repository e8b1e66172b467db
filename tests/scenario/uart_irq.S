// SPDX-License-Identifier: ISC
/*
 * Halts until the UART's receive interrupt comes through the 8259 as IRQ 4, and exits with the byte
 * received.
 */
#include "tests/scenario/pvh.h"

#define VECTOR_BASE 0x20
#define VECTOR      (VECTOR_BASE + 4)

	guest
	lgdt gdt_pointer
	ljmp $8, $1f
1:	mov $16, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $on_irq, %eax
	mov %ax, gate
	shr $16, %eax
	mov %ax, gate + 6
	lidt idt_pointer

	mov $0x11, %al /* the first controller: edge, cascaded, VECTOR_BASE, 8086 mode */
	out %al, $0x20
	mov $VECTOR_BASE, %al
	out %al, $0x21
	mov $4, %al
	out %al, $0x21
	mov $1, %al
	out %al, $0x21
	mov $0xef, %al /* all masked but IRQ 4 */
	out %al, $0x21

	mov $PORT_UART + 1, %edx
	mov $1, %al
	out %al, %dx
	mov $'?', %al
	uart_putc
	sti
2:	hlt
	jmp 2b
	guest_end

	.type on_irq, @function
on_irq:
	mov $PORT_UART, %edx
	xor %eax, %eax
	in %dx, %al
	exit %eax
	.size on_irq, . - on_irq

	.data
	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt
	.balign 8
idt:	.skip 8 * VECTOR
gate:	.word 0, 8, 0x8e00, 0
idt_pointer:
	.word . - idt - 1
	.long idt
