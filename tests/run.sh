#!/usr/bin/env bash
# The one test command: installs what is missing, builds in several ways, runs
# every check, and ends with "N passed, N failed".
#
#   tests/run.sh               everything
#   tests/run.sh style clang   only these steps; tests/run.sh --list names them
#
# What is built goes to build-test/ beside the sources, logs to build-test/logs.
# JOBS=N in the environment sets how many processes run at once.
set -u
cd "$(dirname "$0")/.."
top=$PWD
out=$top/build-test
logs=$out/logs
jobs=${JOBS:-$(nproc)}
passed=0
failed=0
child=

steps="setup style commits layers release demo clang plain valgrind sanitize threads neon fuzz lint"

say() { printf '%s\n' "$*"; }

# limited SECONDS LOG COMMAND...: runs it with its output in LOG, and ends it when time is up
limited() {
    local seconds=$1 log=$2
    shift 2
    timeout -k 10 "$seconds" "$@" >"$log" 2>&1 </dev/null &
    child=$!
    wait $child
    local rc=$?
    child=
    [ $rc != 124 ] || say "ended after $seconds s" >>"$log"
    return $rc
}

# check NAME SECONDS COMMAND...: one check, whose output is shown only if it fails
check() {
    local name=$1 seconds=$2 start=$SECONDS
    local log=$logs/${name//[!a-zA-Z0-9._-]/-}.log
    shift 2
    if limited "$seconds" "$log" "$@"; then
        passed=$((passed + 1))
        say "ok    $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        say "FAIL  $name: the end of $log:"
        tail -n 60 "$log"
        return 1
    fi
}

# configure NAME MESON-OPTION...: afresh if the options differ from the last time's
configure() {
    local dir=$out/$1
    shift
    local options="${CC:-cc} $*"
    [ "$options" = "$(cat "$dir/options" 2>/dev/null)" ] && [ -f "$dir/build.ninja" ] && return
    rm -rf "$dir"
    check "configure ${dir##*/}" 300 meson setup "$dir" "$top" -Dwerror=true -Dcuda-archs=90 "$@" || return 1
    say "$options" >"$dir/options"
}

# build NAME MESON-OPTION...: configures and compiles build-test/NAME
build() {
    configure "$@" && check "build $1" 1800 ninja -C "$out/$1" -k 0 -j "$jobs"
}

# run_tests NAME ARGUMENT...: `meson test` in build-test/NAME; every test counts
run_tests() {
    local name=$1 start=$SECONDS log=$logs/test-$1.log rc ok bad skipped
    shift
    limited 2400 "$log" meson test -C "$out/$name" --num-processes "$jobs" --print-errorlogs "$@"
    rc=$?
    ok=$(sed -n 's/^Ok: *\([0-9]*\).*/\1/p' "$log")
    bad=$(sed -n -E 's/^(Fail|Unexpected Pass|Timeout): *//p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    skipped=$(sed -n -E 's/^ *[0-9]+\/[0-9]+ (.*[^ ]) +SKIP .*/\1/p' "$log" | paste -sd, -)
    if [ "${ok:-0}" = 0 ] || { [ $rc != 0 ] && [ "$bad" = 0 ]; }; then
        bad=$((bad + 1))
    fi
    passed=$((passed + ${ok:-0}))
    failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        say "FAIL  $bad tests of $name: the end of $log:"
        tail -n 100 "$log"
        return 1
    fi
    say "ok    $ok tests of $name ($((SECONDS - start)) s)${skipped:+, skipped: $skipped}"
}

step_setup()   { check packages 1800 tests/packages.sh test || finish; }
step_style()   { check style 60 python3 tests/style.py; }
step_commits() { check commits 60 python3 tests/commits.py; }
step_layers()  { check layers 60 python3 tests/layers.py; }

# What users run: optimised, gcc.
step_release() {
    build release --buildtype=release && run_tests release --timeout-multiplier 3
}

step_demo() {
    check demo 900 env DEMO_OUT="$out/demo" presets/demo.sh &&
        check "demo, another prompt" 300 env DEMO_OUT="$out/demo" \
            presets/demo.sh 'A blue heart spins on white'
}

step_clang() {
    CC=clang build clang --buildtype=debugoptimized &&
        run_tests clang --suite unit --timeout-multiplier 3
}

# No instruction set beyond the baseline, no optional dependency.
build_plain() {
    build plain --buildtype=debugoptimized --auto-features=disabled -Dsimd=false
}

step_plain() {
    build_plain && run_tests plain --suite kernels --timeout-multiplier 6
}

# Without AVX-512, which valgrind 3.19 doesn't know.
step_valgrind() {
    build_plain && run_tests plain --suite unit --timeout-multiplier 20 \
        --wrap "valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=all"
}

step_sanitize() {
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    build sanitize --buildtype=debugoptimized -Doptimization=1 \
        -Db_sanitize=address,undefined -Db_lundef=false &&
        run_tests sanitize --timeout-multiplier 6
    unset ASAN_OPTIONS UBSAN_OPTIONS
}

# Builds only the tests that use several threads.
step_threads() {
    export TSAN_OPTIONS=halt_on_error=1
    configure threads --buildtype=debugoptimized -Doptimization=1 -Dsimd=false \
        -Db_sanitize=thread -Db_lundef=false &&
        run_tests threads --suite threads --timeout-multiplier 6
    unset TSAN_OPTIONS
}

step_neon() {
    build neon --buildtype=release --cross-file tests/aarch64.txt --auto-features=disabled \
        -Dengine=false && run_tests neon --suite unit --suite kernels --timeout-multiplier 20
}

# Builds only the fuzz targets. 200000 executions each; tests/fuzz/run.sh says how to do more.
step_fuzz() {
    CC=clang configure fuzz --buildtype=debugoptimized -Dsimd=false -Dfuzz=libfuzzer \
        -Db_sanitize=address,undefined -Db_lundef=false || return
    local target programs=()
    for target in tests/fuzz/corpus/*/; do
        programs+=("tests/fuzz/fuzz_$(basename "$target")")
    done
    check "build fuzz" 1800 ninja -C "$out/fuzz" -j "$jobs" "${programs[@]}" &&
        check fuzz 1800 tests/fuzz/run.sh "$out/fuzz" 200000
}

step_lint() {
    CC=clang configure clang --buildtype=debugoptimized || return
    check clang-tidy 1800 tests/lint.sh clang-tidy "$out/clang"
    check cppcheck 1800 tests/lint.sh cppcheck "$out/clang"
}

finish() {
    say "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}

[ "${1:-}" = --list ] && { say "$steps"; exit; }
for step in "$@"; do
    case " $steps " in
    *" $step "*) ;;
    *) say "no step '$step'; there are: $steps"; exit 64 ;;
    esac
done
mkdir -p "$logs"
trap '[ -z "$child" ] || kill "$child"; exit 130' INT TERM
for step in ${*:-$steps}; do
    "step_$step"
done
finish
