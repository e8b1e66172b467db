#!/bin/sh
# mutants.sh FOLDER STAMP...: each seeded bug of guest/bug.h, and the suites that catch it by the words
# that the registry says. The explorer's suites have tried their bugs already: the logs beside the stamps
# have a line "MUTANT bug | scenario | reason" for each. The programs that check the kernel from inside
# are run here, under QEMU, with each bug: `kernel` on two cpus, `sweep` with an interrupt at every
# instruction, with those of NMIs `user_nmis`, with those of the vcpus' machine `vcpu_entry`; without a
# bug all must pass. A bug that no suite catches by its words is a failure. The result is kept in
# build/test/mutants.log for properties.sh.
folder=$1
shift
qemu=qemu-system-x86_64
limit=20       # seconds for one run: a bug may hang the kernel
limit_known=12 # if the explorer has caught it already: longer than the checks wait for a lost task
workers=2
columns=100
total=build/test/mutants.total

mkdir -p build/test
rm -f $total
if ! command -v $qemu >/dev/null; then
	echo "SKIP: no $qemu: the seeded bugs were not tried"
	exit 0
fi
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
pids=
trap 'kill $pids 2>/dev/null; exit 130' INT TERM

run() { # SECONDS PROGRAM BOOTARG: in a subshell
	words=$3
	case $2 in
	kernel | vcpu_entry) machine="-smp 2" ;;
	sweep) machine="-icount shift=0,sleep=off" ;;
	user_nmis)
		machine="-icount shift=0,sleep=off -cpu max"
		words="$3 -- 20000 1"
		;;
	esac
	exec timeout "$1" $qemu -accel tcg $machine -m 32 -display none -serial stdio -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=4 -append "$words" \
		-kernel "$folder/$2-bugs.elf" </dev/null 2>&1
}

# Does the line contain one of the words, which " or " separates?
has_words() { # LINE WORDS
	rest=$2
	while :; do
		one=${rest%% or *}
		case $1 in
		*"$one"*) return 0 ;;
		esac
		[ "$one" = "$rest" ] && return 1
		rest=${rest#* or }
	done
}

# Runs the program until the words come: prints "BUG|PROGRAM|LINE" with the line that has them, else
# with the first bad one.
watch() { # PIPE SECONDS PROGRAM BUG WORDS
	run "$2" "$3" "bug=$4" >"$1" &
	pid=$!
	seen=
	while IFS= read -r line; do
		if has_words "$line" "$5"; then
			seen=$line
			break
		fi
		case $line in
		*FAIL* | *panic*) seen=${seen:-$line} ;;
		*' failures' | 'all sweeps passed') seen=${seen:-passed} ;;
		esac
	done <"$1"
	kill $pid 2>/dev/null
	wait $pid
	printf "%s|%s|%s\n" "$4" "$3" "${seen:-no report within $2 s}"
}

# The explorer's line for this bug has the words already.
is_known() { # BUG WORDS
	while IFS='|' read -r bug suite seen; do
		[ "$bug" = "$1" ] && has_words "$seen" "$2" && return 0
	done <"$temp/explored"
	return 1
}

# Every `workers`-th bug, from the number-th on.
work() { # NUMBER
	pid=
	trap 'kill $pid 2>/dev/null; exit 1' TERM
	mkfifo "$temp/pipe$1"
	awk -v n="$1" -v of=$workers 'NR % of == n' "$temp/list" >"$temp/list$1"
	while IFS='|' read -r name property seen mistake words; do
		name=${name%% *}
		words=${words# }
		words=${words%"${words##*[! ]}"}
		[ -t 2 ] && printf '\r\033[K%s' "$name" >&2
		seconds=$limit
		is_known "$name" "$words" && seconds=$limit_known
		watch "$temp/pipe$1" $seconds kernel "$name" "$words"
		watch "$temp/pipe$1" $seconds sweep "$name" "$words"
		case $name in
		nmi-*) watch "$temp/pipe$1" $seconds user_nmis "$name" "$words" ;;
		vcpu-* | window-*) watch "$temp/pipe$1" $seconds vcpu_entry "$name" "$words" ;;
		esac
	done <"$temp/list$1" >"$temp/worker$1"
}

# The explorer's lines, in the form of the others: "bug|suite|what was seen".
for stamp in "$@"; do
	suite=$(basename "$stamp" .passed)
	sed -n "s/^MUTANT \([^ ]*\) | [^|]* | \(.*\)/\1|${suite#explore_}|\2/p" "$stamp.log"
