#!/usr/bin/env python3
"""What compilers and linkers see of the ABI.

abi.py headers           our public headers alone, in C99, C11 and C++
abi.py modules           exported symbols, needed libraries, segments of what hosts load
abi.py extract --out C   the host in zoetrope.h's opening comment
abi.py example           what that host does, once compiled
"""
import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Imports that a guest may not have: the host's process is not ours.
FORBIDDEN = """abort exit _exit atexit __cxa_atexit signal sigaction sigprocmask pthread_sigmask
    raise kill setlocale uselocale strtod strtof strtold atof sscanf __isoc99_sscanf printf
    __printf_chk vprintf fprintf puts putchar perror stdout stderr system popen fork vfork execve
    rand srand random strtok localtime gmtime getenv setenv putenv chdir umask pthread_atfork
    longjmp setjmp pthread_key_create fesetround feenableexcept mmap""".split()
# Needed libraries, by the beginning of their names.
SYSTEM = ("libc.so", "libm.so", "ld-linux")
ENGINE_NEEDS = SYSTEM + ("libpcre2-8.so", "libutf8proc.so")
FREI0R = """f0r_construct f0r_deinit f0r_destruct f0r_get_param_info f0r_get_param_value
    f0r_get_plugin_info f0r_init f0r_set_param_value f0r_update""".split()
# A front door without a way to tell errors prints them, and looks for presets where the user
# says; that of frei0r may be asked to end FFmpeg's run.
DOORS = ["fprintf", "stderr", "getenv"]
OPENFX = ["OfxGetNumberOfPlugins", "OfxGetPlugin"]


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
    theirs = pathlib.Path("/usr/include/frei0r.h")
    if theirs.exists():
        compare_frei0r(args, theirs)


def compare_frei0r(args, theirs):
    """Numbers and layouts of our declarations are those of the published header."""
    wanted = [f"(int)offsetof(f0r_{s}_info_t, {f})" for s, fields in (
        ("plugin", "name author plugin_type color_model frei0r_version major_version minor_version "
                   "num_params explanation"), ("param", "name type explanation"))
              for f in fields.split()]
    wanted += ["(int)sizeof(f0r_plugin_info_t)", "(int)sizeof(f0r_param_info_t)",
               "FREI0R_MAJOR_VERSION", "F0R_PLUGIN_TYPE_FILTER", "F0R_PLUGIN_TYPE_SOURCE",
               "F0R_COLOR_MODEL_RGBA8888", "F0R_PARAM_DOUBLE", "F0R_PARAM_STRING"]
    answers = []
    for header in (ROOT / "host-abi/frei0r.h", theirs):
        source = f'#include <stddef.h>\n#include "{header}"\nconst int facts[] = {{\n'
        source += "".join(f"{w},\n" for w in wanted) + "};\n"
        r = run(*shlex.split(args.cc), "-S", "-x", "c", "-o", "-", "-", input=source.encode())
        check(f"{header} has what we declare", r.returncode == 0, r.stderr.decode())
        # zeros and numbers, in the order of the array
        answers.append(re.findall(r"\.(long|zero)\s+(\d+)", r.stdout.decode()))
    check("our frei0r.h is the published one in short", answers[0] == answers[1] and answers[0],
          answers)


def module(path, exports, needs, extra):
    name = path.name
    lines = text("nm", "-D", "--defined-only", path).splitlines()
    found = sorted(line.split()[-1].split("@")[0] for line in lines if " A " not in line)
    check(f"{name} exports exactly its list", found == sorted(exports), found)
    imports = {line.split()[-1].split("@")[0]
               for line in text("nm", "-D", "--undefined-only", path).splitlines()}
    bad = sorted(imports.intersection(FORBIDDEN).difference(extra))
    # A C++ runtime.
    bad += sorted(i for i in imports if i.startswith(("_Z", "__gxx", "__cxa_")) and
                  i != "__cxa_finalize")
    check(f"{name} imports nothing forbidden", not bad, bad)
    dynamic = text("readelf", "-dW", path)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    strange = [n for n in needed if not n.startswith(needs)]
    check(f"{name} needs only what it may", not strange, strange)
    absent = [n for n in needs[len(SYSTEM):] if not any(m.startswith(n) for m in needed)]
    check(f"{name} needs what it uses by name", not absent, absent)
    # The compiler's own start-up functions, of which one asks for the processor, and none of ours.
    start = re.search(r"INIT_ARRAYSZ\)\s+(\d+)", dynamic)
    check(f"{name} has no constructor", not start or int(start[1]) <= 16, start)
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
    if args.no_asserts:
        FORBIDDEN.append("__assert_fail")
    module(folder / "libzoetrope.so.0", ["zt_get_api"], ENGINE_NEEDS, [])
    for name in ("zoetrope.so", "zoetrope_fx.so"):
        path = folder / "frei0r-1" / name
        if path.exists():
            dynamic = module(path, FREI0R, SYSTEM + ("libzoetrope.so.0",), DOORS + ["kill"])
            check(f"{name} finds the engine by a relative path",
                  re.search(r"\((RUNPATH|RPATH)\).*\[\$ORIGIN/\.\.[^/]?", dynamic), dynamic)
    for name, library in (("zoetrope-ffmpeg.so", ("libav", "libsw")), ("zoetrope-exr.so", ("libOpenEXRCore",))):
        if (folder / name).exists():
            module(folder / name, ["zc_module"], SYSTEM + library, [])
    bundle = folder / "OFX/Plugins/Zoetrope.ofx.bundle/Contents/Linux-x86-64/Zoetrope.ofx"
    if bundle.exists():
        dynamic = module(bundle, OPENFX, SYSTEM + ("libzoetrope.so.0",), DOORS)
        check("Zoetrope.ofx finds the engine by a relative path",
              re.search(r"\((RUNPATH|RPATH)\).*\[\$ORIGIN/\.\.[^/]?", dynamic), dynamic)


def extract(args):
    """The host in the opening comment, as a file."""
    header = (ROOT / "host-abi/zoetrope.h").read_text()
    comment = header[:header.index("*/")]
    lines = [re.sub(r"^ \*( {5})?", "", line) for line in comment.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("#include"))
    last = next(i for i in range(len(lines) - 1, 0, -1) if lines[i] == "}")
    check("the host has under 60 lines", last + 1 - first < 60, last + 1 - first)
    pathlib.Path(args.out).write_text("\n".join(lines[first:last + 1]) + "\n")


def example(args):
    def host(*more):
        return run(args.host, args.preset, "a red ball", *more)

    r = host()
    check("the host renders", r.returncode == 0, r.stderr.decode())
    check("five frames of 32 by 32", len(r.stdout) == 5 * 32 * 32 * 4, len(r.stdout))
    check("which are opaque", set(r.stdout[3::4]) == {255}, "")
    check("and not of one colour", len(set(r.stdout)) > 16, len(set(r.stdout)))
    again = host("seed = 1\n")
    check("options reach the job", again.returncode == 0 and again.stdout != r.stdout, again.stderr)
    bad = host("stpes = 1\n")
    check("a wrong option is told", bad.returncode == 2 and b"steps" in bad.stderr, bad.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["headers", "modules", "extract", "example"])
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--folder", help="of libzoetrope.so.0")
    parser.add_argument("--no-asserts", action="store_true", help="they are compiled out")
    parser.add_argument("--out")
    parser.add_argument("--host", help="the compiled host")
    parser.add_argument("--preset", help="of five frames of 32 by 32")
    args = parser.parse_args()
    {"headers": headers, "modules": modules, "extract": extract,
     "example": example}[args.part](args)
    return totals()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
