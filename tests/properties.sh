#!/bin/sh
# properties.sh: the properties of Linux's preemption model; for each, the tests whose comment names it,
# the models under which they run, the mutants that they must kill, and what came of it last time.
#
# A test's comment begins with its properties and, in parentheses, the models that it runs under:
# "P5, P13 (none, full): ...". Without parentheses it is what its file says below. "every" is each model
# that the kernel has.
cd "$(dirname "$0")/.." || exit 1

# The state of each suite: "SUITE passed", "failed" (run.sh removes the log), "skipped".
states() {
	for stamp in build/test/*.passed; do
		suite=${stamp##*/}
		suite=${suite%.passed}
		if [ -e "$stamp.log" ]; then
			echo "state $suite passed"
		elif [ -e "$stamp" ]; then
			echo "state $suite failed"
		fi
	done
	grep -l '^SKIP' build/test/*.passed.log 2>/dev/null |
		sed 's/.*\//state /; s/\.passed\.log$/ skipped/'
	sed -n 's/^build build\/test\/\([a-z_]*\)\.passed: .*/suite \1/p' build.ninja
}

# Who killed which seeded bug: by the words of the registry (mutants.sh; older than the kernel it says
# nothing), and in the explorer by the words of the test.
kills() {
	if [ build/test/mutants.log -nt build/bugs/kernel.o ]; then
		sed 's/^/kill /; s/ |//' build/test/mutants.log
	fi
	for log in build/test/explore_*_folded.passed.log; do
		[ -e "$log" ] || continue
		suite=${log##*/explore_}
		sed -n "s/^MUTANT \([^ ]*\) .*/kill \1 ${suite%_folded.passed.log}/p" "$log"
	done
}

# "test FILE MODELS SUITES": the models are those of a test that names none; suites may be patterns.
tests() {
	for file in tests/explore/*_test.c; do
		name=${file##*/}
		echo "test $file full explore_${name%_test.c}_*"
	done
	for file in tests/unit/*_test.c; do
		name=${file##*/}
		echo "test $file - ${name%_test.c}"
	done
	for file in tests/scenario/*_test.c tests/interop/*_test.c; do
		name=${file##*/}
		echo "test $file full ${name%_test.c}"
	done
	for file in tests/scenario/*.c; do
		case $file in
		*_test.c) ;;
		*/kernel.c) echo "test $file every guest qemu" ;;
		*/sweep.c) echo "test $file every qemu" ;;
		*) echo "test $file full guest" ;;
		esac
	done
}

