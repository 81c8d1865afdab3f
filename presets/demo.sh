#!/usr/bin/env bash
# A first film. Installs what the build needs, builds, renders, and says where
# the film is.
#
#   presets/demo.sh                          with the small model of the tests
#   presets/demo.sh CHECKPOINT 'A PROMPT'    with a HunyuanVideo folder of yours
#
# DEMO_OUT=FOLDER in the environment: where build and film go, build-demo if unset.
set -eu
cd "$(dirname "$0")/.."
out=${DEMO_OUT:-build-demo}
small=tests/parity/fixtures/pipe
model=${1:-$small}
prompt=${2:-A lighthouse in a storm, waves break on the rocks}
film=$out/demo.y4m

mkdir -p "$out"
log=$out/demo.log
: >"$log"

step() {
    local what=$1
    shift
    echo "$what ..."
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        echo "failed: $what (all of it is in $log)" >&2
        exit 1
    fi
}

if [ "$model" = "$small" ]; then
    what="a film of 33 frames, 192x128"
    flags=(-W 192 -H 128 --frames 33 --steps 8 --seed 1)
    pixels=$((192 * 128 * 33))
else
    what="a film of 33 frames, 512x320"
    flags=(-W 512 -H 320 --frames 33 --steps 30 --seed 1)
    pixels=$((512 * 320 * 33))
fi

step "installing what the build needs" tests/packages.sh build
[ -f "$out/build.ninja" ] ||
    step "configuring" meson setup "$out" --buildtype=release -Dtests=false
step "building" ninja -C "$out"
step "rendering $what" "$out/plugin/zoetrope" render -m "$model" -p "$prompt" "${flags[@]}" -o "$film"

# Three bytes a pixel, and a few for each frame's head.
bytes=$(stat -c %s "$film")
if [ "$bytes" -lt $((3 * pixels)) ]; then
    echo "failed: $film has $bytes bytes, expected $((3 * pixels)) or more" >&2
    exit 1
fi
echo "the film: $film"
if command -v ffmpeg >/dev/null; then
    step "making an mp4" ffmpeg -y -v error -i "$film" -pix_fmt yuv420p -movflags +faststart "$out/demo.mp4"
    echo "as mp4:   $out/demo.mp4"
fi
if [ "$model" = "$small" ]; then
    cat <<END

The model that rendered it is the small one of the tests, whose weights are random
numbers: the film shows coloured noise, not the prompt. Everything else is real: text,
transformer, steps, decoder. With a HunyuanVideo checkpoint in the layout of diffusers
(transformer/, text_encoder/, text_encoder_2/, tokenizer/, tokenizer_2/, vae/):

    presets/demo.sh FOLDER 'A PROMPT'
    $out/plugin/zoetrope render --help
END
fi
