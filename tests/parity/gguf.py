#!/usr/bin/env python3
"""GGUF checkpoints, made from the fixtures as converters make them, against the same
weights in safetensors: 32-bit files must give the same bytes, Q8_0 nearly the same.

    gguf.py PROBE FIXTURES SCRATCH

Plain Python. Ends with "N passed, N failed"."""
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys

PROBE, FIXTURES, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
passed = failed = 0
F32, BF16, Q8_0 = 0, 30, 8


def check(name, ok, detail=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAIL {name}: {detail}")


def load(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    return {k: (v["dtype"], v["shape"], data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]])
            for k, v in header.items()}


def fp8(byte):
    sign, e, m = byte >> 7, byte >> 3 & 15, byte & 7
    value = math.ldexp(m / 8, -6) if e == 0 else math.ldexp(1 + m / 8, e - 7)
    return -value if sign else value


def floats(dtype, raw):
    if dtype == "F32":
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    if dtype == "BF16":
        words = struct.unpack(f"<{len(raw) // 2}H", raw)
        return list(struct.unpack(f"<{len(words)}f", struct.pack(f"<{len(words)}I", *(w << 16 for w in words))))
    assert dtype == "F8_E4M3", dtype
    return [fp8(b) for b in raw]


def half(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


def q8_0(values):
    out = bytearray()
    for i in range(0, len(values), 32):
        block = values[i:i + 32]
        d = half(max(abs(v) for v in block) / 127)
        out += struct.pack("<e", d)
        out += struct.pack("<32b", *(max(-127, min(127, round(v / d))) if d else 0 for v in block))
    return bytes(out)


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def write_gguf(path, tensors):
    """tensors: name -> (type, shape as torch has it, payload)"""
    head = struct.pack("<4sIqq", b"GGUF", 3, len(tensors), 2)
    head += text("general.architecture") + struct.pack("<i", 8) + text("hyvid")
    head += text("general.quantization_version") + struct.pack("<iI", 4, 2)
    at, data = 0, b""
    for name, (kind, shape, raw) in tensors.items():
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}q", *reversed(shape)) + struct.pack("<iQ", kind, at)
        raw += b"\0" * (-len(raw) % 32)
        data += raw
        at += len(raw)
    head += b"\0" * (-len(head) % 32)
    path.write_bytes(head + data)


def probe(checkpoint, case, *args):
    out = SCRATCH / "out.safetensors"
    out.unlink(missing_ok=True)
    r = subprocess.run([PROBE, "hunyuan.dit", str(checkpoint), str(FIXTURES / case / "in.safetensors"),
                        str(out), *args], capture_output=True, timeout=100)
    return (out.read_bytes() if out.exists() else b""), r.stderr.decode(errors="replace")


def distance(a, b):
    num = sum((x - y) ** 2 for x, y in zip(a, b))
    return math.sqrt(num / sum(y * y for y in b))


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    source = FIXTURES / "dit_names" / "original.safetensors"
    write_gguf(SCRATCH / "f32.gguf", {k: (F32, s, r) for k, (_, s, r) in load(source).items()})
    want, _ = probe(source, "dit_names")
    got, err = probe(SCRATCH / "f32.gguf", "dit_names")
    check("a GGUF of 32-bit floats gives the same bytes", want and got == want, err)

    # As city96 quantises: matrices of blocks in Q8_0, the rest in BF16, vectors and
    # the five-axis patch projection in F32.
    source = FIXTURES / "dit_head128" / "original_fp8.safetensors"
    tensors = {}
    for name, (dtype, shape, raw) in load(source).items():
        values = floats(dtype, raw)
        if len(shape) == 2 and "_blocks." in name and not name.startswith("txt_in."):
            tensors[name] = (Q8_0, shape, q8_0(values))
        elif len(shape) == 2 and dtype == "BF16":
            tensors[name] = (BF16, shape, raw)
        else:
            tensors[name] = (F32, shape, struct.pack(f"<{len(values)}f", *values))
    write_gguf(SCRATCH / "q8_0.gguf", tensors)
    expect = floats("F32", load(FIXTURES / "dit_head128" / "expect.safetensors")["velocity"][2])
    for precision, most in (("f32", 1e-2), ("bf16", 2e-2)):
        got, err = probe(SCRATCH / "q8_0.gguf", "dit_head128", f"precision={precision}")
        far = math.inf
        if got:
            (SCRATCH / "got.safetensors").write_bytes(got)
            far = distance(floats("F32", load(SCRATCH / "got.safetensors")["velocity"][2]), expect)
        check(f"Q8_0 blocks in {precision}", far < most, f"off by {far}: {err}")
        print(f"Q8_0 blocks in {precision}: velocity off by {far:.2e} of {most:.0e}")

    # The same file cut short must say so.
    whole = (SCRATCH / "f32.gguf").read_bytes()
    (SCRATCH / "cut.gguf").write_bytes(whole[:-1000])
    got, err = probe(SCRATCH / "cut.gguf", "dit_names")
    check("a cut GGUF is refused by name", not got and "cut.gguf" in err, err)

    print(f"{passed} passed, {failed} failed")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
