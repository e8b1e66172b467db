#!/bin/sh
# properties.sh: the properties of Linux's preemption model, and what proves each here: the tests whose
# comment names it, the broken variants that they must catch, and whether they passed last time.
cd "$(dirname "$0")/.." || exit 1

# FILE STAMPS: where tests are, and which runs prove them.
proofs() {
	for file in tests/explore/*_test.c; do
		name=$(basename "$file" _test.c)
		echo "$file explore_${name}_folded explore_${name}_generic explore_${name}_asan"
	done
	for file in tests/unit/*_test.c; do
		echo "$file $(basename "$file" _test.c)"
	done
	echo "tests/scenario/kernel.c guest qemu"
	echo "tests/scenario/sweep.c qemu"
	echo "tests/scenario/guest_test.c guest"
	echo "tests/scenario/shell_test.c shell"
	echo "tests/interop/qemu_test.c qemu"
}

# Prints "PROPERTY FILE KIND TEST" for each property that a test's comment names.
tests_of() { # FILE
	awk -v file="$1" '
	function expand_range(from, to) {
		for (n = from; n <= to; n++) {
			named["P" n] = 1
		}
	}
	/^\/\*/ { comment = ""; open = 1 }
	open { comment = comment " " $0 }
	/\*\// { open = 0; next }
	/^START_TEST\(|^(check|sweep)_[a-z_]+\(/ && comment != "" {
		test = $0
		sub(/^START_TEST\(/, "", test)
		sub(/\(.*/, "", test)
		sub(/\).*/, "", test)
		kind = comment ~ /mutant|seeded bug/ ? "mutant" : "test"
		delete named
		while (match(comment, /P[0-9]+(-P?[0-9]+)?/)) {
			range = substr(comment, RSTART, RLENGTH)
			comment = substr(comment, RSTART + RLENGTH)
			gsub(/P/, "", range)
			count = split(range, ends, "-")
			expand_range(ends[1], ends[count])
		}
		for (property in named) {
			print property, file, kind, test
		}
		comment = ""
	}' "$1"
}

found=$(mktemp)
trap 'rm -f "$found"' EXIT
proofs | while read -r file stamps; do
	result=passed
	for stamp in $stamps; do
		if [ ! -e "build/test/$stamp.passed" ]; then
			result="not run"
		fi
	done
	tests_of "$file" | sed "s/\$/ $result/"
done >"$found"

# The registry of seeded bugs: name, and the property that it breaks.
awk '
/define BUGS/ { inside = 1; next }
/^enum bug/ { exit }
inside && /^\tX\(/ { name = $0; sub(/^\tX\(/, "", name); sub(/,.*/, "", name) }
inside && match($0, /"P[0-9]+"/) {
	gsub(/_/, "-", name)
	print substr($0, RSTART + 1, RLENGTH - 2), "guest/bug.h", "bug", tolower(name)
}' guest/bug.h >>"$found"

awk '
NR == FNR {
	property = $1
	file = $2
	sub(/.*\//, "", file)
	sub(/_test\.c$|\.c$/, "", file)
	if ($3 == "bug") {
		bugs[property] = bugs[property] " " $4
		next
	}
	line = sprintf("       %-10s %-60s %s", file, $4, $5 == "not" ? "not run" : $3 == "mutant" ? "mutants die" : "passed")
	lines[property] = lines[property] line "\n"
	tests[property] += $3 == "test"
	pending += $5 == "not"
	next
}
{
	property = $1
	words = $0
	sub(/^P[0-9]+ /, "", words)
	printf "%-5s  %-70s  %s\n", property, words, tests[property] ? "" : "open"
	printf "%s", lines[property]
	if (bugs[property]) {
		printf "       seeded bugs:%s\n", bugs[property]
	}
	tests[property] ? proved++ : open++
}
END { printf "%d of %d properties have a test, %d are open; %d results are missing\n", proved, proved + open, open, pending }
' "$found" tests/properties.txt
