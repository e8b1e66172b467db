// SPDX-License-Identifier: ISC
/*
 * What happened to vcpus that have stopped: as a table, and whether it adds up.
 */
#pragma once

struct vcpu;
struct vcpu_crew;

/* One line for each of the first VCPU_REPORT_ROWS, one for all, and one for each fault. */
#define VCPU_REPORT_ROWS 32u
void vcpu_report(const struct vcpu_crew *crew);
