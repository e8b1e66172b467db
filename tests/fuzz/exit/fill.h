// SPDX-License-Identifier: ISC
/*
 * Exits as KVM tells of them: an operation of an input becomes a kvm_run. What KVM vouches for
 * holds (sizes are 1, 2 or 4, a string's elements fit into its page); all else is the guest's.
 */
#pragma once

#include "tests/fuzz/input.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A kvm_run, and behind it the page of a string's elements. */
#define EXIT_DATA_AT   4096u
#define EXIT_DATA_SIZE 4096u
#define EXIT_KVM_SIZE  (EXIT_DATA_AT + EXIT_DATA_SIZE)

/* false: that operation is no exit. budget: elements of strings that an input has left. */
bool exit_fill(struct kvm_run *kvm, const struct fuzz_item *op, uint32_t *budget);

/* One more part of an access, as completing an instruction shows it. */
void exit_fill_part(struct kvm_run *kvm, uint32_t n);

/* An exit as people see it. */
void exit_format(const struct kvm_run *kvm, char *line, size_t size);
