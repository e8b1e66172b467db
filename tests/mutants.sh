#!/bin/sh
# mutants.sh VMM FOLDER: switches each seeded bug on and runs the programs that check the kernel from
# inside, under QEMU: `kernel` on two cpus, `sweep` with an interrupt at every instruction. Each bug must
# be caught by one of them, by the words that the registry (guest/bug.h) says; without a bug both pass.
vmm=$1
folder=$2
qemu=qemu-system-x86_64
limit=30 # seconds: a bug may hang the kernel

if ! command -v $qemu >/dev/null; then
	echo "SKIP: no $qemu: the seeded bugs were not tried"
	exit 0
fi

run() { # PROGRAM BOOTARG
	case $1 in
	kernel) machine="-smp 2" ;;
	sweep) machine="-icount shift=0,sleep=off" ;;
	esac
	timeout $limit $qemu -accel tcg $machine -m 32 -display none -serial stdio -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=4 -append "$2" \
		-kernel "$folder/$1-bugs.elf" 2>&1
}

for program in kernel sweep; do
	if run $program "" | grep -qE 'FAIL|panic'; then
		echo "$program fails without a bug"
		exit 1
	fi
done

printf '%-22s %-5s %-14s %s\n' bug breaks "caught by" by
tried=0
missed=0
list=$(mktemp)
"$vmm" "$folder/kernel-bugs.elf" bug=list >"$list" || exit 1
while IFS='|' read -r name property seen mistake words; do
	name=$(echo $name)
	words=$(echo "$words" | sed 's/^ *//; s/ *$//')
	caught=
	for program in kernel sweep; do
		if run $program "bug=$name" </dev/null | grep -qF "$words"; then
			caught="$caught $program"
		fi
	done
	tried=$((tried + 1))
	if [ -z "$caught" ]; then
		missed=$((missed + 1))
		caught=" nobody"
	fi
	printf '%-22s %-5s%-14s  %s\n' "$name" $property "$caught" "$words"
done <"$list"
rm -f "$list"
echo "$((tried - missed)) of $tried seeded bugs caught"
[ $tried -gt 0 ] && [ $missed = 0 ]
