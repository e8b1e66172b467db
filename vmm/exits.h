// SPDX-License-Identifier: ISC
/*
 * Names for what KVM says: pure tables over the numbers of linux/kvm.h.
 */
#pragma once

#include <stdint.h>

/* "KVM_EXIT_SHUTDOWN", or NULL for a number that this build does not know. */
const char *exits_name(uint32_t reason);

/* What it means for a guest of ours, or NULL. */
const char *exits_meaning(uint32_t reason);

/* Of KVM_EXIT_INTERNAL_ERROR and KVM_EXIT_SYSTEM_EVENT. Never NULL. */
const char *exits_suberror_name(uint32_t suberror);
const char *exits_event_name(uint32_t type);
