#!/usr/bin/env python3
"""Exit codes and progress of the program, as farms and people see them.

    exits.py ZOETROPE STUB MODEL SCRATCH

Every status of the library has its exit code: a library that fails to order stands in
for the real one. What can be had for real is had for real too. On a terminal progress
is one line that is written over, elsewhere plain lines, with --json lines of JSON."""
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

ZOETROPE, STUB, MODEL, SCRATCH = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
TINY = ["-m", MODEL, "-p", "a red ball", "-W", "32", "-H", "32", "--frames", "5", "--threads", "2",
        "--set", "precision=f32"]
# Long enough to be looked at.
LONG = ["-W", "128", "-H", "128", "--frames", "33", "--steps", "100"]
# zoetrope.h's statuses, and what a farm is told: 69, 71, 74 and 75 are worth another try.
CODES = {0: 0, -1: 71, -2: 65, -3: 65, -4: 65, -5: 65, -6: 130, -7: 74, -8: 69, -9: 64, -10: 65,
         -11: 65, -12: 65, -13: 65, -14: 65, -15: 75, -16: 66, -17: 73, -18: 75, -99: 70, 7: 70}
films = 0


def zoetrope(*args, **env):
    return subprocess.run([ZOETROPE, *map(str, args)], capture_output=True, timeout=120,
                          env={**os.environ, **env}, stdin=subprocess.DEVNULL)


def statuses():
    shutil.copyfile(STUB, SCRATCH / "libzoetrope.so.0")
    for status, code in CODES.items():
        r = zoetrope("inspect", "x", LD_LIBRARY_PATH=str(SCRATCH), ZT_STUB=str(status))
        check(f"status {status} is exit {code}", r.returncode == code, r)
        r = zoetrope("inspect", "x", "--json", LD_LIBRARY_PATH=str(SCRATCH), ZT_STUB=str(status))
        last = json.loads(r.stderr.splitlines()[-1]) if code else {"exit": 0}
        check(f"exit {code} as JSON", r.returncode == code and last["exit"] == code, r)
    r = zoetrope("inspect", "x", LD_LIBRARY_PATH=str(SCRATCH), ZT_STUB="none")
    check("a library of another version is exit 70", r.returncode == 70, r)


def film():
    """A name that no job has had."""
    global films
    films += 1
    return SCRATCH / f"film{films}.y4m"


def render(*args):
    return zoetrope("render", *TINY, *args, "-o", film())


def causes():
    for code, args in {0: [], 64: ["--steps", "0"], 65: ["--cache", "lesa"],
                       66: ["--set", "model=/no/such/folder"], 69: ["--device", "none"],
                       71: ["--max-memory", "1000"]}.items():
        r = render("--steps", "2", *args)
        check(f"exit {code} of {args}", r.returncode == code and (code == 0 or r.stderr), r)
    r = zoetrope("render", *TINY, "--steps", "2", "-o", SCRATCH / "no" / "such" / "film.y4m")
    check("exit 73 of a folder that is not there", r.returncode == 73, r)


def interrupted():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 75)):
        p = subprocess.Popen([ZOETROPE, "render", *map(str, TINY), *LONG, "--steps", "1000",
                              "-o", film()],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in p.stderr:
            if line.startswith("steps"):
                break
        p.send_signal(number)
        begin = time.monotonic()
        p.stderr.read()
        check(f"{number.name} is exit {code}", p.wait(60) == code, p.returncode)
        check(f"soon after {number.name}", time.monotonic() - begin < 10, time.monotonic() - begin)


def on_terminal(*args):
    """What it shows there."""
    master, slave = pty.openpty()
    p = subprocess.Popen([ZOETROPE, *map(str, args)], stdout=slave, stderr=slave, stdin=slave)
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:               # the other side is closed
            break
        if not part:
            break
        said += part
    os.close(master)
    return p.wait(60), said.decode(errors="replace")


def progress():
    code, said = on_terminal("render", *TINY, *LONG, "-o", film())
    check("a bar on a terminal", code == 0 and "\r" in said and "[####" in said, said[-400:])
    check("with steps and the time that is left", "/100" in said and " s left" in said, said[-400:])
    r = render(*LONG)
    lines = r.stderr.decode().splitlines()
    check("plain lines elsewhere", r.returncode == 0 and b"\r" not in r.stderr and
          any("/100" in line for line in lines), lines[-5:])
    r = render(*LONG, "--json")
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    check("lines of JSON if asked for", len(rows) > 2, r.stdout[-400:])


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    statuses()
    causes()
    interrupted()
    progress()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return totals()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
