#!/bin/sh
# canary.sh TARGET:BINARY:BUG:WORDS...: what is planted must be found, by those words, within so many
# executions; and without it nothing may be. BUG: a seeded bug, which says the same in the plain program,
# and is still there when the input is made small; or empty: the binary has a mistake in it. Where it can
# be found by different words, " or " stands between them.
#
# No clock decides: the search is the same each time, from one seed and the corpus in one order.
most=400000 # executions
quiet=1000  # without a bug
folder=build/canary/found
unset FUZZ_BUG FUZZ_FINDINGS
checks=0
failures=0
rm -rf $folder
mkdir -p $folder

fail() { # WORDS
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# libFuzzer from the target's corpus; new inputs are not kept. $1: the name of the run, $2: the binary,
# $3: executions. Sets `executions`.
fuzz() {
	run=$1 fuzzer=$2
	mkdir -p "$folder/$run"
	LC_ALL=C find "tests/fuzz/corpus/$target" -type f | LC_ALL=C sort | paste -s -d, >"$folder/$run/seeds"
	set -- -seed=1 "-runs=$3" -len_control=0 -reload=0 -print_final_stats=1 \
		"-artifact_prefix=$folder/$run/" "-seed_inputs=@$folder/$run/seeds"
	[ -e "tests/fuzz/dict/$target.dict" ] && set -- "$@" "-dict=tests/fuzz/dict/$target.dict"
	FUZZ_FINDINGS=$folder/$run "$fuzzer" "$@" >"$folder/$run/log" 2>&1
	status=$?
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$run/log")
	return $status
}

# The command that was printed tells the input again: what is wrong, if the bug is a seeded one; else the
# plain program has it not, and the binary with the mistake says the same of this input alone.
told() { # NAME BINARY BUG WORDS
	command=$(sed -n 's/^To see it again:  //p' "$folder/$1/log")
	checks=$((checks + 1))
	if [ -z "$command" ]; then
		fail "$1: no command is printed: see $folder/$1/log"
		return
	fi
	$command >"$folder/$1/told" 2>&1
	status=$?
	if [ -z "$3" ]; then
		[ $status = 0 ] && FUZZ_FINDINGS=$folder/$1 "$2" "${command##* }" 2>&1 |
			grep -a '^FINDING: ' | grep -qF "$4"
	else
		[ $status = 1 ] && grep -qF "$4" "$folder/$1/told"
	fi || fail "$1: it is not told again: see $folder/$1/told"
}

# What is made small is as wrong.
shrunk() { # NAME BUG WORDS
	command=$(sed -n 's/^To make it small: //p' "$folder/$1/log")
	input=${command##* }
	checks=$((checks + 1))
	if ! $command >"$folder/$1/shrunk" 2>&1; then
		fail "$command: see $folder/$1/shrunk"
	elif ! "build/replay/$target" --bug "$2" "$input.small" | grep -qF "$3"; then
		fail "build/replay/$target --bug $2 $input.small: not '$3'"
	else
		echo "    shrunk from $(wc -c <"$input") to $(wc -c <"$input.small") bytes"
	fi
}

found() { # BINARY BUG WORDS
	name=$(basename "$1")${2:+-$2}
	checks=$((checks + 1))
	[ -z "$2" ] || export FUZZ_BUG="$2"
	fuzz "$name" "$1" $most
	status=$?
	unset FUZZ_BUG
	if [ $status = 0 ]; then
		fail "$name is not found in $executions executions"
	elif ! grep -a '^FINDING: ' "$folder/$name/log" | grep -qF "$3"; then
		fail "$name is found by other words: see $folder/$name/log"
	else
		echo "$name: found after ${executions:-?} executions"
		told "$name" "$1" "$2" "$3"
		[ -z "$2" ] || shrunk "$name" "$2" "$3"
	fi
}

nothing_else() {
	checks=$((checks + 1))
	if fuzz "$target" "build/fuzz/$target" $quiet; then
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
		nothing_else
		last=$target
	fi
	found "$binary" "$bug" "$(printf '%s' "$words" | sed 's/ or /\n/g')"
done
echo "$(((checks - failures) * 100 / checks))%: Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
