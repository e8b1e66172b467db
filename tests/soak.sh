#!/bin/sh
# soak.sh FOLDER [SECONDS [PROGRAM...]]: runs the storms of FOLDER under QEMU's TCG, whose cpus run at
# the same time, for so many seconds each (30; everything at once twice as long), on 1, 2 and 4 cpus in
# turn, run n from seed n. The first run that fails, or in which the kernel reports something, ends it,
# with what it printed and the command that repeats it.
folder=$1
seconds=${2:-30}
shift $(($# < 2 ? $# : 2))
programs=${*:-locks waiting workers rcu softirqs vcpu vcpu-debug vcpu_storm vcpu_storm-debug \
everything everything-debug}
limit=120 # a run that takes longer hangs
qemu=qemu-system-x86_64
if ! command -v $qemu >/dev/null; then
	echo "SKIP: no $qemu: nothing soaked"
	exit 0
fi
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

reports='^FAIL|^rcu: |soft lockup: |was asked to give way'

# words_of PROGRAM SEED: its arguments
words_of() {
	case $1 in
	locks) echo "-- all 3 $2 500" ;;
	everything*) echo "trace=off watchdog_thresh=10 resched_latency_warn_ms=1000 -- $2 400000" ;;
	vcpu_storm*) echo "-- all $2 800" ;;
	vcpu*) echo "-- chance $(($2 * 1000)) 1000" ;; # payloads, each from a seed of its own
	waiting) ;; # draws nothing: only the machine's time differs
	*) echo "-- $2" ;;
	esac
}

# run PROGRAM CPUS SEED
run() {
	set -- "$folder/$1.elf" "$2" "$(words_of "$1" "$3")"
	timeout $limit $qemu -accel tcg -smp "$2" -m 32 -display none -serial stdio -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=4 -append "$3" -kernel "$1" \
		</dev/null >"$out" 2>&1
	status=$?
	if [ $status != 1 ] || grep -qE "$reports" "$out"; then # 1: QEMU's for 0
		cat "$out"
		echo "soak: status $status of"
		echo "  $qemu -accel tcg -smp $2 -m 32 -display none -serial stdio -no-reboot \\"
		echo "      -device isa-debug-exit,iobase=0xf4,iosize=4 -append '$3' -kernel $1"
		return 1
	fi
}

seconds_of() { # PROGRAM
	case $1 in
	everything*) echo $((2 * seconds)) ;;
	*) echo "$seconds" ;;
	esac
}

printf '%-16s %8s %8s %12s\n' program seconds runs switches
for program in $programs; do
	began=$(date +%s)
	seed=0
	switches=0
	while [ $(($(date +%s) - began)) -lt "$(seconds_of $program)" ]; do
		for cpus in 1 2 4; do
			seed=$((seed + 1))
			run $program $cpus $seed || exit 1
			switches=$((switches + $(sed -n 's/^\([0-9]*\) switches$/\1/p' "$out") + 0))
		done
	done
	printf '%-16s %8d %8d %12s\n' $program $(($(date +%s) - began)) $seed \
		"$([ $switches = 0 ] && echo - || echo $switches)"
done
