#!/usr/bin/env bash
# Fuzzes every target from its committed corpus, and fails on any finding.
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
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:?usage: tests/fuzz/run.sh BUILD [RUNS] [TARGET...]}
runs=${2:-200000}
shift
[ $# -gt 0 ] && shift
targets=${*:-"gguf index json options safetensors tokenizer"}
passed=0
failed=0

export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=32
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
for target in $targets; do
    mkdir -p "$build/corpus/$target" "$build/findings"
    log=$build/findings/$target.log
    if "$build/tests/fuzz/fuzz_$target" -runs="$runs" -max_len=4096 -timeout=1 \
        -rss_limit_mb=256 -seed=1 -dict="$top/tests/fuzz/dict/$target.dict" \
        -artifact_prefix="$build/findings/$target-" -print_final_stats=1 \
        "$build/corpus/$target" "$top/tests/fuzz/corpus/$target" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs," \
            "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MiB"
    else
        failed=$((failed + 1))
        echo "FAIL  $target: the end of $log:"
        tail -n 30 "$log"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
