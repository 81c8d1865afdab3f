#!/usr/bin/env bash
# The one test command. Installs what is missing, builds in several ways, and
# runs every check; ends with "N passed, N failed" and is silent about what works.
#
#   tests/run.sh               everything
#   tests/run.sh style unit    only these steps; tests/run.sh --list names them
#
# Everything that is built goes to build-test/ beside the sources, logs to
# build-test/logs.
set -u
cd "$(dirname "$0")/.."
top=$PWD
out=$top/build-test
logs=$out/logs
jobs=${JOBS:-$(nproc)}
passed=0
failed=0
mkdir -p "$logs"

steps="setup style layers release clang plain sanitize threads valgrind neon fuzz lint"

packages="gcc g++ clang meson ninja-build pkg-config python3 libjansson-dev libpcre2-dev
    libutf8proc-dev valgrind clang-tidy cppcheck libclang-rt-dev gcc-aarch64-linux-gnu
    libc6-dev-arm64-cross qemu-user-static locales"

say() { printf '%s\n' "$*"; }

# check NAME COMMAND...: one check, its output shown only if it fails
check() {
    local name=$1 log
    log=$logs/$(printf '%s' "$1" | tr -c 'a-zA-Z0-9._-' '-').log
    shift
    local start=$SECONDS
    if "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        say "ok    $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        say "FAIL  $name: the end of $log:"
        tail -n 40 "$log"
        return 1
    fi
}

# build NAME MESON-OPTION...: configures and compiles build-test/NAME
build() {
    local name=$1
    shift
    check "configure $name" configure "$out/$name" "$@" || return 1
    check "build $name" ninja -C "$out/$name" -j "$jobs"
}

configure() {
    local dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        meson configure "$dir" "$@"
    else
        meson setup "$dir" "$top" -Dwerror=true "$@"
    fi
}

# run_tests NAME ARGUMENT...: `meson test` in build-test/NAME; every test counts
run_tests() {
    local dir=$out/$1 log=$logs/test-$1.log start=$SECONDS ok bad
    shift
    meson test -C "$dir" --num-processes "$jobs" --print-errorlogs "$@" >"$log" 2>&1 </dev/null
    local rc=$?
    ok=$(sed -n 's/^Ok: *//p' "$log")
    bad=$(sed -n -E 's/^(Fail|Unexpected Pass|Timeout): *//p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    if [ -z "$ok" ] || { [ "$rc" != 0 ] && [ "$bad" = 0 ]; }; then
        ok=${ok:-0}
        bad=$((bad + 1))
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        say "FAIL  $bad tests of ${dir##*/}: the end of $log:"
        tail -n 80 "$log"
    else
        say "ok    $ok tests of ${dir##*/} ($((SECONDS - start)) s)"
    fi
}

missing_packages() {
    local p
    for p in $packages; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$p"
    done
}

step_setup() {
    local missing
    missing=$(missing_packages)
    [ -z "$missing" ] && return
    local root=
    [ "$(id -u)" = 0 ] || root=sudo
    export DEBIAN_FRONTEND=noninteractive
    check "apt-get update" $root apt-get update -q
    # shellcheck disable=SC2086
    check "apt-get install $missing" $root apt-get install -qy --no-install-recommends $missing ||
        { say "cannot go on without these packages"; finish; }
}

step_style()  { check style python3 tests/style.py; }
step_layers() { check layers python3 tests/layers.py; }

# What users run: optimised, gcc.
step_release() {
    build release --buildtype=release && run_tests release
}

step_clang() {
    CC=clang CXX=clang++ build clang --buildtype=debugoptimized && run_tests clang --suite unit
}

# No instruction set beyond the baseline, no optional dependency.
step_plain() {
    build plain --buildtype=release --auto-features=disabled -Dsimd=false &&
        run_tests plain --suite unit --suite kernels
}

step_sanitize() {
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    build sanitize --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false &&
        run_tests sanitize --timeout-multiplier 6
    unset ASAN_OPTIONS UBSAN_OPTIONS
}

step_threads() {
    export TSAN_OPTIONS=halt_on_error=1
    build threads --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false &&
        run_tests threads --suite threads --timeout-multiplier 6
    unset TSAN_OPTIONS
}

step_valgrind() {
    # valgrind 3.19 knows no AVX-512; the unit tests of the release build run without it.
    build valgrind --buildtype=debugoptimized -Dsimd=false &&
        run_tests valgrind --suite unit --timeout-multiplier 20 \
            --wrap "valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=all"
}

step_neon() {
    build neon --buildtype=release --cross-file tests/aarch64.txt --auto-features=disabled &&
        run_tests neon --suite kernels --timeout-multiplier 20
}

step_fuzz() {
    CC=clang CXX=clang++ build fuzz --buildtype=debugoptimized -Dfuzz=libfuzzer \
        -Db_sanitize=address,undefined -Db_lundef=false &&
        check fuzz tests/fuzz/run.sh "$out/fuzz" 200000
}

step_lint() {
    [ -f "$out/clang/compile_commands.json" ] || CC=clang CXX=clang++ build clang --buildtype=debugoptimized
    check clang-tidy tests/lint.sh clang-tidy "$out/clang"
    check cppcheck tests/lint.sh cppcheck "$out/clang"
}

finish() {
    say "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}

[ "${1:-}" = --list ] && { say "$steps"; exit; }
for step in ${*:-$steps}; do
    case " $steps " in
    *" $step "*) "step_$step" ;;
    *) say "no step '$step'; there are: $steps"; exit 64 ;;
    esac
done
finish