{ states && kills && tests; } | awk '
function base(path) {
	sub(/.*\//, "", path)
	sub(/_test\.c$|\.c$/, "", path)
	return path
}
# The worst state of the suites that match the patterns.
function state_of(patterns,    n, i, s, count, pattern, result) {
	result = ""
	count = split(patterns, pattern, " ")
	for (i = 1; i <= count; i++) {
		sub(/\*$/, ".*", pattern[i])
		for (s = 1; s <= suite_count; s++) {
			if (suites[s] ~ "^" pattern[i] "$") {
				n = suites[s] in state ? state[suites[s]] : "not run"
				if (result == "" || n == "failed" || (n == "not run" && result != "failed") ||
				    (n == "skipped" && result == "passed")) {
					result = n
				}
			}
		}
	}
	return result == "" ? "not run" : result
}
# Every property that the words name, ranges included, into named[].
function name_properties(words,    range, ends, count, n) {
	split("", named)
	while (match(words, /P[0-9]+(-P?[0-9]+)?/)) {
		range = substr(words, RSTART, RLENGTH)
		words = substr(words, RSTART + RLENGTH)
		gsub(/P/, "", range)
		count = split(range, ends, "-")
		for (n = ends[1] + 0; n <= ends[count] + 0; n++) {
			named["P" n] = 1
		}
	}
}
function models_of(comment, otherwise,    models) {
	if (!match(comment, /P[0-9]+ \([a-z, ]+\)/)) {
		return otherwise
	}
	models = substr(comment, RSTART, RLENGTH)
	sub(/.*\(/, "", models)
	sub(/\)/, "", models)
	return models
}
function add_test(property, line, result, is_mutant) {
	lines[property] = lines[property] line "\n"
	if (!is_mutant) {
		proofs[property]++
	}
	if (result == "not run" || result == "skipped") {
		missing[property]++
	} else if (result == "failed") {
		failing[property]++
	}
}
function read_tests(file, otherwise, patterns,    result, comment, open, test, is_mutant, line, text, p) {
	result = state_of(patterns)
	comment = ""
	open = 0
	while ((getline text < file) > 0) {
		if (text ~ /^\/\*/) {
			comment = ""
			open = 1
		}
		if (open) {
			comment = comment " " text
		}
		if (text ~ /\*\//) {
			open = 0
			continue
		}
		if (comment == "" || text !~ /^START_TEST\(|^(check|sweep)_[a-z_]+\(/) {
			continue
		}
		test = text
		sub(/^START_TEST\(/, "", test)
		sub(/[()].*/, "", test)
		is_mutant = comment ~ /[Mm]utant|seeded bug/
		name_properties(comment)
		line = sprintf("       %-16s %-10s %-53s %s", models_of(comment, otherwise), base(file), test,
			result == "passed" && is_mutant ? "it dies" : result)
		for (p in named) {
			add_test(p, line, result, is_mutant)
		}
		comment = ""
	}
	close(file)
}
function read_bugs(file,    text, inside, bug, p) {
	while ((getline text < file) > 0) {
		if (text ~ /define BUGS/) {
			inside = 1
		} else if (text ~ /^enum bug/) {
			break
		} else if (inside && text ~ /^\tX\(/) {
			bug = text
			sub(/^\tX\(/, "", bug)
			sub(/,.*/, "", bug)
			gsub(/_/, "-", bug)
			bug = tolower(bug)
		}
		if (inside && match(text, /"P[0-9]+[-P0-9, ]*"/)) {
			name_properties(substr(text, RSTART, RLENGTH))
			for (p in named) {
				bugs[p] = bugs[p] " " bug
			}
		}
	}
	close(file)
}
function show_bugs(property,    list, count, n, line, killers) {
	count = split(bugs[property], list, " ")
	for (n = 1; n <= count; n++) {
		killers = killed[list[n]]
		if (killers ~ /nobody/) {
			line = "SURVIVES"
			survivors[property] = 1
			surviving++
		} else if (killers != "") {
			line = "killed by" killers
			dead++
		} else {
			line = "not run"
			untried++
		}
		shown = shown sprintf("       bug %-24s %s\n", list[n], line)
	}
}
function result_of(property) {
	if (!proofs[property]) {
		return "open"
	}
	if (failing[property]) {
		return "FAILS"
	}
	if (property in survivors) {
		return "MUTANT LIVES"
	}
	return missing[property] ? "not run" : "holds"
}
/^state/ { state[$2] = $3 }
/^suite/ { suites[++suite_count] = $2 }
/^kill/ {
	for (i = 3; i <= NF; i++) {
		if (!index(killed[$2] " ", " " $i " ")) {
			killed[$2] = killed[$2] " " $i
		}
	}
}
/^test/ {
	patterns = ""
	for (i = 4; i <= NF; i++) {
		patterns = patterns " " $i
	}
	read_tests($2, $3, patterns)
}
END {
	read_bugs("guest/bug.h")
	while ((getline < "tests/properties.txt") > 0) {
		property = $1
		words = $0
		sub(/^P[0-9]+ /, "", words)
		shown = ""
		show_bugs(property)
		result = result_of(property)
		results[result]++
		pending += missing[property]
		printf "%-5s  %-77s  %s\n%s%s", property, words, result, lines[property], shown
	}
	printf "seeded bugs: %d killed, %d survive, %d not run; ", dead, surviving, untried
	printf "results of tests that are missing: %d\n", pending
	printf "%d properties hold, %d fail, %d have a mutant that lives, %d not run, %d open\n",
		results["holds"], results["FAILS"], results["MUTANT LIVES"], results["not run"],
		results["open"]
}'
