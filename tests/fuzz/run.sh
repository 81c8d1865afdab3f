#!/usr/bin/env bash
# Fuzzes targets from their committed corpus, as many at once as there are
# processors, and fails on any finding.
#
#   tests/fuzz/run.sh BUILD [RUNS] [TARGET...]
#
# BUILD is a build folder of clang with -Dfuzz=libfuzzer and
# -Db_sanitize=address,undefined; RUNS is 200000 unless given. A night's work is
#   tests/fuzz/run.sh build-test/fuzz 100000000
# What a long run finds of new paths is kept in BUILD/corpus, and used by the next
# one; findings are left in BUILD/findings. To look at one, run
# BUILD/tests/fuzz/fuzz_TARGET FILE.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: tests/fuzz/run.sh BUILD [RUNS] [TARGET...]}
runs=${2:-200000}
shift
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || mapfile -t all < <(ls "$here/corpus")
[ $# -gt 0 ] || set -- "${all[@]}"
if [ $# -gt 1 ]; then
    printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$here/run.sh" "$build" "$runs"
    exit
fi

target=$1
log=$build/findings/$target.log
export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=32
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
mkdir -p "$build/corpus/$target" "$build/findings"
if ! "$build/tests/fuzz/fuzz_$target" -runs="$runs" -max_len=4096 -timeout=1 \
    -rss_limit_mb=256 -seed=1 -dict="$here/dict/$target.dict" \
    -artifact_prefix="$build/findings/$target-" -print_final_stats=1 \
    "$build/corpus/$target" "$here/corpus/$target" >"$log" 2>&1; then
    echo "FAIL  $target: the end of $log:"
    tail -n 30 "$log"
    exit 1
fi
echo "ok    $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs," \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MiB"
