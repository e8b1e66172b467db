#!/bin/sh
# bughunt_test.sh: the searches of bughunt.sh find what they shall, where no compiler's fuzzer is needed;
# and what cannot be found is told so.
checks=0
failures=0

check() { # TITLE STATUS WORDS COMMAND...
	checks=$((checks + 1))
	title=$1
	wanted=$2
	words=$3
	shift 3
	out=$("$@" 2>&1)
	status=$?
	if [ $status != "$wanted" ] || ! printf '%s\n' "$out" | grep -q "$words"; then
		printf '%s: status %d, of\n%s\n' "$title" $status "$out"
		failures=$((failures + 1))
	fi
}

hunt="sh tests/bughunt.sh --log build/test/bughunt.hunt --seeds 1 --search random --search pct"
for bug in switch-leak no-resched-ipi enable-ignores-request; do
	check "$bug is found" 0 "1 found by a search at least, 1 by each" $hunt --seconds 10 --bug $bug
done
check "what was found is kept" 1 "Checks: 1, Failures: 1" \
	build/replay/fuzz_sched --bug $bug build/test/bughunt.hunt.inputs/$bug.pct
check "a search in vain fails" 1 "1 bugs that an input can show: 0 found" $hunt --seconds 0.001 --bug switch-leak
check "what no input can show is told" 0 "^packed-wrong-half  *in the packed counter" \
	$hunt --bug packed-wrong-half
check "no such bug" 64 "no such bug: no-bug" $hunt --bug no-bug
check "a search goes on" 0 "^switch-leak .* 777 " sh -c "$hunt --bug switch-leak >/dev/null &&
	sed -i 's/ random 1 found [0-9]* / random 1 found 777 /' build/test/bughunt.hunt &&
	$hunt --resume --bug switch-leak"
check "what others have found is left alone" 64 "cannot go on" $hunt --resume --seconds 7 --bug switch-leak

percent=$(((checks - failures) * 100 / checks))
echo "$percent%: Checks: $checks, Failures: $failures, Errors: 0"
[ $failures = 0 ]
