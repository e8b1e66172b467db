// SPDX-License-Identifier: ISC
/*
 * The switch of stacks on the simulated machine: see guest/arch.h.
 */
#pragma once

struct task;

struct task *arch_switch_to(struct task *prev, struct task *next);
