// SPDX-License-Identifier: ISC
/*
 * Two inputs become one, as draw.h draws.
 */
#pragma once

#include "tests/fuzz/records.h"

/* `it` gets one stream of the other's, or some of its records between its own. */
void cross(struct records *it, struct records *other);
