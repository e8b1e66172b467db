// SPDX-License-Identifier: ISC
#include "vmm/file.h"

#include "vmm/die.h"

#include "shared/scenario_abi.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void
file_map(struct file *file, const char *path)
{
	/* Without O_NONBLOCK a FIFO would keep us waiting for its writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	void *bytes = NULL;

	if (fd < 0 || fstat(fd, &status) != 0) {
		die(EXIT_STATUS_NO_INPUT, "%s:", path);
	}
	if (!S_ISREG(status.st_mode)) {
		die(EXIT_STATUS_NO_INPUT, "%s: not a regular file", path);
	}
	if (status.st_size > 0) {
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED) {
			die(EXIT_STATUS_NO_INPUT, "%s:", path);
		}
	}
	*file = (struct file){
		.path = path,
		.fd = fd,
		.bytes = bytes,
		.size = (size_t)status.st_size,
	};
}

void
file_unmap(struct file *file)
{
	if (file->size > 0) {
		munmap((void *)(uintptr_t)file->bytes, file->size);
	}
	close(file->fd);
}
