// SPDX-License-Identifier: ISC
/*
 * What --help prints: every option, boot argument and exit status.
 */
#pragma once

/* Lines of at most 80 columns. */
extern const char help_text[];
