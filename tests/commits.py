#!/usr/bin/env python3
"""Checks how the last commits are described: `area: what changes`, lower case, no
full stop, at most 72 columns, and an empty line before anything more."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAST = 10         # what is older cannot be mended any more
AREA = re.compile(r"[a-z][a-z0-9_.-]*(/[a-z0-9_.-]+)*(, [a-z][a-z0-9_./-]*)*: ")


def faults(subject, rest):
    area = AREA.match(subject)
    if not area:
        yield "does not begin with an area in lower case and a colon"
    # A name (HunyuanVideo, CLIP, LLaMA) has more capitals than its first.
    elif re.match(r"[A-Z][a-z]*(?![\w-])", subject[area.end():]):
        yield "goes on with a capital after its area"
    if len(subject) > 72:
        yield f"has {len(subject)} columns, 72 are the limit"
    if subject.endswith("."):
        yield "ends with a full stop"
    if rest and rest[0]:
        yield "has no empty line after its first"


def main():
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "log", f"-{LAST}", "--no-merges",
               "--format=%h%n%B%x00"]
    log = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    found, count = [], 0
    for entry in log.split("\0"):
        name, _, message = entry.strip().partition("\n")
        if not name:
            continue
        subject, *rest = message.split("\n")
        found += [f"{name} '{subject}' {what}" for what in faults(subject, rest)]
        count += 1
    print("\n".join(found) if found else f"{count} commits are well described")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
