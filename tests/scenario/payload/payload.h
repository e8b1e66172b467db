// SPDX-License-Identifier: ISC
/*
 * For payloads (shared/payload_abi.h): their hypercalls and devices, and where payload_main()
 * begins. Include it in one file, and write: int payload_main(uint32_t vcpu, uint32_t parameter).
 * What it returns, it stops with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/payload_abi.h"

int payload_main(uint32_t vcpu, uint32_t parameter);

/* begin: the stack as C wants it. enter: where handlers begin, on whatever was interrupted. */
__asm__(".pushsection .text\n"
        ".globl _start\n"
        "_start:\n"
        "	andq $-16, %rsp\n"
        "	movq %rdi, %rsi\n"
        "	shrq $32, %rsi\n"
        "	call payload_main\n"
        "	movl %eax, %edi\n"
        "	xorl %eax, %eax\n" /* HYPERCALL_shutdown */
        "	syscall\n"
        "	ud2\n"
        "payload_enter:\n"
        "	andq $-16, %rsp\n"
        "	cld\n"
        "	call *payload_handler(%rip)\n"
        "	movl $2, %eax\n" /* HYPERCALL_return */
        "	syscall\n"
        "	ud2\n"
        ".popsection\n");
_Static_assert(HYPERCALL_shutdown == 0 && HYPERCALL_return == 2, "as above");

extern const char payload_enter[];

typedef void payload_fn(uint64_t vector, uint64_t error, uint64_t addr);
payload_fn *payload_handler __attribute__((used));

static inline int64_t
hypercall2(enum payload_hypercall number, uint64_t a, uint64_t b)
{
	int64_t result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"((uint64_t)number), "D"(a), "S"(b)
	                 : "rcx", "r11", "memory");
	return result;
}

static inline int64_t
hypercall1(enum payload_hypercall number, uint64_t a)
{
	return hypercall2(number, a, 0);
}

static inline int64_t
hypercall0(enum payload_hypercall number)
{
	return hypercall2(number, 0, 0);
}

/* Interrupts and exceptions of this vcpu call fn from now on: the same one for all vcpus. */
static inline void
set_handler(payload_fn *fn)
{
	payload_handler = fn;
	hypercall1(HYPERCALL_handler, (uintptr_t)payload_enter);
}

#define SAVED_RAX 0u
#define SAVED_RCX 1u
#define SAVED_RIP 16u

static inline void
outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline void
outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline uint32_t
inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port) : "memory");
	return value;
}

static inline void
cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void
sti(void)
{
	__asm__ volatile("sti" : : : "memory");
}

/* An interrupt that is pending already ends it, too. Interrupts are on at return. */
static inline void
sti_hlt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

static inline void *
mmio(uint64_t offset)
{
	return (void *)(uintptr_t)(VM_MMIO + offset);
}

/* One MOV each, of this size. */
#define MMIO_READ(type, offset)         (*(volatile type *)mmio(offset))
#define MMIO_WRITE(type, offset, value) (*(volatile type *)mmio(offset) = (value))

static inline void
put_text(const char *text)
{
	for (; *text != '\0'; text++) {
		outb(VM_PORT_CONSOLE, (uint8_t)*text);
	}
}

static inline void
put_number(uint64_t number)
{
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	while (count != 0) {
		outb(VM_PORT_CONSOLE, (uint8_t)digits[--count]);
	}
}

/* In shared memory: this vcpu is through. Is it the last one? */
static inline bool
is_last(uint32_t *through)
{
	return __atomic_add_fetch(through, 1, __ATOMIC_SEQ_CST) ==
	       (uint64_t)hypercall0(HYPERCALL_vcpus);
}
