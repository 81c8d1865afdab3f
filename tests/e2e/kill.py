#!/usr/bin/env python3
"""Batches that are stopped in every way from the outside.

    kill.py ZOETROPE FIXTURES SCRATCH [--group NAME] [--times N]

kill -9 at N random instants (60 unless said, the rest in proportion), SIGTERM and SIGINT, full disks, folders
that cannot be written, two renderers at once, clocks that jump. Whatever happens, a file
under a final name is complete, no finished one is made again, and going on gives the
same bytes and leaves nothing else. Ends with "N passed, N failed"; 77 if all was skipped."""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

parser = argparse.ArgumentParser()
parser.add_argument("zoetrope")
parser.add_argument("fixtures", type=pathlib.Path)
parser.add_argument("scratch", type=pathlib.Path)
parser.add_argument("--group")
parser.add_argument("--times", type=int, default=60)
args = parser.parse_args()
MODEL = args.fixtures / "pipe"
# In memory if that can be had: no call is left out, and syncing costs nothing.
MEMORY = pathlib.Path("/dev/shm")
SCRATCH = MEMORY / f"zoetrope-{os.getpid()}" if os.access(MEMORY, os.W_OK) else args.scratch.resolve()

TINY = ["-m", MODEL, "-p", "a red ball", "-W", "16", "-H", "16", "--threads", "1",
        "--set", "precision=f32", "--checkpoint", "0"]
# 24 frames: three films of eight are not to be had, but 24 of one are.
BATCH = [*TINY, "--frames", "1", "--steps", "2", "--seeds", "1-24"]
NAME = "ball_{seed}.y4m"


def command(folder, *more, batch=BATCH, output=NAME):
    return [args.zoetrope, "render", *map(str, batch), *map(str, more), "-o", str(folder / output)]


def run(folder, *more, batch=BATCH, output=NAME, **keys):
    r = subprocess.run(command(folder, *more, batch=batch, output=output), capture_output=True,
                       timeout=300, **keys)
    return r.returncode, r.stdout.decode(), r.stderr.decode(errors="replace")


def fresh(name):
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def snapshot(folder):
    """Path -> digest of every file."""
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def films(files):
    return {n: d for n, d in files.items() if n.endswith(".y4m")}


def without_times(files):
    """Journals and reports have times in them."""
    return {n: (None if n.endswith(("/journal", ".json")) else d) for n, d in files.items()}


class Reference:
    def __init__(self, batch=BATCH):
        folder = fresh("reference")
        start = time.monotonic()
        rc, _, err = run(folder, batch=batch)
        self.seconds = time.monotonic() - start
        self.files = snapshot(folder)
        check("a batch without interruption", rc == 0 and films(self.files), err)


def complete(name, folder, good):
    now = films(snapshot(folder))
    bad = [n for n, d in now.items() if good.files.get(n) != d]
    check(f"{name}: what has its name is complete", not bad, bad)
    return now


def goes_on(name, folder, good, *more, batch=BATCH):
    before = {n: (folder / n).stat().st_mtime_ns for n in films(snapshot(folder))}
    rc, _, err = run(folder, *more, batch=batch)
    check(f"{name}: it goes on", rc == 0, f"exit {rc}: {err[-500:]}")
    now = snapshot(folder)
    check(f"{name}: the same bytes and nothing else", without_times(now) == without_times(good.files),
          set(now.items()) ^ set(good.files.items()))
    again = [n for n, t in before.items() if (folder / n).stat().st_mtime_ns != t]
    check(f"{name}: what was done is not made again", not again, again)


def kills():
    good = Reference()
    rng = random.Random(7)
    found = 0
    for i in range(args.times):
        folder = fresh("kill")
        p = subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.random() * good.seconds)
        p.send_signal(signal.SIGKILL)
        p.wait()
        found += 0 < len(complete(f"kill {i}", folder, good)) < 24
        goes_on(f"kill {i}", folder, good)
    check("kills came in the middle", found > 0, found)
    rc, out, err = run(folder, "--json")
    check("a finished batch does nothing", rc == 0 and json.loads(out.split("\n")[-2])["skipped"] == 24, err)


