// SPDX-License-Identifier: ISC
/*
 * User tasks: programs of ring 3, each a task of the kernel with an address space. Tasks of one
 * program share it, each on a stack of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/task.h"

struct mm;
struct user_elf;

struct user_program {
	struct mm *mm;
	uintptr_t entry;
};

/*
 * Makes an address space from an ELF image: static, for this machine, in the user's half, nothing
 * both writable and executable. Returns 0; -ENOEXEC: the image is not such, said by a line on the
 * console with its name; -ENOMEM. Task context, may sleep.
 */
int user_load(const char *name, const void *image, size_t size, struct user_program *program);

/*
 * A step of it, for other code of ring 3: a parsed image's segments, into a new address space.
 * Returns 0 or -ENOMEM. Task context, may sleep.
 */
int user_load_segments(struct mm *mm, const struct user_elf *elf, const void *image);

/* Gives up the caller's part: the program's tasks keep it. Any context but NMI. */
void user_unload(struct user_program *program);

/*
 * Runs a task of the program, on a new stack, with this argument. params: fn and arg are ours. As
 * task_run(), but returns NULL without memory. Task context.
 */
struct task *user_run(const struct user_program *program, const struct task_params *params,
                      uint64_t arg);

/* Current, a user task, ends with this status, which task_join() returns. Count 0, irqs on. */
_Noreturn void user_exit(int status);

/*
 * Current has done in ring 3 what the machine does not let it: tells it on one line, and ends it
 * as this signal would. Count 0, irqs on.
 */
_Noreturn __attribute__((format(printf, 2, 3))) void user_kill(unsigned int sig, const char *format,
                                                               ...);

#define SIGILL  4
#define SIGTRAP 5
#define SIGBUS  7
#define SIGFPE  8
#define SIGSEGV 11

/* Kernel to user and back: bytes that could not be copied, 0 if all. User task, irqs on. */
size_t copy_from_user(void *to, uint64_t from, size_t size);
size_t copy_to_user(uint64_t to, const void *from, size_t size);
