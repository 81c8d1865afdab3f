#!/usr/bin/env bash
# Installs the Debian packages that are missing, and says nothing if none is.
#
#   tests/packages.sh build    what the build needs
#   tests/packages.sh demo     that, and what the module for video files needs
#   tests/packages.sh test     that, and what the test command needs
set -eu

build="gcc libc6-dev meson ninja-build pkg-config python3 libpcre2-dev libutf8proc-dev"
demo="libavcodec-dev libavfilter-dev libavformat-dev libswscale-dev"
# clang: a second compiler, fuzzing, analysis; the locales are for tests of numbers; ffmpeg,
# melt and GStreamer are hosts; Slurm is a farm; numpy draws the films of presets/demo. The
# -dev packages of FFmpeg and OpenEXR are for optional modules.
test="abigail-tools git clang libclang-rt-dev clang-tidy cppcheck valgrind libc6-dbg g++ locales
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
    ffmpeg melt gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-bad
    libopenexr-dev openexr
    frei0r-plugins-dev slurmctld slurmd slurm-client munge python3-numpy"

case ${1:-} in
build) wanted=$build ;;
demo) wanted="$build $demo" ;;
test) wanted="$build $demo $test" ;;
*)
    echo "usage: tests/packages.sh build|demo|test" >&2
    exit 64
    ;;
esac

missing=()
for p in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$p")
done
[ ${#missing[@]} = 0 ] && exit

if ! command -v apt-get >/dev/null; then
    echo "this is not Debian; what corresponds to these packages is needed: ${missing[*]}" >&2
    exit 1
fi
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300
    -o Acquire::Retries=3)
# A list that cannot be had matters only if a package cannot be had then.
"${apt[@]}" update || echo "apt-get update failed" >&2
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
