#!/bin/sh
# bughunt.sh [--seeds N] [--seconds N] [--workers N] [--log FILE] [--resume] [--search NAME]... [--bug NAME]...
#
# How long does each search need for each seeded bug of guest/bug.h? A row for each: executions and seconds
# of processor time, medians over the seeds (5); "> 20 s" where most of them did not find it within as
# many seconds (20): no more seeds are tried then. A "?" stands behind what fewer seeds say so far.
#
#   random  random inputs: operations and schedule
#   pct     random operations, the schedule by priorities with up to 4 changes (Burckhardt et al. 2010)
#   guided  libFuzzer, by coverage, from an empty corpus
#
# Found is what fails with the bug, again in a new process, and not without it. tests/fuzz/bughunt.txt says by
# which target a bug is looked for, and which ones no input can show. What was found, by which words, is
# in FILE (build/bughunt.log), the first input of each beside it (build/bughunt/BUG.SEARCH), for
# build/replay/TARGET. All bugs are looked for from one seed before the next: a hunt that was
# interrupted has a table, and --resume goes on with it. Fails if a bug that an input can show was
# found by no search.
list=tests/fuzz/bughunt.txt
searches="random pct guided"

# What is known of a bug and a search: "decided" if its median is.
state() { # BUG SEARCH
	awk -v bug="$1" -v search="$2" -v seeds="$seeds" '
	$1 == bug && $2 == search {
		count++
		capped += $4 != "found"
	}
	END {
		if (count >= seeds || 2 * capped > seeds) {
			print "decided"
		}
	}' "$log"
}

# One search from one seed, if it is not done, and can say anything new.
look() { # SEED BUG TARGET SEARCH
	if grep -q "^$2 $4 $1 " "$log" || [ "$(state "$2" "$4")" = decided ]; then
		return
	fi
	save=$inputs/$2.$4
	[ -e "$save" ] && save=/dev/null
	answer=$(build/hunt/"$3" --bug "$2" --search "$4" --seed "$1" --seconds "$seconds" \
		--fuzzer build/fuzz_fast/"$3" --save "$save" 2>>"$log.alarms")
	[ $? -le 1 ] || answer="failed 0 $seconds"
	printf '%s %s %s %s\n' "$2" "$4" "$1" "$answer" >>"$log"
}

if [ "$1" = --look ]; then # by xargs: the options are in the environment
	[ -e "$temp/stop" ] && exit 255
	look "$2" "$3" "$4" "$5"
	exit 0
fi

