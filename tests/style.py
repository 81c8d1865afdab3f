#!/usr/bin/env python3
"""Checks what no compiler does: tabs, trailing blanks, line ends, stray Unicode,
long lines, words that do not belong in a library, and pages that speak of files
which are not there."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = {".c", ".h", ".cu", ".py", ".sh", ".map"}
TEXT = CODE | {".md", ".build", ".txt", ".preset", ".editorconfig", ".yml"}
# Data that tests read as it is.
DATA = ("tests/parity/fixtures/", "tests/fuzz/corpus/", "tests/badfiles/", "tests/unit/data/")
MD_UNICODE = "\u00d7\u2192\u2264\u2265\u00b1"

# In the library only: pattern, why not.
BANNED = [
    (r"\b(printf|puts|putchar|perror)\s*\(", "the library prints nothing"),
    (r"\b(stdout|stderr)\b", "the library prints nothing"),
    (r"\b(abort|exit|_exit|atexit|system|popen|fork|signal|sigaction|setlocale)\s*\(",
     "the host's process is not ours"),
    (r"\b(getenv|setenv|putenv|chdir|umask)\s*\(", "the host's environment is not ours"),
    (r"\b(strtod|strtof|atof|sscanf|strtok|localtime|rand|srand)\s*\(",
     "depends on the locale, or on hidden state"),
    (r"\b(malloc|calloc|realloc|free|aligned_alloc|posix_memalign)\s*\(",
     "memory comes through core/base/alloc.h"),
    (r"\b(fopen|open|openat|pread|pwrite|fsync|rename|unlink|mkdir)\s*\(",
     "files are reached through core/base/file.h"),
    (r"\bTODO\b|\bFIXME\b|\bXXX\b", "say what blocks it, or do it"),
]
HOME = {
    "memory comes": "core/base/alloc.c",
    "files are": "core/base/file_system.c",
}


def tracked():
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-co",
               "--exclude-standard", "-z"]
    listing = subprocess.run(command, capture_output=True, check=True).stdout
    return [n for n in listing.decode().split("\0") if n and (ROOT / n).is_file()]


def code_only(text):
    """The text with comments and strings blanked, line by line."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def check(name):
    path = ROOT / name
    suffix = path.suffix or path.name
    if name.startswith(DATA) or suffix not in TEXT:
        return
    raw = path.read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError as e:
        yield 1, f"is not UTF-8: {e.reason} at byte {e.start}"
        return
    if raw and not raw.endswith(b"\n"):
        yield text.count("\n") + 1, "no newline at the end"
    if raw.endswith(b"\n\n"):
        yield text.count("\n"), "blank lines at the end"
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            yield number, "a tab"
        if "\r" in line:
            yield number, "a carriage return"
        if line.rstrip() != line.rstrip("\r"):
            yield number, "a trailing blank"
        stray = [c for c in line if ord(c) > 126 and not (suffix == ".md" and c in MD_UNICODE)]
        if stray:
            yield number, f"stray character U+{ord(stray[0]):04X}"
        limit = 120 if suffix == ".py" else 100
        if suffix in (".c", ".h", ".cu", ".py") and len(line) > limit:
            yield number, f"{len(line)} columns, {limit} are the limit"
    if suffix == ".md":
        for number, line in enumerate(text.split("\n"), 1):
            for m in re.finditer(r"`((?:core|host-abi|kernels|plugin|presets|tests)/[\w./-]*)`", line):
                if not (ROOT / m[1]).exists():
                    yield number, f"there is no {m[1]}"
    library = ("core/", "kernels/", "plugin/api", "plugin/params")
    if suffix in (".c", ".h") and name.startswith(library):
        for number, line in enumerate(code_only(text).split("\n"), 1):
            for pattern, why in BANNED:
                home = next((h for k, h in HOME.items() if why.startswith(k)), None)
                m = re.search(r"(?<![\w.>])" + pattern, line)
                if m and name != home:
                    yield number, f"{m[0].strip()}: {why}"
    if suffix == ".h" and name.startswith(("core/", "kernels/kernels.h", "kernels/dtype.h")) and \
            "Thread safety:" not in text:
        yield 1, "the header says nothing about thread safety"


def main():
    names = tracked()
    found = [f"{n}:{line}: {what}" for n in names for line, what in check(n)]
    print("\n".join(found) if found else f"{len(names)} files are in style")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
