#!/bin/sh
# fuzzers.sh TARGET...: what campaigns run, from what is built under build/: AFL++'s binaries and mutators,
# and build/fuzzers.zip, as ClusterFuzz reads it: of each target the binary, its options, its
# dictionary, and its corpus as an archive of its own.
folder=build/fuzzers

# By the build's own commands, which are those of `ninja build/afl/TARGET`: but only where there is AFL++.
afl() {
	for target in "$@"; do
		products=build/afl/$target
		if grep -q '^build build/afl/mutator_'"$target"'\.so' build.ninja; then
			products="$products build/afl/mutator_$target.so"
		fi
		newest=$(ls -t $products 2>/dev/null | tail -n 1)
		if [ "$(ls $products 2>/dev/null | wc -l)" = "$(echo $products | wc -w)" ] &&
			[ -z "$(find guest vmm shared tests build.ninja -type f -newer "$newest" | head -n 1)" ]; then
			continue
		fi
		echo "AFL $target"
		ninja -t commands $products | grep -F build/afl/ >build/afl.sh
		grep -o 'build/afl/[^ "]*' build/afl.sh | sort -u | xargs dirname | sort -u | xargs mkdir -p
		sh -e build/afl.sh || exit 1
	done
}

archive() {
	rm -rf $folder build/fuzzers.zip
	mkdir -p $folder
	for target in "$@"; do
		cp "build/fuzz/$target" $folder/
		"build/replay/$target" --options >"$folder/$target.options"
		[ -e "tests/fuzz/dict/$target.dict" ] && cp "tests/fuzz/dict/$target.dict" $folder/
		[ -d "tests/fuzz/corpus/$target" ] &&
			(cd "tests/fuzz/corpus/$target" && zip -q -r -X - .) >"$folder/${target}_seed_corpus.zip"
	done
	(cd $folder && zip -q -X ../fuzzers.zip -- *) && echo build/fuzzers.zip
}

if command -v afl-clang-fast >/dev/null; then
	afl "$@"
else
	echo "SKIP AFL++: there is no afl-clang-fast"
fi
if command -v zip >/dev/null; then
	archive "$@"
else
	echo "SKIP build/fuzzers.zip: there is no zip"
fi
