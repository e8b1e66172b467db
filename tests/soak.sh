#!/bin/sh
# soak.sh FOLDER [SECONDS]: runs the storms of FOLDER under QEMU's TCG, whose cpus run at the same
# time, for so many seconds each (30), on 1, 2 and 4 cpus in turn, run n from seed n.
# The first run that fails ends it, with what it printed and the command that repeats it.
folder=$1
seconds=${2:-30}
limit=120 # a run that takes longer hangs
qemu=qemu-system-x86_64
if ! command -v $qemu >/dev/null; then
	echo "SKIP: no $qemu: nothing soaked"
	exit 0
fi
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# words_of PROGRAM SEED: its arguments
words_of() {
	case $1 in
	locks) echo "-- all 3 $2 500" ;;
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
	if [ $status != 1 ] || grep -q '^FAIL' "$out"; then # QEMU's for 0
		cat "$out"
		echo "soak: status $status of"
		echo "  $qemu -accel tcg -smp $2 -m 32 -display none -serial stdio -no-reboot \\"
		echo "      -device isa-debug-exit,iobase=0xf4,iosize=4 -append '$3' -kernel $1"
		return 1
	fi
}

printf '%-10s %8s %8s\n' program seconds runs
for program in locks waiting workers rcu softirqs; do
	began=$(date +%s)
	seed=0
	while [ $(($(date +%s) - began)) -lt "$seconds" ]; do
		for cpus in 1 2 4; do
			seed=$((seed + 1))
			run $program $cpus $seed || exit 1
		done
	done
	printf '%-10s %8d %8d\n' $program $(($(date +%s) - began)) $seed
done
