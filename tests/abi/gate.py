#!/usr/bin/env python3
"""The ABI only grows at its end: zoetrope.h against the committed description.

gate.py check        fails if anything but an appended field or entry differs
gate.py describe     writes the description anew: for a release, after a check
                     that passes, so that what was appended is frozen from then on

The description, zoetrope.abi, is abidw's of a library that has nothing but the
header's types. abidiff decides whether anything differs at all, and says what; but
it does not tell an appended field from a moved one, so the layouts are compared here
too. The check begins by changing copies of the header in ways that must be found.
Exits with 77 where libabigail is missing, or on other machines than the described."""
import argparse
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

HERE = pathlib.Path(__file__).resolve().parent
DESCRIPTION = HERE / "zoetrope.abi"
HEADER = HERE.parent.parent / "host-abi/zoetrope.h"
MARK = "    /* New entries go below this line, never between. */\n"


def run(*command, good=(0,)):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    if r.returncode not in good:
        sys.exit(f"{command[0]}: {r.stderr}")
    return r


def describe(header, cc, folder):
    """abidw's description of a header, as a file in the folder."""
    source, library, out = (folder / n for n in ("abi.c", "abi.so", "abi.xml"))
    (folder / "zoetrope.h").write_text(header)
    exported = re.search(r"ZT_EXPORT (.*\));", header)[1]
    source.write_text(f'#include "zoetrope.h"\n{exported} {{ (void)abi; return 0; }}\n')
    run(*shlex.split(cc), "-g", "-gdwarf-4", "-fPIC", "-shared", "-fvisibility=hidden", "-I", folder,
        "-o", library, source)
    run("abidw", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--out-file", out, library)
    return out


class Layouts:
    """Structs as lists of (name, offset, type), and functions as types, by name."""

    def __init__(self, path):
        self.by_id = {}
        root = xml.parse(path).getroot()
        for node in root.iter():
            if "id" in node.attrib:
                # of a struct that is declared and defined, the definition
                if node.tag != "class-decl" or len(node) or node.get("id") not in self.by_id:
                    self.by_id[node.get("id")] = node
        self.structs = {n.get("name"): self.fields(n) for n in root.iter("class-decl") if len(n)}
        self.functions = {n.get("name"): self.signature(n) for n in root.iter("function-decl")}

    def signature(self, node):
        parts = [self.type_of(p.get("type-id")) for p in node.findall("parameter")]
        return f"{self.type_of(node.find('return').get('type-id'))}({', '.join(parts)})"

    def type_of(self, identity):
        node = self.by_id[identity]
        inner = node.get("type-id")
        if node.tag == "pointer-type-def":
            return self.type_of(inner) + " *"
        if node.tag == "qualified-type-def":
            return self.type_of(inner) + (" const" if node.get("const") == "yes" else " qualified")
        if node.tag == "typedef-decl":
            return self.type_of(inner)
        if node.tag == "function-type":
            return self.signature(node)
        return f"{node.get('name')}:{node.get('size-in-bits')}" if node.tag == "type-decl" \
            else str(node.get("name"))

    def fields(self, node):
        return [(m.find("var-decl").get("name"), int(m.get("layout-offset-in-bits")),
                 self.type_of(m.find("var-decl").get("type-id"))) for m in node.findall("data-member")]


def differences(old, new):
    """What a client of the old one would notice in the new one."""
    found = []
    for name, fields in old.structs.items():
        now = new.structs.get(name, [])
        found += [f"{name}.{a[0]}: {a[1:]} is {b[1:] if b[0] == a[0] else b}"
                  for a, b in zip(fields, now) if a != b]
        found += [f"{name}.{a[0]} is gone" for a in fields[len(now):]]
    for name, text in old.functions.items():
        if new.functions.get(name) != text:
            found.append(f"{name}: {text} is {new.functions.get(name)}")
    return found


def changes(header):
    """Copies of the header that are changed: name, whether clients would notice, text."""
    def line(start):
        return next(text + "\n" for text in header.splitlines() if text.startswith(start))

    entry = "    int32_t (*added)(zt_engine *engine, const zt_item *item);\n"
    wait, cancel = line("    int32_t (*job_wait)"), line("    void    (*job_cancel)")
    appended = header.replace(MARK, entry + MARK)
    swapped = header.replace(wait, "\0").replace(cancel, wait).replace("\0", cancel)
    yield "an appended entry", False, appended
    yield "an appended field", False, header.replace("} zt_plan;", "    uint64_t added;\n} zt_plan;")
    yield "an entry between", True, header.replace(wait, entry + wait)
    yield "two entries that changed places", True, swapped
    yield "the same, and one appended", True, swapped.replace(MARK, entry + MARK)
    yield "another type of an argument", True, header.replace("int32_t timeout_ms", "int64_t timeout_ms")
    yield "another sign", True, header.replace("    int64_t  pitch;", "    uint64_t pitch;")
    yield "an entry that is gone", True, header.replace(wait, "")
    yield "a field of another size", True, header.replace("    float    seconds;", "    double   seconds;")
    yield "another exported function", True, header.replace("(uint32_t abi)", "(uint64_t abi)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["check", "describe"])
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--header", type=pathlib.Path, default=HEADER)
    args = parser.parse_args()
    if not (shutil.which("abidw") and shutil.which("abidiff")):
        print("libabigail's abidw and abidiff are not here")
        return 77
    if platform.machine() != "x86_64":
        print(f"the description is of x86_64, this is {platform.machine()}")
        return 77
    header = args.header.read_text()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if args.part == "describe":
            shutil.copyfile(describe(header, args.cc, folder), DESCRIPTION)
            return 0
        now = Layouts(describe(header, args.cc, folder))
        check("the structs are seen", len(now.structs) >= 8 and len(now.structs["zt_api"]) >= 18,
              sorted(now.structs))
        for name, noticed, text in changes(header):
            found = differences(now, Layouts(describe(text, args.cc, folder)))
            check(f"{name} is {'found' if noticed else 'let pass'}",
                  text != header and bool(found) == noticed, found)
        path = describe(header, args.cc, folder)
        report = run("abidiff", DESCRIPTION, path, good=(0, 4, 8, 12))
        found = differences(Layouts(DESCRIPTION), now) if report.returncode else []
        check("clients of the described ABI notice nothing", not found,
              "\n".join(found) + "\n" + report.stdout)
        if report.returncode and not found:
            print("only appended to since the description was written:\n" + report.stdout)
    return totals()


if __name__ == "__main__":
    sys.exit(main())
