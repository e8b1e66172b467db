#!/bin/sh
# bughunt.sh [--seeds N] [--seconds N] [--workers N] [--log FILE] [--search NAME]... [--bug NAME]...
#
# How long does each search need for each seeded bug of guest/bug.h? A row for each: executions and seconds
# of processor time, medians over the seeds (5); "> 20 s" where most of them did not find it within as
# many seconds (20).
#
#   random  random inputs: operations and schedule
#   pct     random operations, the schedule by priorities with up to 4 changes (Burckhardt et al. 2010)
#   guided  libFuzzer, by coverage, from an empty corpus
#
# Found is what fails with the bug, again in a new process, and not without it. tests/fuzz/bughunt.txt says by
# which target a bug is looked for, and which ones no input can show. What was found, by which words, is
# in FILE (build/bughunt.log). Fails if a bug that an input can show was found by no search.
list=tests/fuzz/bughunt.txt
searches="random pct guided"

# answers BUG TARGET SEARCH: a line "found EXECUTIONS SECONDS" for each seed that found it
answers() {
	capped=0
	for seed in $(seq "$seeds"); do
		answer=$(build/hunt/"$2" --bug "$1" --search "$3" --seed "$seed" --seconds "$seconds" \
			--fuzzer build/fuzz_fast/"$2" 2>>"$log.alarms")
		printf '%s %s %s %s\n' "$1" "$3" "$seed" "${answer:-failed}" >>"$log"
		case $answer in
		found*) printf '%s\n' "$answer" ;;
		*) capped=$((capped + 1)) ;;
		esac
		[ $((2 * capped)) -gt "$seeds" ] && break
	done
}

# median COLUMN FILE: the middle of all seeds, or - if most were capped
median() {
	cut -d' ' -f"$1" "$2" | sort -n | sed -n "$(((seeds + 1) / 2))p" | grep . || echo -
}

# row BUG TARGET: makes $temp/BUG.row, "BUG TARGET" and two columns for each search
row() {
	printf '%s %s' "$1" "$2" >"$temp/$1"
	for search in $chosen; do
		answers "$1" "$2" "$search" >"$temp/$1.$search"
		printf ' %s %s' "$(median 2 "$temp/$1.$search")" "$(median 3 "$temp/$1.$search")" >>"$temp/$1"
		rm "$temp/$1.$search"
	done
	echo >>"$temp/$1"
	mv "$temp/$1" "$temp/$1.row"
}

if [ "$1" = --row ]; then # by xargs: the options are in the environment
	row "$2" "$3"
	exit 0
fi

log=build/bughunt.log
seeds=5
seconds=20
workers=2
chosen=
bugs=
while [ $# -gt 1 ]; do
	case $1 in
	--seeds) seeds=$2 ;;
	--seconds) seconds=$2 ;;
	--workers) workers=$2 ;;
	--log) log=$2 ;;
	--search) chosen="$chosen $2" ;;
	--bug) bugs="$bugs $2" ;;
	*) break ;;
	esac
	shift 2
done
if [ $# != 0 ]; then
	sed -n 's/^# \(bughunt.sh .*\)/usage: \1/p' "$0" >&2
	exit 64
fi
chosen=${chosen:-$searches}
temp=$(mktemp -d) || exit 71
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM
export seeds seconds chosen temp log

# Each bug of the registry is in the list, once, and no other.
sed -n 's/^\tX(\([A-Z0-9_]*\),.*/\1/p' guest/bug.h | tr 'A-Z_' 'a-z-' | sort >"$temp/registry"
grep -v '^#' $list | cut -d' ' -f1 | sort >"$temp/listed"
if ! diff "$temp/registry" "$temp/listed" >"$temp/diff"; then
	echo "bughunt: $list (>) is not the list of guest/bug.h's (<):" >&2
	cat "$temp/diff" >&2
	exit 1
fi
grep -v '^#' $list | while read -r bug target reason; do
	case " ${bugs:-$bug} " in
	*" $bug "*) echo "$bug $target" ;;
	esac
done >"$temp/all"
grep -v ' -$' "$temp/all" >"$temp/work"
if ! [ -s "$temp/all" ]; then
	echo "bughunt: no such bug:$bugs" >&2
	exit 64
fi

mkdir -p build
: >$log
: >$log.alarms
count=$(wc -l <"$temp/work")
xargs -P "$workers" -n 2 sh "$0" --row <"$temp/work" &
pid=$!
trap 'kill $pid 2>/dev/null; exit 130' INT TERM
if [ -t 2 ]; then
	while kill -0 $pid 2>/dev/null; do
		printf '\r%d of %d bugs' "$(ls "$temp" | grep -c '\.row$')" "$count" >&2
		sleep 1
	done
	printf '\r\033[K' >&2
fi
wait $pid

# The quickest first; bugs that no search has found last.
cat "$temp"/*.row 2>/dev/null | awk '{
	best = 1e9
	for (n = 4; n <= NF; n += 2) {
		if ($n != "-" && $n < best) {
			best = $n
		}
	}
	print best, $0
}' | sort -k1,1n -k2,2 | awk -v chosen="$chosen" -v cap="> $seconds s" '
BEGIN {
	searches = split(chosen, name)
	printf "%-27s %-10s", "", ""
	for (n = 1; n <= searches; n++) {
		printf " %19s", name[n]
	}
	printf "\n%-27s %-10s", "bug", "target"
	for (n = 1; n <= searches; n++) {
		printf " %11s %7s", "executions", "seconds"
	}
	print ""
}
{
	found = 0
	printf "%-27s %-10s", $2, $3
	for (n = 1; n <= searches; n++) {
		if ($(2 + 2 * n) == "-") {
			printf " %11s %7s", "", cap
		} else {
			printf " %11d %7.2f", $(2 + 2 * n), $(3 + 2 * n)
			found++
			by[n]++
		}
	}
	print ""
	any += found > 0
	each += found == searches
}
END {
	printf "\n%d bugs that an input can show: %d found by a search at least, %d by each", NR, any, each
	for (n = 1; n <= searches; n++) {
		printf "%s %d by %s", n == 1 ? ":" : ",", by[n], name[n]
	}
	printf "\n"
	exit any != NR
}'
status=$?
while read -r bug target; do
	[ "$target" = - ] && grep "^$bug " $list
done <"$temp/all" >"$temp/none"
if [ -s "$temp/none" ]; then
	printf '\n%d that none can show:\n' "$(wc -l <"$temp/none")"
	sed 's/^\([^ ]*\) - /\1 /' "$temp/none" | awk '{ printf "%-27s", $1; $1 = ""; print }'
fi
if grep -q "^hunt: " $log.alarms; then
	printf '\n'
	grep "^hunt: " $log.alarms | sort | uniq -c | sort -rn | cut -c1-100 | head -20
fi
exit $status
