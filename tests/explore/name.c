// SPDX-License-Identifier: ISC
#include "tests/explore/name.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/explore/explore.h"

#define NAMES_MAX 64

struct name {
	const void *addr;
	char text[32];
	bool shown;
	const char *(*words)(uint32_t value);
};

static struct name names[NAMES_MAX];
static unsigned int name_count;

static struct name *
find(const void *addr)
{
	for (unsigned int n = 0; n < name_count; n++) {
		if (names[n].addr == addr) {
			return &names[n];
		}
	}
	return NULL;
}

static struct name *
find_or_add(const void *addr)
{
	struct name *name = find(addr);

	if (name == NULL && name_count < NAMES_MAX) {
		name = &names[name_count++];
	}
	return name;
}

void
explore_name(const void *addr, const char *format, ...)
{
	struct name *name = find_or_add(addr);
	va_list args;

	if (name != NULL) {
		*name = (struct name){ .addr = addr };
		va_start(args, format);
		vsnprintf(name->text, sizeof(name->text), format, args);
		va_end(args);
	}
}

void
explore_show(const void *addr, const char *(*words)(uint32_t value))
{
	struct name *name = find(addr);

	if (name != NULL) {
		name->shown = true;
		name->words = words;
	}
}

void
name_forget(void)
{
	name_count = 0;
}

const char *
name_of(const void *addr)
{
	static char text[32];
	const struct name *name = find(addr);

	if (addr == NULL) {
		return "";
	}
	if (name != NULL) {
		return name->text;
	}
	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX; cpu++) {
		if (addr == &host_cpu(cpu)->pending) {
			snprintf(text, sizeof(text), "cpu %u", cpu);
			return text;
		}
	}
	snprintf(text, sizeof(text), "%p", addr);
	return text;
}

bool
name_is_shown(const void *addr)
{
	const struct name *name = find(addr);

	return name != NULL && name->shown;
}

void
name_value(const void *addr, uint32_t value, char *text, size_t size)
{
	const struct name *name = find(addr);
	const char *words = name != NULL && name->words != NULL ? name->words(value) : NULL;

	if (words != NULL) {
		snprintf(text, size, "%s", words);
	} else {
		snprintf(text, size, value < 10 ? "%u" : "%#x", value);
	}
}
