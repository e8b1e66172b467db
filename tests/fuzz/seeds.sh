#!/bin/sh
# SPDX-License-Identifier: ISC
# Writes the inputs that stand in tests/fuzz/seeds/TARGET.txt into the target's corpus:
#   sh tests/fuzz/seeds.sh fuzz_sched
set -eu

target=$1
out=tests/fuzz/corpus/$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$out"
awk -v dir="$work" '/^=== / { name = $2; next } name { print > (dir "/" name) }' \
	"tests/fuzz/seeds/$target.txt"
for seed in "$work"/*; do
	"build/replay/$target" --from-text "$out/${seed##*/}" "$seed"
done
