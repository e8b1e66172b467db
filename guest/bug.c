// SPDX-License-Identifier: ISC
/*
 * The table of seeded bugs, and the choice of one.
 */
#include "guest/bug.h"

#include "guest/arch.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "shared/scenario_abi.h"

#define NAME_SIZE 32 /* bytes, NUL included */

struct seeded_bug {
	const char *name; /* as in the source */
	const char *mistake;
	const char *seen;
	const char *property;
	const char *caught;
};

static const struct seeded_bug bugs[] = {
#define BUG_ENTRY(name, mistake, seen, property, caught) { #name, mistake, seen, property, caught },
	BUGS(BUG_ENTRY)
#undef BUG_ENTRY
};

enum bug bug_active = BUG_COUNT;

/* The source's DEAD_TASK is a user's dead-task. */
static void
spell(char *out, const char *name)
{
	size_t length = 0;

	for (; name[length] != '\0' && length < NAME_SIZE - 1; length++) {
		char c = name[length];

		out[length] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	out[length] = '\0';
}

/* For people and for scripts: three lines a bug. */
static _Noreturn void
list(void)
{
	for (unsigned int i = 0; i < BUG_COUNT; i++) {
		char name[NAME_SIZE];

		spell(name, bugs[i].name);
		printk("%s: breaks %s%s%s\n    %s\n    caught by: %s\n", name, bugs[i].property,
		       bugs[i].seen[0] != '\0' ? ", seen in " : "", bugs[i].seen, bugs[i].mistake,
		       bugs[i].caught);
	}
	arch_exit(EXIT_STATUS_OK);
}

bool
bug_choose(const char *name, size_t size)
{
	if (size == strlen("list") && memcmp(name, "list", size) == 0) {
		list();
	}
	for (unsigned int i = 0; i < BUG_COUNT; i++) {
		char spelled[NAME_SIZE];

		spell(spelled, bugs[i].name);
		if (strlen(spelled) == size && memcmp(spelled, name, size) == 0) {
			bug_active = (enum bug)i;
			return true;
		}
	}
	return false;
}
