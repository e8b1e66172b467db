// SPDX-License-Identifier: ISC
#include "guest/preempt_names.h"

#include "guest/bug.h"
#include "guest/format.h"
#include "guest/string.h"

const char *const preempt_model_names[PREEMPT_MODEL_COUNT] = {
	[PREEMPT_NONE] = "none",
	[PREEMPT_VOLUNTARY] = "voluntary",
	[PREEMPT_FULL] = "full",
	[PREEMPT_LAZY] = "lazy",
};

bool
preempt_names_parse(const char *text, size_t size, enum preempt_model *model)
{
	for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
		const char *name = preempt_model_names[m];

		if (strlen(name) == size && memcmp(name, text, size) == 0) {
			*model = (enum preempt_model)m;
			return true;
		}
	}
	return false;
}

size_t
preempt_names_format(char *buf, size_t size, enum preempt_model active)
{
	size_t length = 0;

	buf[0] = '\0';
	for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
		bool is_active = m == active && !(bug(MODEL_ZERO_UNSHOWN) && m == 0);

		length += format_string(buf + length, size - length, "%s%s%s%s", m == 0 ? "" : " ",
		                        is_active ? "(" : "", preempt_model_names[m],
		                        is_active ? ")" : "");
	}
	return length;
}
