#!/bin/sh
# image_test.sh GUEST.ELF FAST_PATHS.O NO_REGISTRY.ELF: what the compiler and the linker made of
# guest.elf; the third is the same kernel, compiled without the registry of seeded bugs.
guest=$1
fast_paths=$2
no_registry=$3
checks=0
failures=0

check() { # WHAT CONDITION...
	what=$1
	shift
	checks=$((checks + 1))
	if ! "$@"; then
		failures=$((failures + 1))
		echo "FAILED: $what"
	fi
}

# The mnemonics of a function, up to the first ret, on one line.
mnemonics() {
	objdump -d --no-show-raw-insn "$fast_paths" | awk -v f="<$1>:" '
		$2 == f { inside = 1; next }
		inside { printf "%s%s", separator, $2; separator = " " }
		inside && $2 ~ /^ret/ { exit }'
}

no_symbol() { ! nm "$guest" | grep -qE " $1"; }

no_string() { ! strings -d "$guest" | grep -qF -- "$1"; }

same_text() {
	temp=$(mktemp -d)
	objcopy -O binary -j .text "$guest" "$temp/with" &&
		objcopy -O binary -j .text "$no_registry" "$temp/without" &&
		[ -s "$temp/with" ] && cmp "$temp/with" "$temp/without"
	status=$?
	rm -r "$temp"
	return $status
}

writable_and_executable() { readelf -lW "$guest" | grep -q 'LOAD.*RWE'; }

# J1: one instruction counts up; one counts down, and one branch is not taken.
check "preempt_disable is $(mnemonics probe_preempt_disable)" \
	test "$(mnemonics probe_preempt_disable)" = "addl ret"
check "preempt_enable is $(mnemonics probe_preempt_enable)" \
	test "$(mnemonics probe_preempt_enable)" = "decl je ret"
# Seeded bugs leave nothing behind in the image that is run and measured.
check "guest.elf has code of the registry of bugs" no_symbol '[tTdDbB] bug_'
check "guest.elf has text of the registry of bugs" no_string 'dead-task'
check "guest.elf has text of the registry of bugs" no_string 'DEAD_TASK_PREEMPTIBLE'
check "guest.elf has another text than without the registry" same_text
# W^X begins with the image.
check "a segment of guest.elf is writable and executable" eval '! writable_and_executable'

percent=$(((checks - failures) * 100 / checks))
echo "$percent%: Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
