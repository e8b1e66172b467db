// SPDX-License-Identifier: ISC
#pragma once

#include <stdbool.h>

/* A flat image for this machine (payload_abi.h), which the architecture brings along. */
extern const char tour_payload[], tour_payload_end[];

/*
 * The third act: performs, checks and prints it for each model that is shown; false after it has
 * printed what went wrong. Task context, more important than what it starts.
 */
bool tour_show_vcpus(void);
