#!/bin/sh
# cov.sh FOLDER: which lines of guest/ (without its architecture) and of vmm/ the suites and
# the corpora reach, a row a file, and why not the rest. FOLDER has builds that count, see
# build.ninja: suites on the host, the VMM, the kernel. Fails if a suite does, if too few lines are
# reached, or if one is not that tests/cov/unreached.txt does not excuse.
cd "$(dirname "$0")/.." || exit 1
folder=$1
guest_min=95 # percent
vmm_min=90
umask 0 # some tests run as other users: what they count is added to the same files
export LC_ALL=C GCOV_ERROR_FILE="$PWD/$folder/gcov.errors"
export CK_DEFAULT_TIMEOUT=120 # what counts is slower

rm -rf "$folder/log" "$folder/counts" "$folder/kernel_counts"
mkdir -p "$folder/log" "$folder/counts"
: >"$folder/steps"
find "$folder" -name '*.gcda' -exec rm {} +
: >"$GCOV_ERROR_FILE"

# What begins now; on a terminal it is shown.
step() { # WHAT
	echo "$1" >>"$folder/steps"
	[ ! -t 1 ] || printf '\r[%s/%s] %.80s\033[K' "$(wc -l <"$folder/steps")" "$steps" "$1"
}

fail() { # WHAT LOG
	[ ! -t 1 ] || printf '\r\033[K'
	echo "FAILED: $1, see $2" | tee -a "$2.failed"
}

# Suites on the host. The first to write makes the files that all add to.
suites() {
	for suite in "$@"; do
		log=$folder/log/${suite##*/}
		step "${suite##*/}"
		"$suite" >"$log" 2>&1 || fail "$suite" "$log"
	done
}

# The inputs that are kept for each fuzzer.
corpora() {
	for target in "$folder"/fuzz/fuzz_*; do
		log=$folder/log/${target##*/}
		step "${target##*/}"
		"$target" "tests/fuzz/corpus/${target##*/}" >"$log" 2>&1 || fail "$target" "$log"
	done
}

# Suites that run machines, and single runs: the kernel's counts come out of each.
machines() {
	step vmm_test
	build/test/vmm_test "$folder/vmm" >"$folder/log/vmm" 2>&1 || fail vmm_test "$folder/log/vmm"
	export COUNTS="$PWD/$folder/counts" # from here on guests hand counts over
	ln -sf ../guest-debug.elf ../guest-bugs.elf "$folder"
	head -c 1000000 /dev/zero >"$folder/zeros"
	step shell_test
	build/test/shell_test "$folder/vmm" "$folder/guest.elf" "$folder/scenario" \
		>"$folder/log/shell" 2>&1 || fail shell_test "$folder/log/shell"
	grep -v '^#' tests/cov/runs.txt | while read -r wanted arguments; do
		step "vmm $arguments"
		# shellcheck disable=SC2086
		(cd "$folder" && ./vmm -t 200 $arguments >log/run 2>&1 </dev/null)
		status=$?
		[ $status = "$wanted" ] && continue
		log=$folder/log/run.$(wc -l <"$folder/steps")
		mv "$folder/log/run" "$log"
		fail "status $status: vmm $arguments" "$log"
	done
}

# One folder of a run after the other into the one where the sources' notes are.
add_kernel_counts() {
	for run in "$folder"/counts/*[0-9]; do
		if [ ! -d "$folder/kernel_counts" ]; then
			mv "$run" "$folder/kernel_counts"
		else
			gcov-tool merge "$folder/kernel_counts" "$run" -o "$folder/kernel_counts" || return
		fi
	done
	cp "$folder"/kernel_counts/*.gcda "$folder/guest/guest"
}

programs=$(find "$folder/test" "$folder/fuzz" -type f -perm -u+x | wc -l)
steps=$((programs + $(grep -vc '^#' tests/cov/runs.txt) + 3)) # and suites of machines, the sum
machines &
suites "$folder"/test/*_test
corpora
wait
step "what the kernels have counted"
add_kernel_counts || fail "the kernel's counts" "$folder/log/counts"
[ ! -t 1 ] || printf '\r\033[K'

# What gcov tells of the notes below the folders, line by line. A line is in the notes of each build
# that has it, and of all that include a header.
tell() { # FOLDER...
	find "$@" -name '*.gcno' 2>/dev/null | sort | xargs gcov --json-format --stdout 2>>"$folder/log/gcov" |
		tr '{' '\n' | awk -f tests/cov/lines.awk | sort -k1,1 -k2,2n -k3,3nr -k4,4 |
		awk '!seen[$1, $2]++'
}

# The kernel's build for a machine is optimized, and has lines that are none: where there is another
# build of a file, that one says which lines it has. A line that gcov gives to no function is of the
# one before.
tell "$folder/unit" "$folder/kernel" "$folder/plain" >"$folder/lines.host"
tell "$folder/guest" >"$folder/lines.guest"
awk '
	FILENAME ~ /host$/ { files[$1]; lines[$1, $2]; print; next }
	!($1 in files) || ($1, $2) in lines' "$folder/lines.host" "$folder/lines.guest" |
	sort -k1,1 -k2,2n -k3,3nr -k4,4 | awk '
	!seen[$1, $2]++ {
		name = $4 == "~" ? name : $4
		print $1, $2, $3, name
	}' >"$folder/lines"
awk -v guest_min=$guest_min -v vmm_min=$vmm_min -v excuses=tests/cov/unreached.txt \
	-f tests/cov/report.awk "$folder/lines" && [ -z "$(find "$folder/log" -name '*.failed')" ]
