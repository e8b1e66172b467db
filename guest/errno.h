// SPDX-License-Identifier: ISC
/*
 * What operations that may fail return, negated. Linux's numbers.
 */
#pragma once

#define EINTR     4
#define EAGAIN    11
#define ENOMEM    12
#define EBUSY     16
#define EINVAL    22
#define ETIMEDOUT 110
