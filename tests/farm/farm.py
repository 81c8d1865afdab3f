#!/usr/bin/env python3
"""Shares of a batch, and what farms are told.

    farm.py ZOETROPE FIXTURES SCRATCH

Needs nothing but Python. Ends with "N passed, N failed"."""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

ZOETROPE, FIXTURES, SCRATCH = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
MODEL = FIXTURES / "pipe"
TINY = ["-m", MODEL, "-W", "16", "-H", "16", "--frames", "1", "--steps", "2", "--threads", "1"]
LIST = ["--prompts", SCRATCH / "shots.csv", "--seeds", "1-3"]
FARM_VARIABLES = ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
                  "SLURM_ARRAY_TASK_STEP"]


def render(*more, **variables):
    env = {k: v for k, v in os.environ.items() if k not in FARM_VARIABLES}
    env.update(XDG_CACHE_HOME=str(SCRATCH / "cache"), **variables)
    r = subprocess.run([str(a) for a in (ZOETROPE, "render", *TINY, *more)], capture_output=True,
                       timeout=120, env=env)
    return r.returncode, r.stdout, r.stderr.decode(errors="replace")


def fresh(name):
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def films(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.y4m"))}


def shares():
    out = fresh("whole")
    rc, _, err = render(*LIST, "-o", out / "{name}_{seed}.y4m")
    whole = films(out)
    check("rows times seeds", rc == 0 and set(whole) == {f"{n}_{s}.y4m" for n in ("fox", "owl") for s in (1, 2, 3)},
          err or list(whole))
    check("each film is another", len(set(whole.values())) == 6)
    for n in (2, 4, 9):
        out = fresh("shares")
        codes = [render(*LIST, "--shard", f"{i}/{n}", "-o", out / "{name}_{seed}.y4m")[0]
                 for i in range(1, n + 1)]
        check(f"{n} shares are everything", not any(codes) and films(out) == whole, codes)
    out = fresh("tasks")
    for i in range(1, 7):
        rc, _, err = render(*LIST, "--task", i, "-o", out / "{name}_{seed}.y4m")
        check(f"task {i} is one film", rc == 0 and len(films(out)) == i, err)
    check("six tasks are everything", films(out) == whole)
    rc, _, err = render(*LIST, "--task", "7", "-o", out / "{name}_{seed}.y4m")
    check("there is no seventh", rc == 64 and "6" in err, f"exit {rc}: {err}")
    rc, _, err = render(*LIST, "--shard", "3/2", "-o", out / "{name}_{seed}.y4m")
    check("no third of two", rc == 64 and "3/2" in err, f"exit {rc}: {err}")

    out = fresh("slurm")
    for i in range(10, 19, 4):
        rc, _, err = render(*LIST, "-o", out / "{name}_{seed}.y4m", SLURM_ARRAY_TASK_ID=str(i),
                            SLURM_ARRAY_TASK_MIN="10", SLURM_ARRAY_TASK_MAX="18",
                            SLURM_ARRAY_TASK_STEP="4")
        check(f"element {i} of an array", rc == 0, err)
    check("elements of an array are everything", films(out) == whole)
    rc, _, err = render(*LIST, "-o", out / "{name}_{seed}.y4m", SLURM_ARRAY_TASK_ID="banana")
    check("a variable that is no number", rc == 64 and "banana" in err, f"exit {rc}: {err}")
    rc, _, err = render(*LIST, "--farm", "none", "-o", out / "{name}_{seed}.y4m", SLURM_ARRAY_TASK_ID="banana")
    check("ignored if asked", rc == 0, err)
    return whole


def progress():
    out = fresh("progress")
    rc, text, err = render("-p", "x", "--farm", "openjd", "-o", out / "a.y4m")
    check("openjd_progress and openjd_status", rc == 0 and b"openjd_progress: 100.0\n" in text and
          re.search(rb"^openjd_status: \w+", text, re.M), text)
    for farm in ("deadline", "opencue", "slurm"):
        rc, text, err = render("-p", "x", "--farm", farm, "-o", out / f"{farm}.y4m")
        numbers = [int(n) for n in re.findall(rb"^Progress: (\d+)%$", text, re.M)]
        check(f"{farm} reads whole percents", rc == 0 and numbers and numbers[-1] == 100 and
              numbers == sorted(numbers), text)
    rc, _, err = render("-p", "x", "--farm", "henhouse", "-o", out / "b.y4m")
    check("an unknown farm", rc == 64 and "henhouse" in err, err)
    rc, text, err = render(*LIST, "--json", "-o", out / "{name}_{seed}.y4m")
    lines = [json.loads(line) for line in text.decode().strip().split("\n")]
    check("lines of JSON, the report last", rc == 0 and lines[-1]["done"] == 6 and
          all(0 <= line["percent"] <= 100 and line["jobs"] == 6 for line in lines[:-1]), text)
    rc, _, err = render(*LIST, "-o", out / "again_{name}_{seed}.y4m")
    check("plain lines where there is no terminal", rc == 0 and
          "6 of 6 jobs done, 0 of them before\n" in err and "\r" not in err, err)


def origins():
    """A picture tells what it was made with, but for what is private."""
    out = fresh("origins")
    rc, _, err = render("-p", "a secret fox", "--steps", "9", "--cache", "fora", "--set", "cache.interval=3",
                        "-o", out / "a.##.png")
    data = (out / "a.00.png").read_bytes()
    report = json.loads((out / "a.json").read_text())
    check("prompt, fingerprint and steps are in the picture", rc == 0 and all(
        w in data for w in (b"a secret fox", report["job"]["models"]["transformer"].encode(),
                            b'"steps_computed":3', b"trainedAlgorithmicMedia")), err)
    check("and in the report", report["job"]["options"]["prompt"] == "a secret fox" and
          report["files"][0]["name"] == "a.00.png", report)
    rc, _, err = render("-p", "a secret fox", "--set", "private=true", "-o", out / "b.##.png")
    told = [p.name for p in out.rglob("*") if p.is_file() and b"secret" in p.read_bytes()]
    check("a private prompt is in no file", rc == 0 and sorted(told) == ["a.00.png", "a.json", "manifest"],
          told or err)


def sheets():
    """First, middle and last frames of all jobs, also of those that were done before."""
    out = fresh("sheet")
    sheet = SCRATCH / "sheet.png"
    flags = [*LIST, "--contact-sheet", sheet, "-o", out / "{name}_{seed}.y4m"]
    rc, _, err = render(*flags)
    data = sheet.read_bytes() if sheet.exists() else b""
    size = struct.unpack(">II", data[16:24]) if data else None
    check("a contact sheet", rc == 0 and data[:8] == b"\x89PNG\r\n\x1a\n" and size == (2 * 504, 3 * 208), err or size)
    rc, _, err = render(*flags)
    check("the same one again", rc == 0 and sheet.read_bytes() == data, err)
    (out / "owl_2.y4m").unlink()
    rc, _, err = render(*flags)
    check("of what is there", rc == 0 and sheet.read_bytes() == data, err)
    rc, _, err = render("-p", "x", "--contact-sheet", SCRATCH / "nowhere" / "s.png", "-o", out / "x.y4m")
    check("a sheet that cannot be made", rc == 73 and "nowhere" in err and (out / "x.y4m").exists(),
          f"exit {rc}: {err}")


def streams():
    out = fresh("stream")
    rc, text, err = render("-p", "a fox", "-s", "1", "-o", "-")
    render("-p", "a fox", "-s", "1", "-o", out / "a.y4m")
    check("a stream has a film's bytes", rc == 0 and text == (out / "a.y4m").read_bytes(), err)
    rc, _, err = render(*LIST, "-o", "-")
    check("one film a stream", rc == 64 and "'-'" in err, f"exit {rc}: {err}")


def templates(whole):
    out = fresh("openjd")
    path = SCRATCH / "job.json"
    path.unlink(missing_ok=True)
    rc, _, err = render(*LIST, f"--write-openjd={path}", "-o", out / "{name}_{seed}.y4m")
    job = json.loads(path.read_text()) if rc == 0 else {}
    check("a template", rc == 0 and job["specificationVersion"] == "jobtemplate-2023-09", err)
    step = job["steps"][0]
    definition = step["parameterSpace"]["taskParameterDefinitions"][0]
    action = step["script"]["actions"]["onRun"]
    check("with a task for each film", definition == {"name": "Task", "type": "INT", "range": "1-6"}, definition)
    check("nothing is rendered for it", not films(out))
    for i in range(1, 7):
        args = [a.replace("{{Task.Param.Task}}", str(i)) for a in action["args"]]
        r = subprocess.run([ZOETROPE, *args], capture_output=True, timeout=120,
                           env=dict(os.environ, XDG_CACHE_HOME=str(SCRATCH / "cache")))
        check(f"its task {i} runs", r.returncode == 0 and b"openjd_progress: 100.0" in r.stdout,
              r.stderr)
    check("its tasks are everything", films(out) == whole)
    rc, _, err = render(*LIST, "--write-openjd", path, "-o", out / "{name}_{seed}.y4m")
    check("a template is not written over", rc == 73, f"exit {rc}: {err}")


def texts():
    """Encoded prompts are found again, damaged ones are not believed, and there is a bound."""
    out, kept = fresh("texts"), fresh("kept")
    flags = ["--text-cache", kept, "-p", "a fox"]
    render(*flags, "-o", out / "a.y4m")
    one = list(kept.iterdir())
    check("an encoded prompt is kept", len(one) == 1 and one[0].suffix == ".text", one)
    rc, text, _ = render(*flags, "-s", "0", "--json", "-o", out / "b.y4m")
    phases = [json.loads(line).get("phase") for line in text.decode().strip().split("\n")]
    check("and used", rc == 0 and "prompt" not in phases and
          (out / "a.y4m").read_bytes() == (out / "b.y4m").read_bytes(), phases)
    for damage in (b"", one[0].read_bytes()[:-70], b"x" * 500):
        one[0].write_bytes(damage)
        rc, _, err = render(*flags, "--existing", "replace", "-s", "1", "-o", out / "c.y4m")
        (out / "c.y4m").unlink()
        check("a damaged one is made anew", rc == 0 and len(one[0].read_bytes()) > 500, err)
    size = one[0].stat().st_size
    for i in range(5):
        render("--text-cache", kept, "--text-cache-bytes", 3 * size, "-p", f"fox {i}", "-o", out / f"d{i}.y4m")
    total = sum(p.stat().st_size for p in kept.iterdir())
    check("there is a bound", 0 < total <= 3 * size, f"{total} of {3 * size}")
    rc, _, err = render("--text-cache", SCRATCH / "nowhere", "-p", "x", "-o", out / "e.y4m")
    check("a folder that is not there fails nothing", rc == 0, err)


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    (SCRATCH / "cache").mkdir(parents=True)
    (SCRATCH / "shots.csv").write_text('name,prompt\nfox,"a fox, running"\nowl,an owl\n')
    whole = shares()
    progress()
    origins()
    sheets()
    streams()
    templates(whole)
    texts()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return totals()


if __name__ == "__main__":
    sys.exit(main())
