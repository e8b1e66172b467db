// SPDX-License-Identifier: ISC
/*
 * Input files: images and modules. They are mapped, so that a start touches only what it looks at;
 * a file that shrinks while we look takes the VMM down with it (SIGBUS). What goes into the guest's
 * memory is read from the descriptor instead.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct file {
	const char *path;
	int fd;
	const uint8_t *bytes;
	size_t size;
};

/* Dies with EXIT_STATUS_NO_INPUT if it cannot be read. An empty file is no error here. */
void file_map(struct file *file, const char *path);
void file_unmap(struct file *file);
