#!/bin/sh
# run.sh LOG COMMAND...: runs one suite. Its output goes to LOG; it is shown if the suite fails, and its
# SKIP lines are shown in any case.
log=$1
shift
if "$@" >"$log" 2>&1; then
	grep '^SKIP' "$log"
	exit 0
fi
cat "$log"
echo "FAILED: $*"
rm -f "$log"
exit 1
