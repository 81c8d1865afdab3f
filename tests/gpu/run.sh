#!/usr/bin/env bash
# Everything that only a GPU can show: builds with what the machine has, and writes
# logs and CSV files into a folder. The whole takes under 9 minutes on 16 processors.
#
#   tests/gpu/run.sh OUT                  all steps
#   tests/gpu/run.sh OUT info build ...   only these; tests/gpu/run.sh --list names them
#
# DEBS in the environment names a folder with packages of Debian for what the machine
# lacks (libpcre2-dev libpcre2-8-0 libutf8proc-dev libutf8proc2 pkgconf pkgconf-bin
# libpkgconf3): they are unpacked into the build folder. Without PCRE2 and utf8proc the
# kernels are built, checked and timed, and the models are left out.
# Ends with "N passed, N failed"; a step that fails does not stop the others.
set -u
cd "$(dirname "$0")/../.."
steps="info build kernels parity films bench torch memcheck racecheck"
[ "${1:-}" = --list ] && { echo "$steps"; exit; }
[ $# -ge 1 ] || { echo "usage: tests/gpu/run.sh OUT [STEP ...]" >&2; exit 64; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
build=$PWD/build-gpu
module=$build/plugin/zoetrope-cuda.so
fixtures=$PWD/tests/parity/fixtures
passed=0
failed=0

for folder in /usr/local/cuda/bin; do
    [ -d "$folder" ] && PATH=$folder:$PATH
done
# cuBLASLt and cuDNN come with the compiler, or with PyTorch.
python=$(command -v python3)
wheels=$("$python" -c 'import nvidia, os; print(list(nvidia.__path__)[0])' 2>/dev/null)
for folder in /usr/local/cuda/lib64 "$wheels"/cublas/lib "$wheels"/cu13/lib "$wheels"/cudnn/lib; do
    [ -d "$folder" ] && LD_LIBRARY_PATH=$folder:${LD_LIBRARY_PATH:-}
done
export PATH LD_LIBRARY_PATH PYTHONUNBUFFERED=1

# check NAME SECONDS COMMAND...: its output to OUT/NAME.log, whose end is shown
check() {
    local name=$1 seconds=$2 begin=$SECONDS
    shift 2
    timeout -k 5 "$seconds" "$@" >"$out/$name.log" 2>&1 </dev/null
    local rc=$?
    tail -n 12 "$out/$name.log" | cut -c1-220
    if [ $rc = 0 ]; then
        passed=$((passed + 1))
        echo "ok    $name ($((SECONDS - begin)) s)"
    else
        failed=$((failed + 1))
        grep -n -m 12 -A 2 FAIL "$out/$name.log" | cut -c1-220
        echo "FAIL  $name: status $rc after $((SECONDS - begin)) s"
    fi
    return $rc
}

# csv NAME SECONDS COMMAND...: the same with its standard output in OUT/NAME.csv
csv() {
    local name=$1 seconds=$2
    shift 2
    check "$name" "$seconds" bash -c 'set -o pipefail; file=$1; shift; "$@" | tee "$file"' - \
        "$out/$name.csv" "$@"
}

info() {
    nvidia-smi
    nvcc --version | tail -n 2
    "$python" -c 'import torch; print("torch", torch.__version__, torch.version.cuda,
        torch.backends.cudnn.version(), torch.cuda.get_device_name())'
    "${CC:-cc}" --version | head -n 1
    nproc
    ldconfig -p | grep -E 'libcuda\.so|libcublasLt|libcudnn\.so'
    echo "LD_LIBRARY_PATH=$LD_LIBRARY_PATH"
}

