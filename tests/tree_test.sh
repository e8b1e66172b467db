#!/bin/sh
# tree_test.sh: the rules of the tree: who may include what, and the marks that every file carries.
cd "$(dirname "$0")/.." || exit 1
checks=0
failures=0

complain() { # TITLE LINES
	checks=$((checks + 1))
	if [ -n "$2" ]; then
		printf '%s:\n%s\n' "$1" "$2"
		failures=$((failures + 1))
	fi
}

# $1: files; the names that they include, as FILE:NAME.
includes() {
	grep -Ho '^#include ["<][^">]*' $1 | sed 's/#include ["<]//'
}

files() { # FOLDER... -name PATTERN
	find "$@" -type f | sort
}

sources=$(find shared vmm guest tests -type f \( -name '*.[chS]' -o -name '*.lds' \) | sort)

complain "shared/ includes more than <stdint.h>, <stddef.h>, <stdbool.h>" \
	"$(includes "$(files shared)" | grep -vE ':std(int|def|bool)\.h$')"
complain "vmm/ includes guest/" "$(includes "$(files vmm)" | grep ':guest/')"
complain "guest/ includes vmm/ or tests/" "$(includes "$(files guest)" | grep -E ':(vmm|tests)/')"
complain "guest/*.[ch] reaches the architecture beside its seam" \
	"$(includes "$(files guest -maxdepth 1)" |
		grep -E ':(guest/)?arch/' | grep -v ':guest/arch\.h$')"
complain "guest/ includes a header of the C library" \
	"$(includes "$(files guest)" | grep '<\?std\|:[a-z]*\.h$' |
		grep -vE ':(std(int|def|bool|arg)|arch_[a-z]+|asm_offsets)\.h$')"
complain "no SPDX line at the top" \
	"$(for file in $sources; do sed -n 1p "$file" | grep -q 'SPDX-License-Identifier: ISC' || echo "$file"; done)"
complain "a header without #pragma once" \
	"$(files shared vmm guest tests -name '*.h' | while read -r file; do grep -q '^#pragma once' "$file" || echo "$file"; done)"
complain "a line of more than 100 columns" \
	"$(for file in $sources; do expand -t8 "$file" | awk -v f="$file" 'length > 100 { print f ":" NR }'; done)"
complain "blanks at the end of a line" "$(grep -nE '[[:blank:]]+$' $sources)"
complain "deprecated names of Linux" "$(grep -nwE 'in_irq|in_interrupt|in_softirq' $sources)"

percent=$(((checks - failures) * 100 / checks))
echo "$percent%: Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
