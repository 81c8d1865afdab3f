#!/usr/bin/env python3
"""Checks which folder includes which, and which file may include a library.

A file is judged by the longest entry of RULES that its path begins with. Own
includes are written from the root: "core/op.h"."""
import pathlib
import re
import sys

SELF = object()   # headers of the same entry
RULES = {
    "host-abi/":             [],
    "plugin/api.c":          ["host-abi/", "core/core.h", "core/batch/batch.h", "plugin/params.h"],
    "plugin/params":         ["host-abi/", "core/core.h", SELF],
    "plugin/":               ["host-abi/", SELF],
    "core/base/":            [SELF],
    "core/io/":              [SELF, "core/base/", "kernels/kernels.h", "kernels/dtype.h"],
    "core/text/":            [SELF, "core/op.h", "core/weights.h", "core/base/"],
    "core/model/":           [SELF, "core/op.h", "core/weights.h", "core/base/",
                              "core/sample/schedule.h"],
    "core/vae/":             [SELF, "core/op.h", "core/weights.h", "core/base/"],
    "core/cache/":           [SELF, "core/base/", "core/sample/schedule.h"],
    "core/cache/cache.":     ["core/cache/", "core/op.h", "core/base/"],
    "core/cache/predictor":  ["core/cache/", "core/io/", "core/base/"],
    "core/sample/":          [SELF, "core/op.h", "core/base/"],
    "core/train/":           [SELF, "core/op.h", "core/cache/", "core/base/", "core/io/",
                              "core/sample/schedule.h", "kernels/dtype.h"],
    "core/sink/":            [SELF, "core/reel.h", "core/base/"],
    "core/sink/ffmpeg/":     [SELF, "core/sink/module.h", "core/sink/pixels.h"],
    "core/sink/exr/":        [SELF, "core/sink/module.h"],
    "core/measure/":         [SELF, "core/base/"],
    "core/":                 ["core/", "kernels/kernels.h", "kernels/dtype.h"],
    "kernels/ref/":          [SELF, "kernels/kernels.h", "kernels/dtype.h", "kernels/queue.h"],
    "kernels/cpu/x86/":      [SELF, "kernels/cpu/", "kernels/kernels.h", "kernels/dtype.h", "kernels/queue.h"],
    "kernels/cpu/arm/":      [SELF, "kernels/cpu/", "kernels/kernels.h", "kernels/dtype.h", "kernels/queue.h"],
    "kernels/cpu/":          [SELF, "kernels/ref/ref.h", "kernels/kernels.h", "kernels/dtype.h", "kernels/queue.h"],
    "kernels/cuda/":         [SELF, "kernels/ref/ref.h", "kernels/kernels.h", "kernels/dtype.h", "kernels/queue.h"],
    "kernels/":              ["kernels/"],
    "tests/":                [""],
}
# Other architectures are out of bounds for each.
FORBIDDEN = {"kernels/cpu/x86/": ["kernels/cpu/arm/"], "kernels/cpu/arm/": ["kernels/cpu/x86/"]}
# Libraries, and the only files that may know them.
LIBRARIES = {
    r"pcre2.*":                ["core/text/"],
    r"utf8proc\.h":            ["core/text/"],
    r"libav.*|libsw.*":        ["core/sink/ffmpeg/"],
    r"openexr.*|OpenEXR.*":    ["core/sink/exr/"],
    r"cuda.*|cublas.*|cudnn.*|nccl.*": ["kernels/cuda/"],
    r".*intrin\.h|cpuid\.h":   ["kernels/cpu/"],
    r"arm_neon\.h":            ["kernels/cpu/arm/"],
    r"pthread\.h":             ["core/base/thread", "plugin/frei0r_film.c", "plugin/openfx"],
}


def owner(path, table):
    keys = [k for k in table if path.startswith(k)]
    return max(keys, key=len) if keys else None


def check(root):
    found = []
    files = [p for d in ("host-abi", "plugin", "core", "kernels", "tests")
             for p in sorted((root / d).rglob("*")) if p.suffix in (".c", ".h", ".cu")]
    for file in files:
        path = file.relative_to(root).as_posix()
        key = owner(path, RULES)
        allowed = [key if a is SELF else a for a in RULES[key]]
        for number, line in enumerate(file.read_text().splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            where, name = f"{path}:{number}", m[2]
            if m[1] == '"':
                if not (root / name).is_file():
                    found.append(f"{where}: {name} is not a path from the root")
                elif not any(name.startswith(a) for a in allowed):
                    found.append(f"{where}: {key} may not include {name}; it may: {allowed}")
                elif any(name.startswith(f) for f in FORBIDDEN.get(key, [])):
                    found.append(f"{where}: {key} may not include {name}")
            elif not path.startswith("tests/"):
                for pattern, places in LIBRARIES.items():
                    if re.fullmatch(pattern, name.split("/")[0]) and \
                            not any(path.startswith(p) for p in places):
                        found.append(f"{where}: <{name}> belongs to {places}")
    return files, found


if __name__ == "__main__":
    files, found = check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(found) if found else f"{len(files)} files keep the layers")
    sys.exit(bool(found))
