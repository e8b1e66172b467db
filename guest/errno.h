// SPDX-License-Identifier: ISC
/*
 * What operations that may fail return, negated. Linux's numbers.
 */
#pragma once

#define EINTR  4
#define EINVAL 22
