#!/usr/bin/env python3
"""What `meson install` puts in place, and that it runs from wherever it is moved.

    install.py --meson MESON --build BUILD --cc CC --preset PRESET --scratch FOLDER

Installs into a folder, moves that elsewhere, and looks: everything is there, the
program runs, a client is built with pkg-config, FFmpeg finds the plugins by the two
variables that the README names, and nothing points back to the build."""
import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

HEADER = pathlib.Path(__file__).resolve().parent.parent.parent / "host-abi/zoetrope.h"


def run(*command, **env):
    """Without what the test's runner says about libraries."""
    clean = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    return subprocess.run([str(c) for c in command], capture_output=True, timeout=120, text=True,
                          errors="replace", env={**clean, **env}, stdin=subprocess.DEVNULL)


def needed_and_paths(file):
    text = run("readelf", "-dW", file).stdout
    return re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", text)


def client(args, prefix, folder):
    """The host of the header's comment, outside of our tree."""
    pc = next(prefix.rglob("zoetrope.pc"))
    flags = run("pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", "zoetrope",
                PKG_CONFIG_PATH=str(pc.parent))
    check("pkg-config knows zoetrope", flags.returncode == 0 and "-lzoetrope" in flags.stdout,
          flags.stderr)
    comment = HEADER.read_text().split("*/")[0]
    lines = [re.sub(r"^ \*( {5})?", "", line) for line in comment.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("#include"))
    last = max(i for i, line in enumerate(lines) if line == "}")
    source, program = folder / "client.c", folder / "client"
    source.write_text("\n".join(lines[first:last + 1]).replace("host-abi/zoetrope.h", "zoetrope.h"))
    built = run(*shlex.split(args.cc), "-o", program, source, *shlex.split(flags.stdout),
                f"-Wl,-rpath,{pc.parent.parent}")
    check("a client is built with what is installed", built.returncode == 0, built.stderr)
    if built.returncode:
        return b""
    film = subprocess.run([program, args.preset, "a red ball"], capture_output=True, timeout=120)
    check("and renders", len(film.stdout) == 5 * 32 * 32 * 4, film.stderr)
    return film.stdout


def hosts(args, prefix, film):
    doors = prefix / "lib/frei0r-1"
    ofx = prefix / "OFX/Plugins/Zoetrope.ofx.bundle/Contents/Linux-x86-64/Zoetrope.ofx"
    for module in [*doors.glob("*.so"), *([ofx] if ofx.exists() else [])]:
        loaded = run(sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(module)!r})")
        check(f"{module.name} is loaded where it lies", loaded.returncode == 0, loaded.stderr)
    if not (doors / "zoetrope.so").exists() or not shutil.which("ffmpeg"):
        print("no frei0r plugins, or no FFmpeg to load them")
        return
    r = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
         f"frei0r_src=size=32x32:framerate=24:filter_name=zoetrope:filter_params={args.preset}"
         "|a red ball", "-frames:v", "5", "-f", "rawvideo", "-pix_fmt", "rgba", "-"],
        capture_output=True, timeout=120, env={**os.environ, "LD_LIBRARY_PATH": "",
                                               "FREI0R_PATH": str(doors)})
    check("FFmpeg finds the source by FREI0R_PATH, and shows the same film", r.stdout == film, r.stderr)


def main():
    parser = argparse.ArgumentParser()
    for name in ("meson", "build", "cc", "preset", "scratch"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    scratch = pathlib.Path(args.scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "first").mkdir(parents=True)
    r = run(*shlex.split(args.meson), "install", "-C", args.build, "--no-rebuild", "--quiet",
            DESTDIR=str(scratch / "first"))
    check("meson install", r.returncode == 0, r.stdout + r.stderr)
    options = json.loads(run(*shlex.split(args.meson), "introspect", args.build, "--buildoptions").stdout)
    where = next(o["value"] for o in options if o["name"] == "prefix")
    (scratch / "first").rename(scratch / "moved")
    prefix = scratch / "moved" / where.lstrip("/")

    for pattern in ("bin/zoetrope", "include/zoetrope.h", "**/libzoetrope.so.0", "**/zoetrope.pc",
                    "share/man/man1/zoetrope.1", "share/zoetrope/presets/*.preset"):
        check(f"{pattern} is installed", any(prefix.glob(pattern)), sorted(prefix.rglob("*")))
    version = run(prefix / "bin/zoetrope", "--version")
    check("the program runs where it was moved", version.stdout.startswith("zoetrope "), version.stderr)
    plan = run(prefix / "bin/zoetrope", "render", "--dry-run", "--json", args.preset)
    check("and plans", plan.returncode == 0 and json.loads(plan.stdout)["frames"] == 5, plan.stderr)
    page = next(prefix.rglob("zoetrope.1")).read_text()
    check("the manual page is one", page.startswith(".TH ZOETROPE 1") and ".SS render" in page, page[:99])
    for file in [f for f in prefix.rglob("*") if f.is_file() and f.read_bytes()[:4] == b"\x7fELF"]:
        paths = needed_and_paths(file)
        check(f"{file.name} looks for libraries beside itself",
              all(p.startswith("$ORIGIN") for p in ":".join(paths).split(":") if p), paths)
        check(f"{file.name} does not name the build", args.build.encode() not in file.read_bytes())
    if shutil.which("pkg-config"):
        hosts(args, prefix, client(args, prefix, scratch))
    shutil.rmtree(scratch, ignore_errors=True)
    return totals()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