log=build/bughunt.log
seeds=5
seconds=20
workers=2
resume=false
chosen=
bugs=
while [ $# -gt 0 ]; do
	case $1 in
	--resume)
		resume=true
		shift
		continue
		;;
	--seeds) seeds=$2 ;;
	--seconds) seconds=$2 ;;
	--workers) workers=$2 ;;
	--log) log=$2 ;;
	--search) chosen="$chosen $2" ;;
	--bug) bugs="$bugs $2" ;;
	*) break ;;
	esac
	[ $# -gt 1 ] || break
	shift 2
done
if [ $# != 0 ]; then
	sed -n 's/^# \(bughunt.sh .*\)/usage: \1/p' "$0" >&2
	exit 64
fi
chosen=${chosen:-$searches}
inputs=${log%.log}
[ "$inputs" = "$log" ] && inputs=$log.inputs
temp=$(mktemp -d) || exit 71
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM
export seeds seconds log inputs temp

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
grep -v ' -$' "$temp/all" >"$temp/bugs"
if ! [ -s "$temp/all" ]; then
	echo "bughunt: no such bug:$bugs" >&2
	exit 64
fi

# What is resumed was made by the same programs, in the same time.
mkdir -p "$inputs" || exit 73
made_by="# $seconds s, $(cksum build/hunt/* build/fuzz_fast/fuzz_sched build/fuzz_fast/fuzz_vcpu 2>/dev/null |
	cut -d' ' -f1 | paste -s -d' ')"
if ! $resume; then
	for search in $searches; do
		rm -f "$inputs"/*".$search"
	done
	echo "$made_by" >"$log"
	: >"$log.alarms"
elif ! grep -qxF "$made_by" "$log" 2>/dev/null; then
	echo "bughunt: $log is of other programs, or of other seconds: --resume cannot go on with it" >&2
	exit 64
fi

# What there is to do, as "SEED BUG TARGET SEARCH".
for seed in $(seq "$seeds"); do
	while read -r bug target; do
		for search in $chosen; do
			echo "$seed $bug $target $search"
		done
	done <"$temp/bugs"
done >"$temp/work"

# table: rows of $temp/bugs, the quickest first, from $log. Exit status: 0 if each is found by a search.
table() {
	awk -v chosen="$chosen" -v seeds="$seeds" '
	# The middle one of so many; capped ones are the largest.
	function median(values, count, of,    n, k, kept) {
		for (n = 2; n <= count; n++) {
			kept = values[n]
			for (k = n - 1; k > 0 && values[k] > kept; k--) {
				values[k + 1] = values[k]
			}
			values[k + 1] = kept
		}
		return values[int((of + 1) / 2)]
	}
	BEGIN { searches = split(chosen, name) }
	FNR == NR {
		if (/^#/) {
			next
		}
		key = $1 " " $2
		count[key]++
		capped[key] += $4 != "found"
		if ($4 == "found") {
			executions[key, ++found[key]] = $5
			took[key, found[key]] = $6
		}
		next
	}
	{
		best = 1e9
		row = ""
		for (n = 1; n <= searches; n++) {
			key = $1 " " name[n]
			mark = count[key] < seeds && 2 * capped[key] <= seeds ? "?" : "!"
			if (count[key] == 0) {
				row = row " . ?"
				continue
			}
			if (found[key] < int((count[key] + 1) / 2)) {
				row = row " - " mark
				continue
			}
			for (k = 1; k <= found[key]; k++) {
				number[k] = executions[key, k] + 0
				second[k] = took[key, k] + 0
			}
			middle = median(second, found[key], count[key])
			row = row " " median(number, found[key], count[key]) " " middle mark
			best = middle < best ? middle : best
		}
		print best, $1, $2 row
	}' "$log" "$temp/bugs" | sort -k1,1n -k2,2 | awk -v chosen="$chosen" -v cap=">$seconds s" '
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
		line = sprintf("%-27s %-10s", $2, $3)
		for (n = 1; n <= searches; n++) {
			is_open = sub(/\?/, "", $(3 + 2 * n)) ? "?" : " "
			open += is_open == "?"
			if ($(2 + 2 * n) == ".") {
				line = line sprintf(" %11s %7s", "", is_open)
			} else if ($(2 + 2 * n) == "-") {
				line = line sprintf(" %11s %7s", "", cap is_open)
			} else {
				line = line sprintf(" %11d %6.2f%s", $(2 + 2 * n), $(3 + 2 * n), is_open)
				found++
				by[n]++
			}
		}
		sub(/ +$/, "", line)
		print line
		any += found > 0
		each += found == searches
	}
	END {
		printf "\n%d bugs that an input can show: %d found by a search at least, %d by each,\n", NR, any, each
		for (n = 1; n <= searches; n++) {
			printf "%s%d by %s", n == 1 ? "" : ", ", by[n], name[n]
		}
		printf "%s\n", open ? sprintf("; %d medians are not known yet", open) : ""
		exit any != NR
	}'
}

# left: what is done, and how long the rest takes as it has been so far: found again as before, capped as
# before, and what was not looked for yet as the others.
left() {
	awk -v seeds="$seeds" -v cap="$seconds" -v workers="$workers" -v elapsed="$1" -v before="$2" '
	FNR == NR {
		if (!/^#/) {
			key = $1 " " $2
			count[key]++
			capped[key] += $4 != "found"
			sum[key] += $6
			is_done[key " " $3] = 1
			all += $6
			n++
		}
		next
	}
	{
		key = $2 " " $4
		total++
		if (is_done[key " " $1] || 2 * capped[key] > seeds) {
			done++
		} else {
			rest += count[key] ? sum[key] / count[key] : n ? all / n : cap
		}
	}
	END {
		spent = all - before
		pace = spent > 10 ? elapsed / spent : 1 / workers
		minutes = int(rest * pace / 60 + 0.5)
		printf "%d of %d searches; about %d h %02d min left", done, total, minutes / 60, minutes % 60
	}' "$log" "$temp/work"
}

# What runs goes on to its end when this is interrupted: it takes a search's seconds at most.
trap 'touch "$temp/stop"' INT TERM
xargs -r -P "$workers" -n 4 sh "$0" --look <"$temp/work" 2>/dev/null &
pid=$!
if [ -t 2 ]; then
	began=$(date +%s)
	before=$(grep -v '^#' "$log" | awk '{ sum += $6 } END { print sum + 0 }')
	while kill -0 $pid 2>/dev/null; do
		printf '\r%s\033[K' "$(left $(($(date +%s) - began)) "$before")" >&2
		sleep 2
	done
	printf '\r\033[K' >&2
fi
while kill -0 $pid 2>/dev/null; do
	wait $pid
done

table
status=$?
while read -r bug target; do
	[ "$target" = - ] && grep "^$bug " $list
done <"$temp/all" >"$temp/none"
if [ -s "$temp/none" ]; then
	printf '\n%d that none can show:\n' "$(wc -l <"$temp/none")"
	sed 's/^\([^ ]*\) - /\1 /' "$temp/none" | awk '{ printf "%-27s", $1; $1 = ""; print }'
fi
if grep -q "^hunt: " "$log.alarms"; then
	printf '\n'
	grep "^hunt: " "$log.alarms" | sort | uniq -c | sort -rn | cut -c1-100 | head -20
fi
if grep -q ' failed ' "$log"; then
	printf '\n%d searches could not be made: see %s\n' "$(grep -c ' failed ' "$log")" "$log.alarms"
	status=1
fi
if [ -e "$temp/stop" ]; then
	printf '\ninterrupted; --resume goes on\n'
	exit 130
fi
exit $status
