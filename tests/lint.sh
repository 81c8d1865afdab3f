#!/usr/bin/env bash
# Static analysis: tests/lint.sh clang-tidy|cppcheck BUILD-FOLDER [FILE...]
# Without files, everything that the build compiles from our own folders.
set -eu
cd "$(dirname "$0")/.."
tool=$1
dir=$2
shift 2
if [ $# = 0 ]; then
    mapfile -t files < <(python3 - "$dir" <<'PY'
import json, os, sys
build = os.path.realpath(sys.argv[1])
for e in json.load(open(os.path.join(build, "compile_commands.json"))):
    path = os.path.realpath(os.path.join(e["directory"], e["file"]))
    if path.endswith(".c") and not path.startswith(build + "/"):      # nothing generated
        print(os.path.relpath(path))
PY
    )
    mapfile -t files < <(printf '%s\n' "${files[@]}" | sort -u)
else
    files=("$@")
fi
case $tool in
clang-tidy)
    # One file a process: with several, version 14 takes every va_list for uninitialised.
    printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p "$dir" --quiet
    ;;
cppcheck)
    # Suppressed: what aligned bytes may not be read as, in a tree of tensors.
    cppcheck -j "$(nproc)" --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c \
        --enable=warning,performance,portability -I . \
        -DZK_SIMD=1 -D__x86_64__ \
        --suppress=missingIncludeSystem \
        --suppress=invalidPointerCast \
        "${files[@]}"
    ;;
*)
    echo "clang-tidy or cppcheck, not $tool" >&2
    exit 64
    ;;
esac