done | sed 's/_folded|/|/' | sort -u | awk -F '|' '
	{ line[NR] = $0; bug[NR] = $1; suite[NR] = $2; killed[$1, $2] = 1 }
	END {
		# Another variant of a suite is worth a word only where the folded one sees nothing.
		for (n = 1; n <= NR; n++) {
			folded = suite[n]
			if (!sub(/_(packed|generic|none)$/, "", folded) || !((bug[n], folded) in killed)) {
				print line[n]
			}
		}
	}' >"$temp/explored"

(run $limit kernel "") >"$temp/clean"
(run $limit sweep "") >>"$temp/clean"
(run $limit user_nmis "") >>"$temp/clean"
(run $limit vcpu_entry "") >>"$temp/clean"
if [ "$(grep -cxE '0 failures|all sweeps passed' "$temp/clean")" != 4 ]; then
	grep -E 'FAIL|panic' "$temp/clean"
	echo "a program fails without a bug"
	exit 1
fi
(run $limit kernel bug=list) | tr -d '\r' | awk '
	/^[a-z-]*: breaks [A-Za-z]/ { name = $1; sub(/:$/, "", name); property = $3; sub(/,$/, "", property)
		seen = $0; if (!sub(/.*, seen in /, "", seen)) { seen = "-" } next }
	/^    caught by: / { sub(/^    caught by: /, "")
		print name " | " property " | " seen " | " mistake " | " $0; next }
	/^    / { mistake = substr($0, 5) }' >"$temp/list"

number=0
while [ $number -lt $workers ]; do
	work $number &
	pids="$pids $!"
	number=$((number + 1))
done
wait
[ -t 2 ] && printf '\r\033[K' >&2

cat "$temp/explored" "$temp"/worker* | awk -v list="$temp/list" -v columns=$columns \
	-v log_file=build/test/mutants.log -v total=$total '
function trim(text) {
	gsub(/^ +| +$/, "", text)
	return text
}
function right_words(bug, seen,    n) {
	for (n = 1; n <= alternatives[bug]; n++) {
		if (index(seen, words[bug, n])) {
			return n
		}
	}
	return 0
}
BEGIN {
	while ((getline line < list) > 0) {
		split(line, field, " \\| ")
		bug = trim(field[1])
		bugs[++count] = bug
		property[bug] = trim(field[2])
		mistake[bug] = trim(field[4])
		rest = line
		for (n = 1; n <= 4; n++) {
			rest = substr(rest, index(rest, " | ") + 3)
		}
		alternatives[bug] = split(trim(rest), parts, " or ")
		for (n = 1; n <= alternatives[bug]; n++) {
			words[bug, n] = parts[n]
		}
	}
}
{
	cut = index($0, "|")
	bug = substr($0, 1, cut - 1)
	rest = substr($0, cut + 1)
	cut = index(rest, "|")
	suite = substr(rest, 1, cut - 1)
	seen = substr(rest, cut + 1)
	n = right_words(bug, seen)
	if (n && !((bug, n, suite) in known)) {
		known[bug, n, suite] = 1
		caught[bug, n] = caught[bug, n] " " suite
		if (!index(all[bug] " ", " " suite " ")) {
			all[bug] = all[bug] " " suite
		}
	} else if (!n) {
		others[bug] = others[bug] "  " suite ": " seen "\n"
	}
}
END {
	printf "" > log_file
	for (i = 1; i <= count; i++) {
		bug = bugs[i]
		printf "%-26s %-9s  %s\n", bug, property[bug], mistake[bug]
		for (n = 1; n <= alternatives[bug]; n++) {
			line = sprintf("  %-64s %s", words[bug, n], caught[bug, n] ? caught[bug, n] : " not heard")
			if (length(line) > columns) {
				sub(/ +$/, "", line)
				line = sprintf("  %s\n  %64s %s", words[bug, n], "", caught[bug, n])
			}
			print line
		}
		print bug " |" (all[bug] ? all[bug] : " nobody") > log_file
		if (all[bug]) {
			passed++
			continue
		}
		failed++
		survivors = survivors " " bug
		printf "  SURVIVES. What was seen instead:\n%s", others[bug]
	}
	if (failed) {
		print "not caught by the right words:" survivors
	}
	sum = sprintf("%d passed, %d failed", passed, failed)
	print sum
	print sum > total
	exit failed != 0 || passed == 0
}'
