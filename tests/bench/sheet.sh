#!/usr/bin/env bash
# A contact sheet of caching methods: films of a few prompts, uncached and with each
# method at ten computed steps of fifty, a row of six frames each.
#
#   tests/bench/sheet.sh OUT PROMPTS PNG [RENDER-ARGUMENT...]
#
# OUT is a folder that tests/bench/caching.sh has filled; PROMPTS a file of which the
# first three lines are taken. Rows come prompt by prompt: uncached, LESA (gram),
# TaylorSeer, FORA, TeaCache. Needs numpy, for presets/demo/train/picture.py.
set -eu
out=${1:?usage: tests/bench/sheet.sh OUT PROMPTS PNG [RENDER-ARGUMENT...]}
prompts=${2:?no file of prompts}
png=${3:?no name for the picture}
shift 3
top=$(cd "$(dirname "$0")/../.." && pwd)
zoetrope=${ZOETROPE:-$top/build/plugin/zoetrope}

# setting METHOD: the option that the table found for it, at ten computed steps.
setting() {
    sed -n "s/^$1,10\.00,.*$2 = \([0-9.e-]*\).*/$2=\1/p" "$out/caching.csv" | head -n 1
}

methods=("none" "lesa predictor=$out/gram-10.safetensors"
    "taylorseer order=2 first=1 $(setting taylorseer-2 interval)"
    "fora $(setting fora interval)" "teacache $(setting teacache threshold)")
films=()
number=0
while read -r prompt && [ $number -lt 3 ]; do
    number=$((number + 1))
    for method in "${methods[@]}"; do
        read -r name options <<<"$method"
        flags=(--cache "$name")
        for o in $options; do
            flags+=(--set "cache.$o")
        done
        film=$out/sheet-$number-$name.y4m
        "$zoetrope" render "$@" -p "$prompt" --seed $((100000 + number - 1)) "${flags[@]}" --existing replace \
            -o "$film" >"$out/sheet.log" 2>&1 || { cat "$out/sheet.log" >&2; exit 1; }
        films+=("$film")
    done
done <"$prompts"
"${PYTHON:-python3}" "$top/presets/demo/train/picture.py" sheet "$png" "${films[@]}"
