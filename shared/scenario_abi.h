// SPDX-License-Identifier: ISC
/*
 * Exit statuses, the same words for the guest, the VMM and the tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXIT_STATUS_OK          0  /* the guest's program did what it says */
#define EXIT_STATUS_FAILED      1  /* it did not, and said why; 0-63 are the guest's own */
#define EXIT_STATUS_USAGE       64 /* a bad option, or a boot argument that the guest refused */
#define EXIT_STATUS_BAD_IMAGE   65 /* not a bootable image */
#define EXIT_STATUS_NO_INPUT    66 /* a file named on the command line cannot be read */
#define EXIT_STATUS_NO_KVM      69 /* no usable KVM */
#define EXIT_STATUS_CRASHED     70 /* triple fault, panic, internal error */
#define EXIT_STATUS_OS          71 /* the host refused something: memory, threads */
#define EXIT_STATUS_CANT_CREATE 73 /* an output file cannot be written */
#define EXIT_STATUS_TIMEOUT     124
