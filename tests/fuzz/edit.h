// SPDX-License-Identifier: ISC
/*
 * Small changes of one input's records, drawn by draw.h. They stay whole and within their bound.
 */
#pragma once

#include "tests/fuzz/records.h"

/* One change; rarely none, if there is little to change. */
void edit(struct records *it);

/* One of the schedule: what comes, where, or when. false: there is no schedule. */
bool edit_schedule(struct records *it);