def signals():
    good = Reference()
    rng = random.Random(8)
    pairs = max(args.times // 12, 2)
    for i, (number, code) in enumerate([(signal.SIGTERM, 75), (signal.SIGINT, 130)] * pairs):
        folder = fresh("signal")
        p = subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.05 + rng.random() * good.seconds * 0.7)
        p.send_signal(number)
        start = time.monotonic()
        if i >= pairs:                  # the second one ends it at once
            p.send_signal(number)
        p.wait()
        # Five seconds; and as long again for a machine that has other things to do.
        check(f"signal {i}: within five seconds", time.monotonic() - start < 10)
        check(f"signal {i}: exit {code}", p.returncode in (code, 0, -number), p.returncode)
        complete(f"signal {i}", folder, good)
        goes_on(f"signal {i}", folder, good)


def can_mount(folder):
    r = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if r.returncode == 0:
        subprocess.run(["umount", folder], check=True)
    return r.returncode == 0


def full_disks():
    """Ten sizes of a disk, each grown until the batch fits."""
    folder = fresh("disk")
    if os.geteuid() != 0 or not can_mount(folder):
        print("skipped: no file system can be mounted here")
        return
    good = Reference()
    for size in (4, 16, 32, 48, 64, 96, 128, 160, 200, 256)[::1 if args.times >= 60 else 3]:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k,nr_inodes=4000", "tmpfs", folder],
                       check=True)
        try:
            rc, _, err = run(folder)
            if rc != 0:
                check(f"disk of {size} KiB: exit 73", rc == 73, f"exit {rc}: {err[-300:]}")
                complete(f"disk of {size} KiB", folder, good)
            subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
            goes_on(f"disk of {size} KiB", folder, good)
        finally:
            subprocess.run(["umount", folder], check=True)


def refusals():
    one = [*TINY, "--frames", "1", "--steps", "1"]
    folder = fresh("refusals")
    rc, _, err = run(pathlib.Path("/proc"), batch=one, output="x.y4m")
    check("a folder that cannot be written", rc == 73 and "/proc" in err, f"exit {rc}: {err}")
    (folder / ".zoetrope").write_text("a file")
    rc, _, err = run(folder, batch=one, output="x.y4m")
    check("no place for job folders", rc in (73, 74) and ".zoetrope" in err, f"exit {rc}: {err}")
    check("nothing was made", sorted(p.name for p in folder.iterdir()) == [".zoetrope"])
    (folder / ".zoetrope").unlink()

    rc, _, err = run(folder, batch=one, output="x.y4m")
    job = next((folder / ".zoetrope").iterdir())
    (job / "journal").write_bytes(b"something else altogether")
    rc, _, err = run(folder, batch=one, output="x.y4m")
    check("a journal that is none", rc == 65 and "journal" in err, f"exit {rc}: {err}")
    (job / "journal").unlink()
    (job / "journal").mkdir()
    rc, _, err = run(folder, batch=one, output="x.y4m")
    check("a journal that cannot be written", rc in (65, 73, 74) and "journal" in err,
          f"exit {rc}: {err}")

    folder = fresh("refusals")
    theirs = folder / "x.y4m"
    theirs.write_text("theirs")
    for existing in ("resume", "fail"):
        rc, _, err = run(folder, "--existing", existing, batch=one, output="x.y4m")
        check(f"a file of others, {existing}", rc == 73 and "x.y4m" in err and
              theirs.read_text() == "theirs", f"exit {rc}: {err}")
    rc, _, err = run(folder, "--existing", "replace", batch=one, output="x.y4m")
    check("a file of others, replaced", rc == 0 and theirs.read_bytes()[:9] == b"YUV4MPEG2", err)
    rc, _, err = run(folder, "--existing", "fail", batch=one, output="x.y4m")
    check("fail also refuses what was made", rc == 73, f"exit {rc}: {err}")
    rc, _, err = run(folder, "--existing", "perhaps", batch=one, output="x.y4m")
    check("an unknown word", rc == 64 and "perhaps" in err, f"exit {rc}: {err}")

    rows = folder / "rows.jsonl"
    rows.write_text('{"name":"a"}\n{"name":"b","noise":"gone.safetensors"}\n{"name":"c"}\n')
    for again in (False, True):
        rc, out, err = run(folder, "--prompts", rows, "--json", batch=one, output="{name}.y4m")
        check("the jobs beside one that fails are done", rc == 66 and (folder / "a.y4m").exists() and
              (folder / "c.y4m").exists() and not (folder / "b.y4m").exists(), f"exit {rc}: {err}")
        check("what failed is told", "1 of 3 jobs failed" in err and "gone.safetensors" in err, err)
        if again:
            check("and only what failed is tried again", '"skipped":2' in out, out)

    prompts = folder / "prompts.txt"
    prompts.write_text("a red ball\n")
    rc, _, err = run(folder, "--prompts", prompts, "--sink", "y4m", "--existing", "replace", batch=one,
                     output="prompts.txt")
    check("an output that is an input", rc == 65 and "input" in err and
          prompts.read_text() == "a red ball\n", f"exit {rc}: {err}")
    (folder / "folder.y4m").mkdir()
    rc, _, err = run(folder, "--existing", "replace", batch=one, output="folder.y4m")
    check("an output that is a folder", rc == 65 and "folder.y4m" in err, f"exit {rc}: {err}")


