#!/bin/sh
# boot.sh VMM GUEST.ELF FOLDER: instructions from the first one of the image to the first task, on one
# cpu, counted by QEMU (-icount: the TSC counts instructions), with and without the device tree.
vmm=$1
guest=$2
folder=$3
qemu=qemu-system-x86_64
if ! command -v $qemu >/dev/null; then
	echo "SKIP: no $qemu: boot not measured"
	exit 0
fi
mkdir -p "$folder"
"$vmm" -c 1 --dump-dtb "$folder/boot.dtb" "$guest" || exit 1

boot() {
	name=$1
	shift
	count=$($qemu -accel tcg -icount shift=0,sleep=off -m 32 -display none -serial stdio -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$guest" "$@" |
		sed -n 's/.*first task \([0-9]*\) TSC cycles.*/\1/p')
	printf '  %-36s %10s instructions\n' "$name" "${count:-failed}"
}

echo "Entry to the first task, one cpu, 32 MiB, QEMU -icount:"
boot "with the device tree" -initrd "$folder/boot.dtb"
boot "without (calibrates by the PIT)"
