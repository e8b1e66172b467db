// SPDX-License-Identifier: ISC
/*
 * What a complete tour prints, for every suite that runs one.
 */
#pragma once

#include <stdbool.h>

/* Fails the test unless text is the output of a tour of all models on so many cpus. */
void tour_expect(const char *text, bool two_cpus);
