// SPDX-License-Identifier: ISC
/*
 * What operations that may fail return, negated. Linux's numbers.
 */
#pragma once

#define ESRCH     3
#define EINTR     4
#define EIO       5
#define ENOEXEC   8
#define EAGAIN    11
#define ENOMEM    12
#define EFAULT    14
#define EBUSY     16
#define EINVAL    22
#define ENOSYS    38
#define ETIMEDOUT 110
