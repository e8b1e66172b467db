// SPDX-License-Identifier: ISC
/*
 * In the VMM that runs instrumented kernels: their counts become files in a folder of this process,
 * below the one that the environment's COUNTS names. It is linked with --wrap=devices_out.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cov/counts_abi.h"
#include "vmm/devices.h"
#include "vmm/memory.h"

#define NAME_MAX_SIZE 4096u

struct end __real_devices_out(struct devices *devices, uint16_t port, const uint8_t *data,
                              uint32_t size, uint32_t *errors);
struct end __wrap_devices_out(struct devices *devices, uint16_t port, const uint8_t *data,
                              uint32_t size, uint32_t *errors);

static uint32_t word; /* what the bytes are of */
static unsigned int word_size;
static uint32_t left; /* of its chunk */
static char name[NAME_MAX_SIZE];
static uint32_t name_size;
static FILE *file;

static void
close_file(void)
{
	if (file != NULL) {
		fclose(file);
		file = NULL;
	}
}

/* Named for this process; by another name until it has all files. */
static const char *
folder_path(bool is_complete)
{
	static char path[NAME_MAX_SIZE];

	snprintf(path, sizeof(path), "%s/%d%s", getenv("COUNTS"), (int)getpid(),
	         is_complete ? "" : ".part");
	return path;
}

/* Without the folders of its name: of a kernel's sources no two are alike. */
static void
open_file(void)
{
	const char *slash = strrchr(name, '/');
	char path[2 * NAME_MAX_SIZE];

	close_file();
	mkdir(folder_path(false), 0777);
	snprintf(path, sizeof(path), "%s/%s", folder_path(false), slash != NULL ? slash + 1 : name);
	file = fopen(path, "w");
	if (file == NULL) {
		perror(path);
		abort();
	}
}

static void
end_stream(void)
{
	char part[NAME_MAX_SIZE];

	close_file();
	snprintf(part, sizeof(part), "%s", folder_path(false));
	rename(part, folder_path(true));
}

static void
take_word(uint8_t byte)
{
	word = word >> 8 | (uint32_t)byte << 24;
	if (++word_size == sizeof(word)) {
		left = word & ~COUNTS_NAME;
		name_size = 0;
		word_size = left == 0 ? 0 : word_size;
		if (word == COUNTS_NAME) {
			end_stream();
		}
	}
}

static void
take_byte(uint8_t byte)
{
	if (word_size < sizeof(word)) {
		take_word(byte);
		return;
	}
	left--;
	if (!(word & COUNTS_NAME)) {
		fputc(byte, file);
	} else if (name_size < sizeof(name) - 1) {
		name[name_size++] = (char)byte;
	}
	if (left == 0) {
		word_size = 0;
		if (word & COUNTS_NAME) {
			name[name_size] = '\0';
			open_file();
		}
	}
}

static void
take_buffer(const struct memory *memory, const uint8_t *addr_bytes)
{
	static struct counts_buffer buffer;
	uint32_t addr;

	memcpy(&addr, addr_bytes, sizeof(addr));
	if (!memory_read(memory, gpa(addr), &buffer, sizeof(buffer)) || buffer.size > COUNTS_ROOM) {
		abort();
	}
	for (uint32_t n = 0; n < buffer.size; n++) {
		take_byte(buffer.bytes[n]);
	}
}

/* What a test has taken away: the counts are written behind this. */
static __attribute__((destructor)) void
lift_limits(void)
{
	static const int limits[] = { RLIMIT_NOFILE, RLIMIT_AS };
	struct rlimit limit;

	for (unsigned int n = 0; n < sizeof(limits) / sizeof(limits[0]); n++) {
		getrlimit(limits[n], &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(limits[n], &limit);
	}
}

struct end
__wrap_devices_out(struct devices *devices, uint16_t port, const uint8_t *data, uint32_t size,
                   uint32_t *errors)
{
	if (port != COUNTS_PORT || size != sizeof(uint32_t) || getenv("COUNTS") == NULL) {
		return __real_devices_out(devices, port, data, size, errors);
	}
	take_buffer(devices->console.memory, data);
	return (struct end){ .kind = END_NONE };
}
