# From FILE LINE REACHED FUNCTION, sorted, each line once: the table of the files, what is not reached
# and not excused, and the sums. Fails if a line is not excused or a sum is too small. Excuses are
# FILE FUNCTION LINES REASON: so many lines of that function at most.

function end_range() {
	if (first != "") {
		where = where (in_now == in_last ? "," : "  " in_now) " " first (first == last ? "" : "-" last)
		in_last = in_now
		first = ""
	}
}

function end_file(part) {
	end_range()
	if (file != "") {
		part = substr(file, 1, index(file, "/") - 1)
		lines[part] += total
		reached[part] += hit
		printf "%-30s %5d %5d %6.1f%s\n", file, total, hit, 100 * hit / total, where
	}
}

function sum(part, minimum, percent) {
	percent = lines[part] > 0 ? 100 * reached[part] / lines[part] : 0
	printf "%-6s %5d of %5d lines reached: %.2f %%, wanted %d\n", part "/", reached[part],
		lines[part], percent, minimum
	return percent < minimum
}

BEGIN {
	printf "%-30s %5s %5s %6s  %s\n", "file", "lines", "hit", "%", "not reached"
	while ((getline <excuses) > 0) {
		if (!/^(#|$)/) {
			excused[$1 " " $2] += $3
		}
	}
}

$1 != file {
	end_file()
	file = $1
	where = in_last = ""
	total = hit = 0
}

{
	total++
	hit += $3
	if ($3 || $4 != in_now) {
		end_range()
	}
	if (!$3) {
		missed[$1 " " $4]++
		first = first == "" ? $2 : first
		last = $2
		in_now = $4
	}
}

END {
	end_file()
	for (place in missed) {
		if (missed[place] > excused[place] + 0) {
			printf "not excused: %s, %d lines\n", place, missed[place] | "sort"
			failed = 1
		}
	}
	close("sort")
	for (place in excused) {
		if (excused[place] > 0 && !(place in missed)) {
			printf "excused, but reached: %s\n", place | "sort"
		}
	}
	close("sort")
	failed += sum("guest", guest_min) + sum("vmm", vmm_min)
	exit failed > 0
}
