// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/kinds.h"

#include "tests/fuzz/exit/guest.h"
#include "tests/fuzz/exit/host.h"

#include <stdio.h>

#define OPERATION(kind)  .type = FUZZ_TYPE(FUZZ_OPERATIONS, OP_##kind), .name = #kind
#define REPLY(kind)      .type = FUZZ_TYPE(FUZZ_REPLIES, REPLY_##kind), .name = #kind
#define ARGS(count, ...) .arg_count = (count), .args = { __VA_ARGS__ }
#define BELOW(...)       .below = { __VA_ARGS__ }
#define ANY              256
#define SHAPES           8
#define KERNEL_BASE      0xffffffff80000000ull

const struct fuzz_kind exit_kinds[EXIT_KIND_COUNT] = {
	{ OPERATION(OUT), ARGS(8, "place", "port", "log size", "count", "0", "1", "2", "3"),
	  BELOW(EXIT_PLACES, ANY, 3, ANY, ANY, ANY, ANY, ANY) },
	{ OPERATION(IN), ARGS(4, "place", "port", "log size", "count"),
	  BELOW(EXIT_PLACES, ANY, 3, ANY) },
	{ OPERATION(RING), ARGS(3, "register", "low", "rest"), BELOW(8, ANY, 8) },
	{ OPERATION(ASK), ARGS(1, "register"), BELOW(8) },
	{ OPERATION(UART_OUT), ARGS(2, "register", "value"), BELOW(8, ANY) },
	{ OPERATION(UART_IN), ARGS(1, "register"), BELOW(8) },
	{ OPERATION(TYPE), ARGS(2, "count", "first"), BELOW(64, ANY) },
	{ OPERATION(MMIO), ARGS(4, "write", "length", "address", "data"), BELOW(2, 9, ANY, ANY) },
	{ OPERATION(REASON), ARGS(2, "low", "high"), BELOW(64, 2) },
	{ OPERATION(INTERNAL), ARGS(3, "suberror", "count", "data"), BELOW(8, ANY, ANY) },
	{ OPERATION(FAIL_ENTRY), ARGS(2, "reason", "cpu"), BELOW(ANY, ANY) },
	{ OPERATION(SYSTEM), ARGS(2, "type", "count"), BELOW(8, ANY) },
	{ OPERATION(ERRNO), ARGS(1, "which"), BELOW(8) },
	{ OPERATION(INPUT), ARGS(2, "count", "first"), BELOW(40, ANY) },
	{ OPERATION(INPUT_END), ARGS(0, NULL) },
	{ OPERATION(EVENT), ARGS(1, "which"), BELOW(8) },
	{ OPERATION(NMI), ARGS(1, "cpu"), BELOW(GUEST_CPUS_MAX) },
	{ OPERATION(CPU), ARGS(1, "cpu"), BELOW(GUEST_CPUS_MAX) },
	{ OPERATION(STOP), ARGS(1, "why"), BELOW(4) },
	{ OPERATION(READER), ARGS(2, "does", "amount"), BELOW(EXIT_READER_COUNT, ANY) },
	{ OPERATION(PART), ARGS(1, "times"), BELOW(32) },
	{ OPERATION(ORDER), ARGS(2, "what", "exit"), BELOW(3, 8) },
	{ OPERATION(MACHINE), ARGS(3, "ring", "names", "trace"), BELOW(4, 2, 4) },
	{ REPLY(SAY), ARGS(3, "exits", "phrase", "times"), BELOW(EXIT_REPLY_DELAYS, 8, ANY) },
	{ REPLY(HEAD), ARGS(4, "exits", "base", "distance", "back"),
	  BELOW(EXIT_REPLY_DELAYS, 4, ANY, 2) },
	{ REPLY(WORD), ARGS(7, "exits", "region", "at", "at high", "shape", "low", "high"),
	  BELOW(EXIT_REPLY_DELAYS, 4, ANY, 32, SHAPES, ANY, ANY) },
	{ REPLY(TRACE), ARGS(5, "exits", "field", "shape", "low", "high"),
	  BELOW(EXIT_REPLY_DELAYS, 8, SHAPES, ANY, ANY) },
	{ REPLY(RECORD), ARGS(6, "exits", "slot", "event", "shape", "low", "high"),
	  BELOW(EXIT_REPLY_DELAYS, 64, 32, SHAPES, ANY, ANY) },
	{ REPLY(TRACED), ARGS(4, "exits", "records", "records high", "capacity"),
	  BELOW(EXIT_REPLY_DELAYS, ANY, ANY, 5) },
	{ REPLY(FRAME), ARGS(5, "exits", "at", "shape", "low", "high"),
	  BELOW(EXIT_REPLY_DELAYS, ANY, SHAPES, ANY, ANY) },
	{ REPLY(REGISTER), ARGS(5, "exits", "register", "shape", "low", "high"),
	  BELOW(EXIT_REPLY_DELAYS, 8, SHAPES, ANY, ANY) },
	{ REPLY(STATE), ARGS(3, "exits", "cpu", "state"),
	  BELOW(EXIT_REPLY_DELAYS, GUEST_CPUS_MAX, GUEST_STATE_COUNT) },
	{ REPLY(MAP), ARGS(4, "exits", "shape", "low", "high"),
	  BELOW(EXIT_REPLY_DELAYS, SHAPES, ANY, ANY) },
};

unsigned int
exit_small(const struct fuzz_item *item, unsigned int n)
{
	unsigned int value = fuzz_arg(item, n, 256);

	return value < 64 ? value / 16 : value;
}

uint64_t
exit_shaped(const struct fuzz_item *item, unsigned int n)
{
	uint64_t value = exit_small(item, n + 1) | exit_small(item, n + 2) << 8;

	switch (fuzz_arg(item, n, 8)) {
	case 0:
		return value;
	case 1:
		return 0 - value;
	case 2:
		return value << 16;
	case 3:
		return value << 32;
	case 4:
		return KERNEL_BASE + value;
	case 5:
		return value << 48;
	case 6:
		return (1ull << 63) + value;
	default:
		return MEMORY_HIGH_BASE + value;
	}
}

void
exit_kind_format(enum fuzz_stream stream, const struct fuzz_item *item, char line[EXIT_LINE_MAX])
{
	const struct fuzz_kind *kind = NULL;
	int length;

	for (size_t n = 0; n < EXIT_KIND_COUNT; n++) {
		if (exit_kinds[n].type == FUZZ_TYPE(stream, item->kind)) {
			kind = &exit_kinds[n];
		}
	}
	if (kind == NULL) {
		snprintf(line, EXIT_LINE_MAX, "%s of unknown kind %u",
		         stream == FUZZ_REPLIES ? "reply" : "operation", item->kind);
		return;
	}
	length = snprintf(line, EXIT_LINE_MAX, "%s%-10s", stream == FUZZ_REPLIES ? "  " : "",
	                  kind->name);
	for (unsigned int n = 0; n < kind->arg_count && length < EXIT_LINE_MAX; n++) {
		unsigned int below = kind->below[n] != 0 ? kind->below[n] : ANY;

		length += snprintf(line + length, (size_t)(EXIT_LINE_MAX - length), " %s=%u",
		                   kind->args[n], fuzz_arg(item, n, below));
	}
}
