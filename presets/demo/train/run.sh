#!/usr/bin/env bash
# Trains the text encoder of CLIP's kind, the decoder and the transformer, the latter two
# on a GPU side by side, and goes on where an earlier run stopped.
#
#   presets/demo/train/run.sh cpu|gpu|try [MINUTES OF THIS RUN, for each of the two]
#
# In the environment: DEMO_RUN=FOLDER for everything that is written
# (build-train if unset), PYTHON for an interpreter that has PyTorch and numpy,
# OUT=FOLDER for a copy in parts of at most 15 MiB, from which carry.py makes
# the state again on another machine.
set -eu
cd "$(dirname "$0")"
recipe=${1:?cpu, gpu or try}
minutes=${2:-1000000}
root=$(cd ../../.. && pwd)
DEMO_RUN=$(mkdir -p "${DEMO_RUN:=$root/build-train}" && cd "$DEMO_RUN" && pwd)
export DEMO_RUN OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1
python=${PYTHON:-python3}

world=$("$python" -c "from recipe import RECIPES; print(RECIPES['$recipe']['world'])")
[ -f "$DEMO_RUN/basis.pt" ] || "$python" basis.py "$world"
[ -f "$DEMO_RUN/words.pt" ] || "$python" train_words.py "$recipe"
train() { "$python" "train_$1.py" "$recipe" "$minutes" >>"$DEMO_RUN/$1.log" 2>&1; }

failed=0
if [ "$("$python" -c "from common import device; print(device())")" = cuda ]; then
    train vae &
    vae=$!
    train film || failed=1
    wait $vae || failed=1
else
    train vae && train film || failed=1
fi
[ -z "${OUT:-}" ] || "$python" carry.py out "$DEMO_RUN" "$OUT"
tail -n 1 "$DEMO_RUN"/vae.csv "$DEMO_RUN"/film.csv
if [ $failed -ne 0 ]; then
    tail -n 20 "$DEMO_RUN"/vae.log "$DEMO_RUN"/film.log >&2
    exit 1
fi