def races():
    """Two renderers on the same batch: together they make every film once."""
    good = Reference()
    for i in range(max(args.times // 10, 1)):
        folder = fresh("race")
        ps = [subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
              for _ in range(2)]
        errs = [p.communicate(timeout=300)[1].decode(errors="replace") for p in ps]
        codes = sorted(p.returncode for p in ps)
        check(f"race {i}: one works, the other may be told that it is busy",
              codes in ([0, 0], [0, 75], [75, 75]), f"{codes} {errs}")
        check(f"race {i}: busy is explained", all("process" in e for e, p in zip(errs, ps)
                                                  if p.returncode == 75), errs)
        goes_on(f"race {i}", folder, good)
        for journal in folder.glob(".zoetrope/*/journal"):
            count = journal.read_bytes().count(b"film 0 ")
            check(f"race {i}: each film once", count == 1, f"{journal}: {count}")

    # The holder is stopped: others are told, and it goes on when it wakes.
    folder = fresh("race")
    slow = [*TINY, "--frames", "1", "--steps", "400"]
    p = subprocess.Popen(command(folder, batch=slow, output="slow.y4m"), stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    while not list(folder.glob(".zoetrope/*/journal")) and p.poll() is None:
        time.sleep(0.01)
    p.send_signal(signal.SIGSTOP)
    rc, _, err = run(folder, batch=slow, output="slow.y4m")
    check("a stopped holder is still one", rc == 75 and str(p.pid) in err, f"exit {rc}: {err}")
    p.send_signal(signal.SIGCONT)
    check("and goes on", p.wait() == 0, p.returncode)


def clocks():
    """Times of files prove nothing, neither way."""
    good = Reference()
    folder = fresh("clock")
    rc, _, err = run(folder)
    for n, when in zip(sorted(films(snapshot(folder))), [0, 1, 2**31, 2**33] * 6):
        os.utime(folder / n, (when, when))
    before = snapshot(folder)
    rc, out, err = run(folder, "--json")
    check("other times, the same files", rc == 0 and snapshot(folder) == before and
          json.loads(out.split("\n")[-2])["skipped"] == 24, err)
    changed = folder / sorted(films(before))[3]
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    rc, out, err = run(folder)
    check("a changed film is not replaced unasked", rc == 73 and changed.name in err and
          changed.read_bytes() == data, f"exit {rc}: {err}")
    rc, out, err = run(folder, "--existing", "replace")
    check("but made again if asked", rc == 0 and films(snapshot(folder)) == films(good.files), err)
    changed.unlink()
    rc, out, err = run(folder)
    check("a lost film is made again", rc == 0 and films(snapshot(folder)) == films(good.files), err)


def main():
    groups = {"kills": kills, "signals": signals, "disks": full_disks, "refusals": refusals,
              "races": races, "clocks": clocks}
    os.environ["XDG_CACHE_HOME"] = str(SCRATCH / "cache")
    (SCRATCH / "cache").mkdir(parents=True, exist_ok=True)
    for name, group in groups.items():
        if args.group in (None, name):
            group()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return totals(empty=77)


if __name__ == "__main__":
    sys.exit(main())
