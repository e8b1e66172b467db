#!/bin/sh
# canary.sh TARGET:BINARY:BUG:WORDS...: what is planted must be found, within seconds, by those words; and
# without it nothing may be. BUG: a seeded bug, which says the same in the plain program, and is still
# there when the input is made small; or empty: the binary has a mistake in it. Where it can be found by
# different words, " or " stands between them.
seconds=20
effort=1000 # executions without a bug, at least
folder=build/canary/found
checks=0
failures=0
rm -rf $folder
mkdir -p $folder

fail() { # WORDS
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# libFuzzer from a seed; new inputs are not kept. $1: the name of the run, $2: the binary, then options
# and the corpus. Sets `executions`.
fuzz() {
	run=$1 fuzzer=$2
	shift 2
	mkdir -p "$folder/$run"
	set -- -seed=1 -max_total_time=$seconds -len_control=0 -print_final_stats=1 \
		-artifact_prefix="$folder/$run/" "$@"
	[ -e "tests/fuzz/dict/$target.dict" ] && set -- "$@" "-dict=tests/fuzz/dict/$target.dict"
	mkdir -p "$folder/$run/new"
	FUZZ_FINDINGS=$folder/$run "$fuzzer" "$folder/$run/new" "$@" >"$folder/$run/log" 2>&1
	status=$?
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$run/log")
	return $status
}

# The plain program says the same of what was found, and of what is left of it.
replay() { # NAME BUG WORDS
	input=$(find "$folder/$1" -maxdepth 1 -type f -name "$target-*" | head -n 1)
	program=build/replay/$target
	checks=$((checks + 1))
	if ! "$program" --bug "$2" --shrink "$input.small" "$input" >"$input.log" 2>&1; then
		fail "$program --bug $2 --shrink $input.small $input"
	elif ! "$program" --bug "$2" "$input" "$input.small" | grep -cF "$3" | grep -qx 2; then
		fail "$program --bug $2 $input $input.small: not '$3'"
	else
		echo "    replayed, and shrunk from $(wc -c <"$input") to $(wc -c <"$input.small") bytes"
	fi
}

found() { # BINARY BUG WORDS
	name=$(basename "$1")${2:+-$2}
	checks=$((checks + 1))
	[ -z "$2" ] || export FUZZ_BUG="$2"
	fuzz "$name" "$1" "tests/fuzz/corpus/$target"
	status=$?
	unset FUZZ_BUG
	if [ $status = 0 ]; then
		fail "$name is not found in $executions executions"
	elif ! grep -a '^FINDING: \|ERROR: Addr' "$folder/$name/log" | grep -qF "$3"; then
		fail "$name is found by other words: see $folder/$name/log"
	else
		echo "$name: found after ${executions:-?} executions"
		[ -z "$2" ] || replay "$name" "$2" "$3"
	fi
}

quiet() {
	checks=$((checks + 1))
	if fuzz "$target" "build/fuzz/$target" -runs=$effort "tests/fuzz/corpus/$target"; then
		echo "$target: nothing in $executions executions"
	else
		fail "$target: something is found without a bug: see $folder/$target/log"
	fi
}

last=
for canary in "$@"; do
	IFS=: read -r target binary bug words <<-END
		$canary
	END
	if [ "$target" != "$last" ]; then
		quiet
		last=$target
	fi
	found "$binary" "$bug" "$(printf '%s' "$words" | sed 's/ or /\n/g')"
done
echo "$(((checks - failures) * 100 / checks))%: Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
