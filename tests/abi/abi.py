#!/usr/bin/env python3
"""What compilers and linkers see of the ABI.

abi.py headers           our public headers alone, in C99, C11 and C++
abi.py modules           exported symbols, needed libraries, segments of what hosts load
abi.py example MODEL     the host in zoetrope.h's opening comment, compiled and run
"""
import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
failed = passed = 0

# Imports that a guest may not have: the host's process is not ours.
FORBIDDEN = """abort exit _exit atexit __cxa_atexit signal sigaction setlocale strtod strtof atof
    sscanf printf puts system popen fork rand srand strtok localtime setenv putenv chdir umask
    pthread_atfork longjmp pthread_key_create __isoc99_sscanf __printf_chk""".split()
# Needed libraries, by the beginning of their names.
SYSTEM = ("libc.so", "libm.so", "ld-linux")
ENGINE_NEEDS = SYSTEM + ("libpcre2-8.so", "libutf8proc.so")
FREI0R = """f0r_construct f0r_deinit f0r_destruct f0r_get_param_info f0r_get_param_value
    f0r_get_plugin_info f0r_init f0r_set_param_value f0r_update""".split()


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {detail}")


def run(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, timeout=120, **more)


def text(*command):
    r = run(*command)
    check(" ".join(map(str, command)), r.returncode == 0, r.stderr.decode())
    return r.stdout.decode()


def headers(args):
    strict = ["-pedantic", "-Wall", "-Wextra", "-Wpadded", "-Werror", "-fsyntax-only"]
    for header in sorted((ROOT / "host-abi").glob("*.h")):
        for language, std in (("c", "c99"), ("c", "c11"), ("c++", "c++98"), ("c++", "c++17")):
            compiler = args.cxx if language == "c++" else args.cc
            # zoetrope.h must have no hidden holes; those of other ABIs are as they are.
            flags = [f for f in strict if f != "-Wpadded" or header.name == "zoetrope.h"]
            flags += ["-Wno-long-long"] if std == "c++98" else []
            r = run(*shlex.split(compiler), f"-std={std}", *flags, "-x", language, "-",
                    input=f'#include "{header}"\n#include "{header}"\n'.encode())
            check(f"{header.name} alone in {std}", r.returncode == 0, r.stderr.decode())


def module(path, exports, needs, extra):
    name = path.name
    lines = text("nm", "-D", "--defined-only", path).splitlines()
    found = sorted(line.split()[-1].split("@")[0] for line in lines if " A " not in line)
    check(f"{name} exports exactly its list", found == sorted(exports), found)
    imports = {line.split()[-1].split("@")[0]
               for line in text("nm", "-D", "--undefined-only", path).splitlines()}
    bad = sorted(imports.intersection(FORBIDDEN).difference(extra))
    check(f"{name} imports nothing forbidden", not bad, bad)
    dynamic = text("readelf", "-dW", path)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    strange = [n for n in needed if not n.startswith(needs)]
    check(f"{name} needs only what it may", not strange, strange)
    for tag, wanted in (("TEXTREL", False), ("BIND_NOW|FLAGS.*NOW", True),
                        ("NODELETE", True), ("STATIC_TLS", False)):
        there = re.search(tag, dynamic) is not None
        check(f"{name}: {tag} is {wanted}", there == wanted, dynamic)
    segments = text("readelf", "-lW", path)
    check(f"{name}: relocations are read-only", "GNU_RELRO" in segments, segments)
    stack = re.search(r"GNU_STACK.*", segments)
    check(f"{name}: no executable stack", stack and "RWE" not in stack[0], segments)
    return dynamic


def modules(args):
    """The folder of libzoetrope.so.0, which has the layout of an installation."""
    folder = pathlib.Path(args.folder)
    module(folder / "libzoetrope.so.0", ["zt_get_api"], ENGINE_NEEDS, [])
    for name in ("zoetrope.so", "zoetrope_fx.so"):
        path = folder / "frei0r-1" / name
        if path.exists():
            # A front door without a way to tell errors prints them.
            dynamic = module(path, FREI0R, SYSTEM + ("libzoetrope.so.0",), ["__printf_chk"])
            check(f"{name} finds the engine by a relative path",
                  re.search(r"\((RUNPATH|RPATH)\).*\[\$ORIGIN/\.\.[^/]?", dynamic), dynamic)


def example(args):
    header = (ROOT / "host-abi/zoetrope.h").read_text()
    comment = header[:header.index("*/")]
    lines = [re.sub(r"^ \*( {5})?", "", line) for line in comment.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("#include"))
    last = next(i for i in range(len(lines) - 1, 0, -1) if lines[i] == "}")
    source = "\n".join(lines[first:last + 1]) + "\n"
    check("the host has under 60 lines", last + 1 - first < 60, last + 1 - first)

    scratch = pathlib.Path(args.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "host.c").write_text(source)
    library = pathlib.Path(args.folder)
    r = run(*shlex.split(args.cc), "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", ROOT,
            *shlex.split(args.flags), scratch / "host.c", "-o", scratch / "host",
            library / "libzoetrope.so.0", f"-Wl,-rpath,{library.resolve()}")
    check("the host compiles", r.returncode == 0, r.stderr.decode())
    preset = scratch / "tiny.preset"
    preset.write_text(f"model = {args.model}\nwidth = 32\nheight = 32\nframes = 5\nsteps = 2\n"
                      "precision = f32\n")
    r = run(scratch / "host", preset, "a red ball")
    check("the host renders", r.returncode == 0, r.stderr.decode())
    check("five frames of 32 by 32", len(r.stdout) == 5 * 32 * 32 * 4, len(r.stdout))
    check("which are opaque", set(r.stdout[3::4]) == {255}, "")
    check("and not of one colour", len(set(r.stdout)) > 16, len(set(r.stdout)))
    again = run(scratch / "host", preset, "a red ball", "seed = 1\n")
    check("options reach the job", again.returncode == 0 and again.stdout != r.stdout, again.stderr)
    bad = run(scratch / "host", preset, "a red ball", "stpes = 1\n")
    check("a wrong option is told", bad.returncode == 2 and b"steps" in bad.stderr, bad.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["headers", "modules", "example"])
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--flags", default="")
    parser.add_argument("--folder")
    parser.add_argument("--scratch")
    parser.add_argument("--model")
    args = parser.parse_args()
    {"headers": headers, "modules": modules, "example": example}[args.part](args)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
