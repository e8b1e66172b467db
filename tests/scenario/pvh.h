// SPDX-License-Identifier: ISC
/*
 * What the test guests share: notes, ports, and macros of 32-bit protected mode without paging.
 * Assembly cannot read the headers of shared/, so the numbers stand here a second time;
 * vmm_test.c includes both and asserts that they agree.
 */
#pragma once

#define PORT_UART    0x3f8
#define PORT_ID      0xd00
#define PORT_EXIT    0xd04
#define PORT_CONSOLE 0xd08
#define PORT_PANIC   0xd10
#define PORT_EVENT   0xd14
#define PORT_INJECT  0xd1c

#define INFO_CMDLINE      24
#define INFO_MEMMAP       40
#define INFO_MEMMAP_COUNT 48

#define MEMMAP_ADDR     0
#define MEMMAP_SIZE     8
#define MEMMAP_TYPE     16
#define MEMMAP_NEXT     24
#define MEMMAP_RESERVED 2

#define RING_REGION_SIZE 0x2000
#define RING_HEAD        0
#define RING_TAIL        4
#define RING_SIZE        8
#define RING_DATA        16

#ifdef __ASSEMBLER__

/* clang-format off */

.macro note owner, type, value
	.pushsection .note, "a", @note
	.balign 4
	.long .Ldesc\@ - .Lowner\@, 4, \type
.Lowner\@:
	.asciz "\owner"
.Ldesc\@:
	.balign 4
	.long \value
	.popsection
.endm

/* Begins a guest: its notes, a stack, and `start`, where %ebx holds the start info. */
.macro guest ours=0
	note Xen, 18, start
	.if \ours
	note Overtake, 1, 1
	.endif
	.bss
	.balign 16
	.skip 4096
stack_top:
	.text
	.code32
	.globl start
	.type start, @function
start:
	mov $stack_top, %esp
	xor %ebp, %ebp
.endm

/* Ends its function, so that the symbol covers it. */
.macro guest_end
	.size start, . - start
.endm

.macro exit status
	mov \status, %eax
	mov $PORT_EXIT, %edx
	out %eax, %dx
	ud2 /* the run has ended */
.endm

/* %edi = the console ring, found as the reserved region of its size. Clobbers %ecx. */
.macro find_ring
	mov INFO_MEMMAP(%ebx), %edi
	mov INFO_MEMMAP_COUNT(%ebx), %ecx
.Lentry\@:
	cmpl $MEMMAP_RESERVED, MEMMAP_TYPE(%edi)
	jne .Lnext\@
	cmpl $RING_REGION_SIZE, MEMMAP_SIZE(%edi)
	je .Lfound\@
.Lnext\@:
	add $MEMMAP_NEXT, %edi
	loop .Lentry\@
	exit $9 /* no ring */
.Lfound\@:
	mov MEMMAP_ADDR(%edi), %edi
.endm

/* Sends %al to the UART as a polling driver does. Clobbers %ah, %edx. */
.macro uart_putc
	mov %al, %ah
	mov $PORT_UART + 5, %edx
.Lbusy\@:
	in %dx, %al
	test $0x20, %al
	jz .Lbusy\@
	mov %ah, %al
	mov $PORT_UART, %edx
	out %al, %dx
.endm

/* Prints the string at %esi. */
.macro uart_puts
.Lbyte\@:
	lodsb
	test %al, %al
	jz .Lend\@
	uart_putc
	jmp .Lbyte\@
.Lend\@:
.endm

#endif
