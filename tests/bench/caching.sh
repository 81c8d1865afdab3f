#!/usr/bin/env bash
# The table of caching methods: trains predictors on one file of prompts, measures
# all methods on another, and writes caching.csv and caching.svg. Interrupted, it goes
# on where it stopped.
#
#   tests/bench/caching.sh OUT TRAIN-PROMPTS TEST-PROMPTS [RENDER-ARGUMENT...]
#
# for example
#
#   tests/bench/caching.sh build-caching presets/demo/prompts/train.txt \
#       presets/demo/prompts/test.txt demo --steps 50
#
# ZOETROPE=PROGRAM in the environment, build/plugin/zoetrope if unset; COUNTS, the
# numbers of computed steps, "13 10 9 8" if unset; JOBS, how many trainings run side by
# side, 1 if unset. Test prompts have seeds from 100000 on, so that no noise was trained on.
set -eu
out=${1:?usage: tests/bench/caching.sh OUT TRAIN-PROMPTS TEST-PROMPTS [RENDER-ARGUMENT...]}
train=${2:?no file of prompts to train on}
test=${3:?no file of prompts to measure on}
shift 3
zoetrope=${ZOETROPE:-$(dirname "$0")/../../build/plugin/zoetrope}
counts=${COUNTS:-13 10 9 8}
jobs=${JOBS:-1}
threads=$(($(nproc) / jobs))
mkdir -p "$out"

# predictor NAME ARGUMENT...: trained unless it is there. Uncached runs are the same for all:
# those that the first one has kept are linked into the folders of the others.
runs=
predictor() {
    local file=$out/$1.safetensors log=$out/$1.log
    shift
    [ ! -f "$file" ] || return 0
    if [ -n "$runs" ]; then
        mkdir -p "$file.train"
        ln -f "$runs"/run-*.safetensors "$file.train"
    fi
    "$zoetrope" train --prompts "$train" -o "$file" --threads $((threads > 0 ? threads : 1)) \
        --json "$@" >"$log"
}

# LESA's intervals and the numbers of steps that they compute of 50: 5, 7, 8 and 10.
declare -A interval=([13]=5 [10]=7 [9]=8 [8]=10)
# L2P's own steps, where it has as many.
declare -A l2p=([11]="0 1 2 4 6 9 14 23 30 37 44" [10]="0 1 2 4 7 14 23 31 38 45"
    [9]="0 1 2 4 9 17 26 35 43" [8]="0 1 2 4 10 20 31 41")

# predictors COUNT ARGUMENT...: all that compute so many steps
predictors() {
    local n=$1 full
    shift
    predictor "gram-$n" --with fit.budget="$n" "$@"
    # The spline networks at the steps that were found to be best, too.
    full=$(tail -n 1 "$out/gram-$n.log" | sed -n 's/.*"full":\[\([0-9,]*\)\].*/\1/p')
    predictor "kan-best-$n" --fit kan --with fit.full="$full" "$@"
    predictor "l2p-$n" --with fit.method=l2p --with fit.window=0 \
        --with fit.full="${l2p[$n]:-${full//,/ }}" "$@"
    if [ -n "${interval[$n]:-}" ]; then
        predictor "gram-even-$n" --with fit.interval="${interval[$n]}" "$@"
        predictor "kan-$n" --fit kan --with fit.interval="${interval[$n]}" "$@"
    fi
}

for n in $counts; do
    if [ -n "${interval[$n]:-}" ]; then
        predictor "kan-$n" --fit kan --with fit.interval="${interval[$n]}" --keep "$@"
        [ ! -d "$out/kan-$n.safetensors.train" ] || runs=$out/kan-$n.safetensors.train
        break
    fi
done
running=()
for n in $counts; do
    predictors "$n" "$@" &
    running+=($!)
    if [ ${#running[@]} -ge "$jobs" ]; then
        wait "${running[0]}"
        running=("${running[@]:1}")
    fi
done
for one in "${running[@]}"; do
    wait "$one"
done

cat >"$out/methods" <<END
lesa-gram       = lesa predictor=$out/gram-{full}.safetensors
lesa-gram-even  = lesa predictor=$out/gram-even-{full}.safetensors
lesa-kan        = lesa predictor=$out/kan-{full}.safetensors
lesa-kan-best   = lesa predictor=$out/kan-best-{full}.safetensors
l2p             = l2p predictor=$out/l2p-{full}.safetensors
taylorseer-1    = taylorseer order=1 first=1 interval=?
taylorseer-2    = taylorseer order=2 first=1 interval=?
fora            = fora interval=?
hicache         = hicache first=1 interval=?
teacache        = teacache threshold=?
magcache        = magcache threshold=? run=50 retain=0.1
easycache       = easycache threshold=?
fewer-steps     = steps
END
"$zoetrope" bench caching --prompts "$test" -o "$out/caching.csv" --plot "$out/caching.svg" \
    --methods "$out/methods" --counts "$counts" "$@" --seed 100000