# Packages of Debian, unpacked beside the build, with their paths in pkg-config's files changed.
unpack() {
    local root=$build/debs file
    [ -n "${DEBS:-}" ] && [ -d "$DEBS" ] || return 0
    mkdir -p "$root"
    for file in "$DEBS"/*.deb; do
        dpkg -x "$file" "$root"
    done
    sed -i "s#^prefix=.*#prefix=$root/usr#; s#=/usr/lib#=$root/usr/lib#" \
        "$root"/usr/lib/*/pkgconfig/*.pc
    [ -x "$root/usr/bin/pkg-config" ] || ln -sf pkgconf "$root/usr/bin/pkg-config"
}

use_debs() {
    local root=$build/debs lib
    [ -d "$root/usr" ] || return 0
    for lib in "$root"/usr/lib/*-linux-gnu; do
        export LD_LIBRARY_PATH=$lib:$LD_LIBRARY_PATH
        export PKG_CONFIG_PATH=$lib/pkgconfig:${PKG_CONFIG_PATH:-}
    done
    command -v pkg-config >/dev/null || export PATH=$root/usr/bin:$PATH
}

has_engine() { pkg-config --exists libpcre2-8 libutf8proc 2>/dev/null; }

build_all() {
    local engine=false
    has_engine && engine=true
    echo "engine: $engine"
    local targets=(plugin/zoetrope-cuda.so tests/checkkernels/checkkernels tests/gpu/gpu_bench)
    $engine && targets+=(tests/parity/parity tests/parity/zoetrope-probe plugin/zoetrope)
    [ -f "$build/build.ninja" ] || meson setup "$build" --buildtype=release \
        -Dcuda=enabled -Dcuda-archs="${ARCHS:-90}" -Dffmpeg=disabled -Dopenexr=disabled \
        -Dfrei0r=disabled -Dopenfx=disabled -Dengine=$engine || return
    ninja -C "$build" "${targets[@]}"
}

checkkernels=$build/tests/checkkernels/checkkernels

step_info() { check info 60 info; }

step_build() {
    mkdir -p "$build"
    unpack
    use_debs
    check build 240 build_all
}

step_kernels() { check kernels 120 "$checkkernels" --module "$module" --threads 1; }

step_parity() {
    has_engine || { echo "skip  parity: no PCRE2 or utf8proc"; return; }
    local precision
    for precision in f32 bf16; do
        mkdir -p "$build/parity"
        check "parity-$precision" 150 "$build/tests/parity/parity" \
            "$build/tests/parity/zoetrope-probe" "$fixtures" "$build/parity" cuda $precision 1 \
            "$build/plugin"
    done
}

# The model that ships, or that of the tests.
demo=$PWD/presets/demo/model
[ -d "$demo/transformer" ] || demo=$fixtures/pipe

# The same film on the processor and on the GPU, at least 45 dB alike.
alike() {
    "$build/plugin/zoetrope" compare "$build/cpu.y4m" "$build/cuda.y4m" | tee /dev/stderr |
        awk '$1 == "mean" { good = $2 == "inf" || $2 > 45 } END { exit !good }'
}

step_films() {
    has_engine || { echo "skip  films: no PCRE2 or utf8proc"; return; }
    local device
    for device in cpu cuda; do
        check "film-$device" 90 "$build/plugin/zoetrope" render --device $device -v \
            -m "$demo" -p 'A big red star bounces on a light blue background' \
            -o "$build/$device.y4m" --existing replace -W 128 -H 128 --frames 33 --steps 8
    done
    check film-compare 60 alike
}

step_bench() {
    csv bench-480p 120 "$build/tests/gpu/gpu_bench" "$module" 65 480 640
    csv bench-720p 180 "$build/tests/gpu/gpu_bench" "$module" 129 720 1280
}

step_torch() {
    csv torch-480p 150 "$python" tests/gpu/torch_bench.py 65 480 640
}

# Quick cases of every family, for the tools slow a program down a hundred times.
quick="m17 n31|130x300|norm layer|conv bf16, bf16|rope|mix|embed q4_K|pixels|glu|drift"
sanitizer() {
    local tool=$1 only
    local IFS='|'
    for only in $quick; do
        compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 5 \
            "$checkkernels" --module "$module" --threads 1 --only "$only" || return
    done
}

step_memcheck() { check memcheck 150 sanitizer memcheck; }
step_racecheck() { check racecheck 150 sanitizer racecheck; }

export -f info build_all has_engine alike sanitizer
export build module checkkernels quick python demo
# Functions are run by a shell of their own, under a time limit.
timeout() {
    case $(type -t "$4") in
    function) command timeout "$1" "$2" "$3" bash -c "$4 ${5:-}" ;;
    *) command timeout "$@" ;;
    esac
}

for step in "$@"; do
    case " $steps " in
    *" $step "*) ;;
    *) echo "no step '$step'; there are: $steps" >&2; exit 64 ;;
    esac
done
use_debs
begin=$SECONDS
for step in ${*:-$steps}; do
    "step_$step"
done
echo "$passed passed, $failed failed in $((SECONDS - begin)) s"
[ $failed = 0 ]
