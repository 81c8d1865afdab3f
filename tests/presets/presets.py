#!/usr/bin/env python3
"""The presets that are shipped, their page, and what the program does with presets.

presets.py keys KEYS [--write]    the page's tables are those of the code; KEYS prints them
presets.py shipped ZOETROPE       every shipped preset holds, and its figures are true
presets.py program ZOETROPE DIR   zoetrope presets, from the outside

Ends with "N passed, N failed"."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PRESETS = ROOT / "presets"


def run(*command, env=None, cwd=None):
    r = subprocess.run([str(c) for c in command], capture_output=True, timeout=120, cwd=cwd,
                       env={**os.environ, **(env or {})})
    return r.returncode, r.stdout.decode(), r.stderr.decode(errors="replace")


def keys(program, write):
    page = PRESETS / "README.md"
    text = page.read_text()
    rc, tables, err = run(program)
    check("tables are printed", rc == 0 and tables.count("\n| `") > 50, err)
    made = re.sub(r"(<!-- keys -->\n).*(<!-- end -->)", lambda m: m[1] + tables + m[2], text,
                  flags=re.S)
    if write:
        page.write_text(made)
    check("presets/README.md has the tables of the code", write or made == text,
          "run tests/presets/presets.py keys " + program + " --write")


def shipped(zoetrope):
    files = sorted(PRESETS.rglob("*.preset"))
    names = [f.relative_to(PRESETS).as_posix() for f in files]
    listed = (PRESETS / "meson.build").read_text()
    rc, out, err = run(zoetrope, "presets", "check", *files)
    check("all hold", rc == 0 and out == "".join(f"ok    {f}\n" for f in files), out + err)
    rc, out, err = run(zoetrope, "presets", "check", *(n.removesuffix(".preset") for n in names),
                       cwd="/")
    check("all are found by name", rc == 0 and out.count("\n") == len(names), out + err)
    for file, name in zip(files, names):
        if "/" not in name:
            check(f"{name} is installed", f"'{name}'" in listed, "not in presets/meson.build")
            figures(zoetrope, file)
    check("there are presets", len(files) > 9, files)


def figures(zoetrope, file):
    """Gigabytes and work of the comments are those of the plan."""
    text = re.sub(r"\n# ", " ", file.read_text())
    said = re.search(r"Memory: ([\d.]+) GB at the peak .*?; ([\d.]+) GB with --max-memory (\d+)",
                     text)
    work = re.search(r"Work: ([\d.]+) PFLOP", text)
    # The small model fits everywhere.
    if file.name.startswith(("_", "demo")):
        return
    check(f"{file.name} says what it needs", said, "")
    # A predictor is not there before a training.
    more = ["--cache", "none"] if "cache  = lesa" in text else []
    for limit, told in (("0", said[1]), (said[3], said[2])):
        rc, out, err = run(zoetrope, "render", file, "--dry-run", "--json", "--max-memory", limit,
                           *more)
        check(f"{file.name} is planned", rc == 0, err)
        plan = json.loads(out)
        check(f"{file.name}: {told} GB with a limit of {limit}",
              abs(plan["peak"] / 1e9 - float(told)) < 0.3, plan["peak"])
        if work:
            check(f"{file.name}: {work[1]} PFLOP", abs(plan["flops"] / 1e15 - float(work[1])) < 0.1,
                  plan["flops"])


def program(zoetrope, folder):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    mine = folder / "config/zoetrope/presets"
    mine.mkdir(parents=True)
    (mine / "mine.preset").write_text("# Of mine\ninclude = hunyuan-640x480x65-fast\nsteps = 7\n"
                                      "prompt = ${who} runs\nmodel = weights\n")
    (mine / "weights").mkdir()
    (mine / "bad.preset").write_text("# Not good\n\nsteps = 1,5\n")
    (mine / "linked.preset").write_text("include = link\n")
    (mine / "link.preset").symlink_to("/etc/passwd")
    env = {"XDG_CONFIG_HOME": str(folder / "config"), "LC_ALL": "de_DE.UTF-8"}

    def presets(*args, env=env, **more):
        return run(zoetrope, "presets", *args, env=env, **more)

    rc, out, err = presets()
    check("a list", rc == 0 and re.search(r"^mine +Of mine$", out, re.M) and
          "hunyuan-640x480x65-fast" in out and "\n_" not in out, out + err)
    rc, out, err = presets("--json")
    items = json.loads(out)
    check("a list as JSON", {"name": "mine", "path": str(mine / "mine.preset"),
                             "summary": "Of mine"} in items, out)
    rc, out, err = run(zoetrope, "presets",
                       env={"XDG_CONFIG_HOME": "", "HOME": str(folder / "no")})
    check("without a folder of the user's", rc == 0 and "mine" not in out and "hunyuan" in out, out)
    home = folder / "home/.config/zoetrope/presets"
    home.mkdir(parents=True)
    (home / "at-home.preset").write_text("# Home\nsteps = 3\n")
    rc, out, err = presets(env={"XDG_CONFIG_HOME": "relative", "HOME": str(folder / "home")})
    check("the folder in a home", rc == 0 and "at-home" in out, out)

    rc, out, err = presets("show", "mine", "--set", "who=a fox", cwd="/")
    check("a preset is shown", rc == 0 and f"# {mine}/mine.preset:3:9\nsteps = 7\n" in
          re.sub(r"# \.\.\.\S*(/mine\.preset)", f"# {mine}\\1", out) and
          "prompt = a fox runs\n" in out and f"model = {mine}/weights\n" in out and
          "cache.threshold = 0.15\n" in out, out + err)
    (folder / "again.preset").write_text(out)
    rc, again, err = presets("show", folder / "again.preset")

    def values(text):
        return [line for line in text.splitlines() if not line.startswith("#") and line]

    check("what is shown is a preset", rc == 0 and sorted(values(again)) == sorted(values(out)),
          again + err)
    rc, out, err = presets("show", "mine", "--json", "--set", "who=x", "--set", "seed=5")
    options = {o["key"]: o for o in json.loads(out)["options"]}
    check("shown as JSON", rc == 0 and options["steps"] == {
        "key": "steps", "value": "7", "source": str(mine / "mine.preset"), "line": 3,
        "column": 9} and options["seed"]["source"] == "options" and "source" not in
        options["vae_tile"], options)

    for name, args, code, words in (
            ("a bad value", ["check", mine / "bad.preset"], 64,
             ["bad.preset:3:9: steps: '1,5' has a comma", "1 to 1000"]),
            ("options that do not fit", ["show", "mine", "--set", "who=x", "--set", "frames=64"], 64,
             ["options:2:10: frames = 64 is not of the form 4n + 1; the nearest are 61 and 65"]),
            ("a variable without a value", ["check", "mine"], 65, ["${who} has no value"]),
            ("a name that is close", ["show", "mien"], 66, ["did you mean 'mine'"]),
            ("a file that is not there", ["check", "./no.preset"], 66, ["'./no.preset'"]),
            ("a link out of the folder", ["check", "linked"], 65, ["link.preset"]),
            ("another word", ["shwo", "mine"], 64, ["shwo"]),
            ("no preset to show", ["show"], 64, ["expected one preset"]),
            ("no preset to check", ["check"], 64, ["expected presets"]),
            ("a wrong option over it", ["check", "mine", "--set", "who=x", "--set", "stesp=3"], 65,
             ["options:2:1: stesp: there is no such option; did you mean 'steps'?"])):
        rc, out, err = presets(*args)
        absent = [w for w in words if w not in err]
        check(name, rc == code and not absent, f"exit {rc}, expected {code}: {err}")
    rc, out, err = presets("check", "at-home", "mine", mine / "bad.preset", "mine", "--set", "who=x")
    check("all are checked", rc == 66 and out == f"FAIL  at-home\nok    mine\n"
          f"FAIL  {mine}/bad.preset\nok    mine\n", out + err)
    rc, out, err = presets("check", "--json", mine / "bad.preset")
    check("checked as JSON", rc == 64 and json.loads(out)["ok"] is False, out)
    rc, out, err = run(zoetrope, "render", "mine", "--set", "who=x", "--dry-run", env=env)
    check("a name is enough to render", rc == 0 and "640 x 480, 65 frames, 7 steps" in out, out + err)


if __name__ == "__main__":
    if sys.argv[1] == "keys":
        keys(sys.argv[2], "--write" in sys.argv)
    elif sys.argv[1] == "shipped":
        shipped(pathlib.Path(sys.argv[2]).resolve())
    else:
        program(pathlib.Path(sys.argv[2]).resolve(), sys.argv[3])
    sys.exit(totals())
