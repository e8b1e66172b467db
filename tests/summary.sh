#!/bin/sh
# summary.sh STAMP...: adds up Check's closing lines ("100%: Checks: 5, Failures: 0, Errors: 0") from the
# logs beside the stamps, and prints one line a suite and the sum, which build/test/check.total keeps.
total=build/test/check.total
rm -f $total
awk -v total=$total '
FNR == 1 { suite = FILENAME; sub(/.*\//, "", suite); sub(/\.passed\.log$/, "", suite); suites[++n] = suite }
/^SKIP/ { skipped++; skips[suite]++; print }
/^[0-9]+%: Checks: / {
	gsub(/,/, "")
	checks[suite] += $3
	bad[suite] += $5 + $7
}
END {
	for (i = 1; i <= n; i++) {
		suite = suites[i]
		if (!checks[suite] && skips[suite]) {
			printf "%-24s skipped\n", suite
			continue
		}
		if (!checks[suite]) {
			printf "%-24s ran no check\n", suite
			failed++
			continue
		}
		printf "%-24s %5d checks\n", suite, checks[suite]
		passed += checks[suite] - bad[suite]
		failed += bad[suite]
	}
	sum = sprintf("%d passed, %d failed, %d skipped", passed, failed, skipped)
	print sum
	print sum > total
	exit failed != 0
}' $(printf "%s.log " "$@")
