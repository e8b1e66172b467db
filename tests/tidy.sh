#!/bin/sh
# tidy.sh: the rules of the tree (tree_test.sh), the format (clang-format), static analysis (clang-tidy).
cd "$(dirname "$0")/.." || exit 1
failed=0

files() { # FOLDER... -name PATTERN
	find "$@" -type f | sort
}

sh tests/tree_test.sh || failed=1

command -v clang-format >/dev/null || { echo "tidy: clang-format is not installed"; exit 1; }
clang-format --dry-run -Werror $(files shared vmm guest tests -name '*.[ch]') || failed=1

command -v clang-tidy >/dev/null || { echo "tidy: clang-tidy is not installed"; exit 1; }
checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier'
checks="$checks,-bugprone-assignment-in-if-condition,-bugprone-narrowing-conversions"
checks="$checks,-bugprone-macro-parentheses,-bugprone-implicit-widening-of-multiplication-result"
# clang 14 takes every va_list on x86-64 for uninitialized.
checks="$checks,clang-analyzer-*,-clang-analyzer-valist.*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"
clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" $(files vmm -name '*.c') -- \
	-std=gnu17 -I. 2>/dev/null || failed=1
clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" $(files guest -name '*.c') -- \
	-std=gnu17 -I. -Iguest/arch/x86_64 -DCONFIG_DEBUG=0 -DCONFIG_BUGS=0 -DCONFIG_PREEMPT_COUNT=1 \
	-ffreestanding -mcmodel=kernel -mgeneral-regs-only 2>/dev/null ||
	failed=1
[ $failed = 0 ] && echo "tidy"
exit $failed
