// SPDX-License-Identifier: ISC
/*
 * Inputs of a target as a plain program runs them: replayed, told, shrunk.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/target.h"

void
fuzz_feature(uint32_t n)
{
	(void)n;
}

/* TODO(the helper who owns the drivers): options, folders, --tell, --shrink; this is the seed. */
static const char *
replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		return strerror(errno);
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	return fuzz_target.run(data, size < fuzz_target.size_max ? size : fuzz_target.size_max);
}

int
main(int argc, char **argv)
{
	int status = 0;

	if (!fuzz_target.begin(getenv("FUZZ_BUG"))) {
		return 64;
	}
	for (int n = 1; n < argc; n++) {
		const char *finding = replay(argv[n]);

		if (finding != NULL) {
			fprintf(stderr, "%s: %s\n", argv[n], finding);
			status = 1;
		}
	}
	return status;
}
