#!/bin/sh
# costs.sh PROGRAM: what the kernel's operations cost in instructions, counted by QEMU as in boot.sh.
# Figures, no verdict.
program=$1
qemu=qemu-system-x86_64
limit=60 # seconds
if ! command -v $qemu >/dev/null; then
	echo "SKIP: no $qemu: costs not measured"
	exit 0
fi

# The others were measured without a trace, so that is what is compared; then what ours adds.
for trace in off on; do
	echo "Instructions, one cpu, preempt=full trace=$trace, QEMU -icount:"
	timeout $limit $qemu -accel tcg -icount shift=0,sleep=off -m 32 -display none -serial stdio \
		-no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 -append "trace=$trace" \
		-kernel "$program" </dev/null
	status=$?
	if [ $status != 1 ]; then # QEMU's for 0
		echo "costs: the program ended with status $status"
		exit 1
	fi
done
