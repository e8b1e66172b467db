# From FILE LINE REACHED FUNCTION, sorted, each line once: a table of the files, then what is not
# reached and why, what is not excused, and the sums. Fails if a line is not excused or a sum is too
# small. Excuses are FILE FUNCTION LINES REASON: so many lines of that function at most. No row is
# longer than 100 columns.

function row(name, all, some) {
	printf "%-40s %6d %6d %7.1f\n", name, all, some, 100 * some / all
}

function end_range() {
	if (first != "") {
		ranges[place] = ranges[place] (ranges[place] == "" ? ":" : ",") first
		ranges[place] = ranges[place] (first == last ? "" : "-" last)
		first = ""
	}
}

function end_file(part) {
	end_range()
	if (file != "") {
		part = substr(file, 1, index(file, "/"))
		lines[part] += total
		reached[part] += hit
		row(file, total, hit)
	}
}

# At blanks; what follows the first row is indented.
function wrap(text, words, count, i, line) {
	count = split(text, words, " ")
	line = words[1]
	for (i = 2; i <= count; i++) {
		if (length(line " " words[i]) > 100) {
			print line
			line = "       "
		}
		line = line " " words[i]
	}
	print line
}

function tell_missed(i, name) {
	print "\nNot reached, and why:"
	for (i = 1; i <= count; i++) {
		place = places[i]
		name = substr(place, index(place, " ") + 1)
		sub(" .*", ranges[place], place)
		wrap(place " " name ": " (places[i] in why ? why[places[i]] : "NOT EXCUSED"))
	}
	print ""
}

# Lines that nobody excuses, and excuses that nobody needs.
function tell_excuses(i, failed) {
	for (i = 1; i <= count; i++) {
		place = places[i]
		if (missed[place] > excused[place] + 0) {
			printf "not excused: %s, %d lines, not %d\n", place, missed[place], excused[place]
			failed = 1
		}
	}
	for (place in excused) {
		if (excused[place] > 0 && !(place in missed)) {
			print "excused, but reached: " place | "sort"
		}
	}
	close("sort")
	return failed
}

function sum(part, name, minimum, percent) {
	percent = lines[part] > 0 ? 100 * reached[part] / lines[part] : 0
	printf "%-40s %6d %6d %7.2f, wanted %d\n", name, lines[part], reached[part], percent, minimum
	return percent < minimum
}

BEGIN {
	printf "%-40s %6s %6s %7s\n", "file", "lines", "hit", "%"
	while ((getline <excuses) > 0) {
		if (!/^(#|$)/) {
			place = $1 " " $2
			excused[place] += $3
			sub(/^[^ ]+ [^ ]+ [^ ]+ /, "")
			why[place] = why[place] (place in why && why[place] != "" ? "; " : "") $0
		}
	}
}

$1 != file {
	end_file()
	file = $1
	total = hit = 0
}

{
	total++
	hit += $3
	if ($3 || $1 " " $4 != place) {
		end_range()
	}
	if (!$3) {
		place = $1 " " $4
		if (missed[place]++ == 0) {
			places[++count] = place
		}
		first = first == "" ? $2 : first
		last = $2
	}
}

END {
	end_file()
	tell_missed()
	failed = tell_excuses()
	failed += sum("guest/", "guest/, without the architecture", guest_min)
	failed += sum("vmm/", "vmm/", vmm_min)
	exit failed > 0
}
