// SPDX-License-Identifier: ISC
/*
 * Errors for vcpus, ordered by boot arguments: inject=WHAT@exit=N has one come right behind the
 * N-th exit from a guest, counted over all vcpus of all machines, as if it had ended it or come
 * with it. So the cpu and the vcpu that it must be charged to are those of that exit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;

#define VCPU_INJECT_MAX  8
#define VCPU_INJECT_FORM "nmi, mce or mce-fatal, with @exit=N; 8 at most"

/* Is anything ordered? Read-only once vcpus run. */
extern bool vcpu_inject_armed;

/*
 * The value of one argument: nmi: EARLY_NMI, mce: EARLY_RECOVERABLE, mce-fatal:
 * EARLY_UNCONTAINABLE; N of one to nine digits, not 0. false: it has another form, or there are
 * VCPU_INJECT_MAX already. Before vcpus run.
 */
bool vcpu_inject_order(const char *text, size_t size);

void vcpu_inject_count(const struct vcpu *vcpu);

/*
 * Beside what is ordered an NMI comes behind each of the next `count` exits that an interrupt of
 * the host makes. Not while vcpus run.
 */
void vcpu_inject_with_interrupts(uint32_t count);

/* Errors that came so far. */
uint64_t vcpu_inject_count_done(void);

/* An exit of this vcpu, which is not handled early yet. irqs off, count 1, RUN is set. */
static inline void
vcpu_inject_exit(const struct vcpu *vcpu)
{
	if (__builtin_expect(vcpu_inject_armed, 0)) {
		vcpu_inject_count(vcpu);
	}
}

/* Prints the orders whose exit has not come, and how many came. Any context but NMI. */
void vcpu_inject_report(void);
