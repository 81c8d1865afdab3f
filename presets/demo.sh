#!/usr/bin/env bash
# A first film. Installs what the build needs, builds, renders, and says where
# the film is.
#
#   presets/demo.sh                          with the small model that comes along
#   presets/demo.sh 'A PROMPT'               the same, a prompt of yours
#   presets/demo.sh CHECKPOINT 'A PROMPT'    with a HunyuanVideo folder of yours
#
# DEMO_OUT=FOLDER in the environment: where build and film go, build-demo if unset.
set -eu
cd "$(dirname "$0")/.."
out=${DEMO_OUT:-build-demo}
small=presets/demo/model
model=$small
if [ -d "${1:-}" ]; then
    model=$1
    shift
fi
prompt=${1:-}
film=$out/demo.mp4

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
    what="a film of 33 frames, 128x128"
    flags=(demo)
else
    what="a film of 33 frames, 512x320"
    flags=(-m "$model" -W 512 -H 320 --frames 33 --steps 30)
    prompt=${prompt:-A lighthouse in a storm, waves break on the rocks}
fi
[ -z "$prompt" ] || flags+=(-p "$prompt")

step "installing what the build needs" tests/packages.sh demo
[ -f "$out/build.ninja" ] ||
    step "configuring" meson setup "$out" --buildtype=release -Dtests=false -Dffmpeg=enabled
step "building" ninja -C "$out"
before=$SECONDS
step "rendering $what" "$out/plugin/zoetrope" render "${flags[@]}" --seed 1 -o "$film" \
    --existing replace
if ! [ -s "$film" ]; then
    echo "failed: $film is empty" >&2
    exit 1
fi
echo "the film: $film ($((SECONDS - before)) s)"
if [ "$model" = "$small" ]; then
    cat <<END

The model that rendered it is a small one of our own (presets/demo/README.md): it knows
shapes, colours, grounds and motions. With a HunyuanVideo checkpoint in the layout of
diffusers (transformer/, text_encoder/, text_encoder_2/, tokenizer/, tokenizer_2/, vae/):

    presets/demo.sh FOLDER 'A PROMPT'
    $out/plugin/zoetrope render --help
END
fi
