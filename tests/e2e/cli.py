#!/usr/bin/env python3
"""The program from the outside: plans, films, refusals and their exit codes.

    cli.py ZOETROPE FIXTURES SCRATCH [--group NAME]

Works on the small random model of the parity fixtures, and on damaged copies of it.
Needs nothing but Python. Ends with "N passed, N failed"."""
import csv
import hashlib
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

ZOETROPE, FIXTURES, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
GROUP = sys.argv[5] if len(sys.argv) > 5 else None
MODEL = FIXTURES / "pipe"

TINY = ["-W", "32", "-H", "32", "--frames", "5", "--steps", "2", "--threads", "2",
        "--set", "precision=f32"]


def zoetrope(*args, timeout=120):
    """Exit status, what went to standard output, and to standard error."""
    r = subprocess.run([ZOETROPE, *map(str, args)], capture_output=True, timeout=timeout)
    return r.returncode, r.stdout, r.stderr.decode(errors="replace")


def refused(name, code, words, *args):
    """The command ends with that code, and its message has all of these words."""
    rc, _, err = zoetrope(*args)
    absent = [w for w in words if w not in err]
    check(name, rc == code and not absent, f"exit {rc}, expected {code}; without {absent}: {err}")


def render(model, *args, out="film.y4m"):
    path = SCRATCH / out
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
    rc, _, err = zoetrope("render", "-m", model, "-p", "a red ball", *TINY, *args, "-o", path)
    return rc, path, err


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


# ---- Checkpoints that are not as they should be ----

def load(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + n]), data[8 + n:]


def store(path, header, payloads):
    """payloads: name -> bytes; offsets are made anew."""
    at, out = 0, {}
    for name, entry in header.items():
        if name == "__metadata__":
            out[name] = entry
            continue
        size = len(payloads[name])
        out[name] = {"dtype": entry["dtype"], "shape": entry["shape"], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(out).encode()
    text += b" " * (-len(text) % 8)
    names = [n for n in header if n != "__metadata__"]
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(payloads[n] for n in names))


def edit(path, change):
    header, data = load(path)
    payloads = {n: data[e["data_offsets"][0]:e["data_offsets"][1]]
                for n, e in header.items() if n != "__metadata__"}
    change(header, payloads)
    store(path, header, payloads)


def copy_model(name):
    target = SCRATCH / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(MODEL, target)
    return target


def shards(folder):
    return sorted(folder.glob("*.safetensors"))


def shard_with(folder, tensor):
    return next(s for s in shards(folder) if tensor in load(s)[0])


TENSOR = "transformer_blocks.1.ff.net.2.weight"


def damaged_checkpoints():
    def drop(h, p):
        del h[TENSOR], p[TENSOR]

    def drop_from_index(folder):
        index = next(folder.glob("*.index.json"))
        doc = json.loads(index.read_text())
        doc["weight_map"].pop(TENSOR, None)
        index.write_text(json.dumps(doc))

    def misshape(h, p):
        h[TENSOR]["shape"] = [h[TENSOR]["shape"][1], h[TENSOR]["shape"][0]]

    m = copy_model("missing")
    edit(shard_with(m / "transformer", TENSOR), drop)
    drop_from_index(m / "transformer")
    refused("a missing tensor is named", 65, ["double_blocks.1.img_mlp.fc2.weight", "missing"],
            "render", "-m", m, "-p", "x", *TINY, "-o", SCRATCH / "x.y4m")

    m = copy_model("misshapen")
    edit(shard_with(m / "transformer", TENSOR), misshape)
    refused("a wrong shape has both shapes", 65,
            ["double_blocks.1.img_mlp.fc2.weight", "[32, 128]", "[128, 32]"],
            "render", "-m", m, "-p", "x", *TINY, "-o", SCRATCH / "x.y4m")

    m = copy_model("extra")

    def extra(h, p):
        h["decoder.surprise"] = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        p["decoder.surprise"] = bytes(8)
    edit(shards(m / "vae")[0], extra)
    refused("an extra tensor is named", 65, ["decoder.surprise"],
            "render", "-m", m, "-p", "x", *TINY, "-o", SCRATCH / "x.y4m")

    refused("a VAE given as transformer", 65, ["VAE", "hunyuan.dit"],
            "render", "-m", MODEL, "--set", f"transformer={MODEL / 'vae'}", "-p", "x", *TINY,
            "-o", SCRATCH / "x.y4m")

    m = copy_model("truncated")
    shard = shards(m / "transformer")[-1]
    shard.write_bytes(shard.read_bytes()[:-100])
    refused("a truncated shard is named", 65, [shard.name, "100"],
            "render", "-m", m, "-p", "x", *TINY, "-o", SCRATCH / "x.y4m")

    m = copy_model("lost")
    shard = shards(m / "transformer")[-1]
    shard.unlink()
    refused("a lost shard is named", 66, [shard.name],
            "render", "-m", m, "-p", "x", *TINY, "-o", SCRATCH / "x.y4m")

    refused("another model's tokenizer", 65, ["tokenizer"],
            "render", "-m", MODEL, "--set", f"tokenizer={MODEL / 'tokenizer_2'}", "-p", "x", *TINY,
            "-o", SCRATCH / "x.y4m")

    m = copy_model("pickle")
    for s in (m / "vae").glob("*"):
        if s.suffix == ".safetensors":
            s.write_bytes(b"PK\x03\x04" + b"\0" * 26 + b"archive/data.pkl" + b"\x80\x02" * 64)
    refused("a pickle is refused with advice", 65, ["safetensors"],
            "render", "-m", MODEL, "--set", f"vae={shards(m / 'vae')[0]}", "-p", "x", *TINY,
            "-o", SCRATCH / "x.y4m")


def plans():
    rc, out, err = zoetrope("render", "--dry-run", "--json", "-W", "640", "-H", "480",
                            "--frames", "65", "--steps", "50")
    plan = json.loads(out) if rc == 0 else {}
    check("a plan needs no weights", rc == 0, err)
    steps = plan.get("flops_steps", 0)
    check("50 steps of 480x640x65 are 29.77 PFLOP", abs(steps / 29.77e15 - 1) < 0.01, steps)
    check("tokens of 480x640x65", plan.get("image_tokens") == 20400, plan.get("image_tokens"))
    weights = plan.get("weights", {}).get("transformer", 0)
    check("the transformer has 12.8 billion weights", abs(weights / (2 * 12821012544) - 1) < 0.01,
          weights)
    rc, out, err = zoetrope("render", "--dry-run", "--json", "-m", MODEL, "-p", "a red ball", *TINY)
    small = json.loads(out) if rc == 0 else {}
    check("a plan of the small model", rc == 0 and 0 < small.get("text_tokens", 0) < 60, err or small)
    rings = {}
    for kind in ("f32", "bf16", "f16", "f8_e4m3"):
        rc, out, err = zoetrope("render", "--dry-run", "--json", "-W", "640", "-H", "480", "--frames",
                                "65", "--cache", "taylorseer", "--set", f"cache.type={kind}")
        rings[kind] = json.loads(out).get("cache", 0) if rc == 0 else err
    # 20400 tokens of 64 numbers; three remembered, one free, and what the model writes.
    one = 20400 * 64
    check("remembered features are in the plan, of each type",
          rings == {"f32": 16 * one, "bf16": 12 * one, "f16": 12 * one, "f8_e4m3": 8 * one}, rings)
    rc, out, _ = zoetrope("render", "--dry-run", "--json", "--max-memory", "8000000000")
    limited = json.loads(out) if rc == 0 else {}
    check("a limit is kept", 0 < limited.get("resident", 0) <= 8000000000 and
          limited.get("read_every_step", 0) > 0, limited)
    rc, out, _ = zoetrope("render", "--dry-run", "--json", "--max-memory", "20000000000")
    limited = json.loads(out) if rc == 0 else {}
    check("three quarters stay when only modulations are read anew",
          limited.get("read_every_step") == 0 and limited.get("read_once", 0) > 6.7e9, limited)


def films():
    rc, path, err = render(MODEL)
    check("a film is rendered", rc == 0, err)
    data = path.read_bytes() if path.exists() else b""
    head = data.split(b"\n")[0]
    check("it is Y4M of the right size",
          head.startswith(b"YUV4MPEG2 W32 H32 F24:1") and
          len(data) == len(head) + 1 + 5 * (6 + 3 * 32 * 32), head)
    rc, _, err = render(MODEL, "--set", "cache=fora", "--existing", "replace", out="f.####.png")
    stills = sorted(SCRATCH.glob("f.*.png"))
    check("stills are numbered", rc == 0 and len(stills) == 5, err)
    text = stills[0].read_bytes() if stills else b""
    check("a still says what it was made with", b"tEXtparameters\0a red ball\nSteps: 2," in text and
          b'"steps_computed":1,"steps_predicted":1' in text and b"trainedAlgorithmicMedia" in text, text[:200])
    rc, _, err = render(MODEL, "--set", "private=true", out="p.####.png")
    written = b"".join(p.read_bytes() for p in SCRATCH.glob("p.*"))
    check("a private prompt is in no file", rc == 0 and b"Steps: 2," in written and b"red ball" not in written,
          err)
    first = digest(path)
    for threads in ("1", "3", "8"):
        rc, path, err = render(MODEL, "--threads", threads)
        check(f"the same bytes on {threads} threads", digest(path) == first, err)
    rc, path, err = render(MODEL, "-s", "7")
    check("another seed is another film", rc == 0 and digest(path) != first, err)
    rc, _, err = zoetrope("render", "-m", MODEL, "-p", "a blue cube", *TINY, "-o",
                          SCRATCH / "other.y4m")
    check("another prompt is another film", digest(SCRATCH / "other.y4m") != first, err)
    rc, path, err = render(MODEL, "-n", "ugly", "--cfg-scale", "3")
    check("guidance against a prompt", rc == 0 and digest(path) != first, err)
    rc, out, _ = zoetrope("render", "--dry-run", "--json", "-m", MODEL, "-p", "a red ball", *TINY)
    whole = json.loads(out)["weights"]["transformer"]
    rc, path, err = render(MODEL, "--max-memory", str(whole * 2 // 3))
    check("streamed weights give the same bytes", rc == 0 and digest(path) == first, err)
    rc, path, err = render(MODEL, "--set", "precision=bf16")
    check("in bf16 too", rc == 0 and digest(path) not in (None, first), err)
    rc, path, err = render(MODEL, "-p", "")
    check("an empty prompt", rc == 0, err)
    rc, path, err = render(MODEL, "-p", "word " * 4000)
    check("a long prompt is cut with a warning", rc == 0 and "cut" in err, err)
    rc, path, err = render(MODEL, "-p", "\U0001F469\u200D\U0001F680 \u00fcber \u6f22\u5b57 \u0645\u0631")
    check("any Unicode", rc == 0, err)


def caches():
    """Every method that needs no predictor spares steps, and says which."""
    rc, path, err = render(MODEL, "--steps", "50")
    whole = digest(path)
    check("fifty steps", rc == 0 and whole, err)
    for method in ("fora", "taylorseer", "hicache", "teacache"):
        out = SCRATCH / "cached.y4m"
        rc, text, err = zoetrope("render", "-m", MODEL, "-p", "a red ball", *TINY, "--steps", "50",
                                 "--cache", method, "--json", "--existing", "replace", "-o", out)
        report = json.loads(text.decode().strip().split("\n")[-1]) if rc == 0 else {}
        trace = report.get("jobs", [{}])[0].get("run", {}).get("cache_trace", {})
        steps = trace.get("steps", [])
        computed = sum(s["kind"] != "predicted" for s in steps)
        check(f"{method} predicts steps and reports them",
              rc == 0 and len(steps) == 50 and trace["computed"] == computed < 50, err or trace)
        check(f"{method} makes another film", digest(out) not in (None, whole))
    still = SCRATCH / "still%02d.png"
    rc, _, err = zoetrope("render", "-m", MODEL, "-p", "a red ball", *TINY, "--steps", "8", "--cache",
                          "fora", "--set", "cache.max_error=1e9", "-o", still)
    text = (SCRATCH / "still00.png").read_bytes() if rc == 0 else b""
    check("a picture says which steps were predicted, and how well",
          rc == 0 and b'"steps_predicted":6' in text and b'"cache_trace":{"method":"fora"' in text and
          b'{"kind":"computed","error":' in text, err)
    rc, path, err = render(MODEL, "--steps", "50", "--cache", "fora", "--set",
                           "cache.full=" + " ".join(map(str, range(50))))
    check("with all steps in the list nothing is spared", digest(path) == whole, err)
    films = set()
    for kind in ("f32", "bf16", "f16", "f8_e4m3"):
        rc, path, err = render(MODEL, "--steps", "20", "--cache", "taylorseer", "--set",
                               f"cache.type={kind}")
        films.add(digest(path))
    check("features are remembered in four types", rc == 0 and len(films) == 4 and None not in films,
          err)
    rc, path, err = render(MODEL, "--steps", "50", "--cache", "taylorseer", "--cfg-scale", "2")
    check("two lanes have two histories", rc == 0, err)
    refused("an unknown method has a neighbour", 64, ["taylorsee", "taylorseer"],
            "render", "-m", MODEL, "-p", "x", "--cache", "taylorsee", "-o", SCRATCH / "x.y4m")
    refused("an unknown option of a method too", 64, ["intervall", "interval"],
            "render", "-m", MODEL, "-p", "x", "--cache", "fora", "--set", "cache.intervall=3", "-o",
            SCRATCH / "x.y4m")
    refused("lesa needs a predictor", 65, ["predictor"],
            "render", "-m", MODEL, "-p", "x", *TINY, "--cache", "lesa", "-o", SCRATCH / "x.y4m")


PROMPTS = ["a red ball", "a blue cube in the snow", "", "a dog runs on the beach", "the moon"]


def train(out, *args, timeout=120):
    """Exit status, the report's result, standard error."""
    rc, text, err = zoetrope("train", "-m", MODEL, *TINY, "--steps", "20", "--prompts",
                             SCRATCH / "prompts.txt", "-o", out, "--json", *args, timeout=timeout)
    report = json.loads(text.decode().strip().split("\n")[-1]) if rc == 0 else {}
    return rc, report.get("result", {}), err


def film_trace(rc, text):
    """What caching did, from the report of a film."""
    report = json.loads(text.decode().strip().split("\n")[-1]) if rc == 0 else {}
    return report.get("jobs", [{}])[0].get("run", {}).get("cache_trace", {})


def killed_training(whole, *args):
    """Killed again and again, each time a little later, it ends with the same predictor."""
    out = SCRATCH / "killed.safetensors"
    kills = 0
    for delay in [0.03 * 1.4 ** n for n in range(24)]:
        p = subprocess.Popen([ZOETROPE, "train", "-m", str(MODEL), *TINY, "--steps", "20",
                              "--prompts", str(SCRATCH / "prompts.txt"), "-o", str(out), *args],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            p.wait(timeout=delay)
            break
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            kills += 1
    check("a training is killed", kills > 0)
    check("a killed training ends the same", p.returncode == 0 and digest(out) == digest(whole),
          f"exit {p.returncode} after {kills} kills")
    check("its folder is gone", not pathlib.Path(f"{out}.train").exists())


def training():
    (SCRATCH / "prompts.txt").write_text("\n".join(PROMPTS) + "\r\n")
    gram = SCRATCH / "gram.safetensors"
    rc, result, err = train(gram, "--with", "fit.interval=4")
    check("gram is trained", rc == 0 and result.get("prompts") == 4 and
          result["full"] == [0, 1, 2, 3, 6, 10, 14, 18] and result["uncached_runs"] == 4, err)
    header = load(gram)[0] if gram.exists() else {"__metadata__": {}}
    notes = header["__metadata__"]
    check("a predictor says what it is", {"format", "method", "fit", "tap", "model", "prompts",
                                          "licence"} <= set(notes) and notes["fit"] == "gram" and
          {"rows", "counts", "full", "sigma"} <= set(header), header)
    rc, again, err = train(SCRATCH / "again.safetensors", "--with", "fit.interval=4", "--threads", "1")
    check("the same training, the same bytes", digest(SCRATCH / "again.safetensors") == digest(gram), err)
    killed_training(gram, "--with", "fit.interval=4")
    kan = SCRATCH / "kan.safetensors"
    rc, result, err = train(kan, "--fit", "kan")
    check("kan is trained", rc == 0 and "network" in load(kan)[0], err)
    check("its memory is told", 25e6 < result.get("memory_bytes", 0) < 40e6, result)
    use = ["render", "-m", MODEL, "-p", "x", *TINY, "--steps", "20", "--cache", "lesa", "-o",
           SCRATCH / "x.y4m", "--json", "--existing", "replace", "--set"]
    for p in (gram, kan):
        rc, text, err = zoetrope(*use, f"cache.predictor={p}")
        trace = film_trace(rc, text)
        check(f"{p.stem} predicts", rc == 0 and 0 < trace.get("computed", 20) < 20, err)
    rc, text, err = zoetrope(*use, f"cache.predictor={gram}", "--set", "cache.max_error=1e-6")
    trace = film_trace(rc, text)
    check("a budget of error inserts steps", rc == 0 and trace["computed"] > 8 and
          any(s["kind"] == "inserted" for s in trace["steps"]) and
          any(s.get("error", 0) > 1e-6 for s in trace["steps"]), err or trace)
    both = SCRATCH / "both.safetensors"
    rc, _, err = train(both, "--cfg-scale", "2", "--with", "tap=trunk")
    check("two lanes at the trunk", rc == 0 and load(both)[0]["rows"]["shape"] == [2, 20, 5], err)
    refused("another number of steps", 65, ["20", "21"], *use, f"cache.predictor={gram}", "--steps", "21")
    refused("another tap", 65, ["output", "trunk"], *use, f"cache.predictor={gram}", "--set",
            "cache.tap=trunk")
    refused("other lanes", 65, ["2 lanes", "1"], *use, f"cache.predictor={both}")
    m = copy_model("retrained")

    def double(h, p):
        p[TENSOR] = bytes(len(p[TENSOR]))
    edit(shard_with(m / "transformer", TENSOR), double)
    refused("another model", 65, [notes.get("model", "?"), "the job runs"], *use,
            f"cache.predictor={gram}", "-m", m)
    refused("a film is no predictor", 65, ["x.y4m"], *use, f"cache.predictor={SCRATCH / 'x.y4m'}")
    for name, code, words, args in (
            ("no prompts", 66, ["nowhere.txt"], ["--prompts", SCRATCH / "nowhere.txt"]),
            ("an unknown option of a fit", 64, ["intervl", "interval"], ["--with", "fit.intervl=3"]),
            ("an option out of range", 64, ["interval", "0"], ["--with", "fit.interval=0"]),
            ("an unknown fit", 64, ["gran", "gram"], ["--fit", "gran"]),
            ("a noise for all", 64, ["noise"], ["--noise", SCRATCH / "n.safetensors"]),
            ("an output in no folder", 73, ["nofolder"], ["-o", SCRATCH / "nofolder" / "p"])):
        rc, _, err = train(SCRATCH / "bad.safetensors", *args)
        absent = [w for w in words if w not in err]
        check(name, rc == code and not absent, f"exit {rc}, expected {code}: {err}")


def benchmarks():
    (SCRATCH / "prompts.txt").write_text("\n".join(PROMPTS[:2]) + "\n")
    rc, _, err = train(SCRATCH / "p-6.safetensors", "--with", "fit.budget=6")
    check("a predictor to measure", rc == 0, err)
    (SCRATCH / "methods").write_text(
        "# what to compare\n"
        f"lesa = lesa predictor={SCRATCH}/p-{{full}}.safetensors\n"
        "fora = fora interval=?\nteacache = teacache threshold=?\nfewer = steps\n")
    out, plot = SCRATCH / "b.csv", SCRATCH / "b.svg"
    command = ["bench", "caching", "-m", MODEL, *TINY, "--steps", "20", "--prompts",
               SCRATCH / "prompts.txt", "-o", out, "--plot", plot, "--methods",
               SCRATCH / "methods", "--counts", "6", "--json"]
    p = subprocess.Popen([ZOETROPE, *map(str, command)], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    try:
        p.wait(timeout=0.25)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
    rc, text, err = zoetrope(*command)
    check("methods are measured, after a kill too", rc == 0, err)
    with open(out, newline="") as f:
        rows = {r["method"]: r for r in csv.DictReader(f)}
    check("all of them", list(rows) == ["lesa", "fora", "teacache", "fewer"], rows)
    for name, r in rows.items():
        check(f"{name} has numbers", r["runs"] == "2" and abs(float(r["full_steps"]) - 6) <= 1 and
              float(r["flops_gain"]) > 2 and float(r["psnr"]) > 5 and 0 < float(r["ssim"]) <= 1 and
              float(r["psnr_u8wrap"]) >= 27 and float(r["psnr_latent"]) > 5 and
              abs(float(r["psnr_f32"]) - float(r["psnr"])) < 0.5 and
              (name == "fewer") == (r["cache_bytes"] == "0"), r)
    lines = xml.etree.ElementTree.parse(plot).getroot().findall(
        "{http://www.w3.org/2000/svg}polyline")
    check("the plot has a line for each", len(lines) == 4, lines)
    report = json.loads(text.decode().strip().split("\n")[-1]) if rc == 0 else {}
    check("the report has the same", [r["method"] for r in report.get("result", [])] == list(rows),
          report)
    check("its folder is gone", not pathlib.Path(f"{out}.bench").exists())
    for name, code, words, more in (
            ("more steps than there are", 64, ["counts", "21", "20"], ["--counts", "21"]),
            ("no such methods", 66, ["nowhere"], ["--methods", SCRATCH / "nowhere"]),
            ("no such predictor", 66, ["p-7.safetensors"], ["--counts", "7"])):
        refused(name, code, words, *command, *more)
    (SCRATCH / "methods").write_text("a = fora order=?\n")
    refused("an option that the method lacks", 64, ["a", "fora"], *command)
    (SCRATCH / "methods").write_text("a = forra\n")
    refused("a method that is none", 65, ["forra", "methods:1"], *command)
    refused("nothing to measure", 64, ["caching"], "bench")


def write_latents(path, values, shape, name="latent"):
    store(path, {name: {"dtype": "F32", "shape": shape}},
          {name: struct.pack(f"<{len(values)}f", *values)})


def comparisons():
    def compare(a, b):
        rc, text, err = zoetrope("compare", a, b, "--json")
        return rc, json.loads(text) if rc == 0 else {}, err

    render(MODEL, out="a.y4m")
    render(MODEL, "-s", "7", out="b.y4m")
    a, b = SCRATCH / "a.y4m", SCRATCH / "b.y4m"
    rc, same, err = compare(a, a)
    check("a film is itself", rc == 0 and same["mean"]["psnr"] == "inf" and
          same["mean"]["ssim"] == same["mean"]["ssim_rgb"] == 1 and len(same["frames"]) == 5, err or same)
    rc, other, err = compare(a, b)
    check("another film is not", rc == 0 and 3 < other["mean"]["psnr"] < 40 and
          other["mean"]["psnr_u8wrap"] > 27 and -1 < other["mean"]["ssim"] < 1, err or other)
    mean = sum(f["psnr"] for f in other["frames"]) / 5 if rc == 0 else 0
    check("means are those of the frames", abs(mean - other["mean"]["psnr"]) < 1e-9, other)
    rc, text, err = zoetrope("compare", a, b)
    check("as a table", rc == 0 and b"psnr_u8wrap" in text and b"frame 4" in text and b"mean" in text,
          text)
    x, y, z = (SCRATCH / f"{n}.safetensors" for n in "xyz")
    # Two channels, three frames of 1 x 2; frame 1 is 0.1 off, the range is 2.
    values = [-1, 1, 0, 0, 0.5, 0.5, 0.25, 0, 0, 0, 1, -1]
    write_latents(x, values, [2, 3, 1, 2])
    write_latents(y, [v + (0.1 if i // 2 % 3 == 1 else 0) for i, v in enumerate(values)], [2, 3, 1, 2])
    write_latents(z, values, [2, 3, 2, 1])
    rc, latents, err = compare(x, y)
    rows = latents.get("frames", [])
    check("latents frame by frame", rc == 0 and [r["psnr"] for r in rows][0::2] == ["inf", "inf"] and
          abs(rows[1]["psnr"] - 20 * math.log10(2 / 0.1)) < 1e-4, err or latents)
    refused("latents of other shapes", 65, ["[2, 3, 1, 2]", "[2, 3, 2, 1]"], "compare", x, z)
    write_latents(z, values, [2, 3, 1, 2], "noise")
    refused("latents of other names", 65, ["latent", "z.safetensors"], "compare", x, z)
    refused("a film and latents", 65, ["a.y4m", "x.safetensors"], "compare", a, x)
    render(MODEL, "-W", "48", out="wide.y4m")
    refused("films of other sizes", 65, ["32 by 32", "48 by 32"], "compare", a, SCRATCH / "wide.y4m")
    render(MODEL, "--frames", "9", out="long.y4m")
    refused("films of other lengths", 65, ["a.y4m", "5 frames", "long.y4m"], "compare",
            SCRATCH / "long.y4m", a)
    refused("a film that is not there", 66, ["nowhere"], "compare", a, SCRATCH / "nowhere.y4m")
    refused("one film", 64, ["two paths"], "compare", a)


def refusals():
    out = SCRATCH / "x.y4m"
    refused("a frame count between", 64, ["66", "65", "69"],
            "render", "-m", MODEL, "-p", "x", "--frames", "66", "-o", out)
    refused("a width between", 64, ["100", "96", "112"],
            "render", "-m", MODEL, "-p", "x", "-W", "100", "-o", out)
    refused("a comma in a number", 64, ["guidance", "1,5"],
            "render", "-m", MODEL, "-p", "x", "--guidance", "1,5", "-o", out)
    refused("an unknown key has a neighbour", 64, ["wdth", "width"],
            "render", "-m", MODEL, "-p", "x", "--set", "wdth=64", "-o", out)
    refused("no model", 64, ["model"], "render", "-p", "x", "-o", out)
    refused("a model that is not there", 66, ["nowhere"],
            "render", "-m", SCRATCH / "nowhere", "-p", "x", "-o", out)
    refused("no output", 64, ["-o"], "render", "-m", MODEL, "-p", "x")
    refused("no such command", 64, ["rendr"], "rendr")
    refused("no such flag", 64, ["--stpes"], "render", "--stpes", "3")
    refused("a flag without its value", 64, ["--steps needs N"], "render", "--steps")
    refused("a flag with a value too many", 64, ["--dry-run takes no"], "render", "--dry-run=1")
    refused("a number out of range", 64, ["--checkpoint 90000", "0 to 86400"], "render", "--checkpoint",
            "90000")
    refused("a pair without a sign", 64, ["KEY=VALUE"], "render", "--set", "steps")
    refused("two presets", 64, ["'a' and 'b'"], "render", "a", "--", "b")
    refused("a topic that is none", 64, ["rendr"], "help", "rendr")
    refused("an output that cannot be created", 73, ["nofolder"],
            "render", "-m", MODEL, "-p", "x", *TINY, "-o", SCRATCH / "nofolder" / "x.y4m")
    rc, text, _ = zoetrope("--version")
    check("--version", rc == 0 and text.startswith(b"zoetrope "), text)
    rc, text, _ = zoetrope("list")
    check("list has models and options", rc == 0 and b"hunyuan" in text and b"guidance" in text, text)
    rc, text, _ = zoetrope("--help")
    commands = [line.split()[0] for line in text.decode().splitlines() if line.startswith("  ")]
    check("--help names the commands", rc == 0 and {"render", "list", "inspect"} <= set(commands))
    rc, text, _ = zoetrope("list", "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    names = {(r["list"], r["name"]) for r in rows}
    check("list --json is lines of JSON", rc == 0 and {("sink", "y4m"), ("cache", "none"), ("device", "cpu"),
          ("option", "steps"), ("option", "sink.depth")} <= names, names)
    for command in commands:
        rc, text, _ = zoetrope(command, "--help")
        check(f"{command} --help", rc == 0 and text.startswith(b"usage: zoetrope " + command.encode()),
              text)
        check(f"help {command} is the same", zoetrope("help", command)[1] == text)
    rc, keys, _ = zoetrope("help", "keys")
    check("help keys has ranges", rc == 0 and b"1 to 1000, default 50" in keys and
          b"cache.interval" in keys, keys)
    rc, man, _ = zoetrope("help", "man")
    check("the manual page has commands, options and exit codes",
          rc == 0 and man.startswith(b".TH ZOETROPE 1") and b".SS render" in man and
          b".B guidance" in man and b".B 130" in man, man[:200])
    rc, _, err = zoetrope("render", "--json", "-p", "x", "-o", out)
    last = json.loads(err.splitlines()[-1])
    check("--json tells failures as JSON", rc == 64 and last["exit"] == 64 and "model" in last["error"],
          err)


def inspections():
    rc, text, err = zoetrope("inspect", MODEL, "--json")
    doc = json.loads(text) if rc == 0 else {}
    check("a diffusers folder is recognised", rc == 0, err)
    kinds = {c.get("kind") for c in doc.get("components", [])}
    check("with all its components", kinds >= {"hunyuan.dit", "hunyuan.vae", "llama", "clip"}, doc)
    for name in ("original.safetensors", "comfy.safetensors", "diffusers"):
        rc, text, err = zoetrope("inspect", FIXTURES / "dit_names" / name)
        word = name.split(".")[0].encode()
        check(f"{name} is a transformer", rc == 0 and b"ransformer" in text and
              (word in text or word == b"comfy" and b"ComfyUI" in text), err or text)
    refused("nothing there", 66, ["nowhere"], "inspect", SCRATCH / "nowhere")
    junk = SCRATCH / "junk.safetensors"
    junk.write_bytes(b"<!DOCTYPE html><html></html>")
    refused("an error page", 65, ["web page"], "inspect", junk)


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    groups = {"plans": plans, "films": films, "caches": caches, "train": training, "bench": benchmarks,
              "compare": comparisons,
              "refusals": refusals, "damaged": damaged_checkpoints,
              "inspect": inspections}
    for name, run in groups.items():
        if GROUP in (None, name):
            run()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return totals()


if __name__ == "__main__":
    os.umask(0o022)
    os.environ["XDG_CACHE_HOME"] = str(SCRATCH / "cache")
    sys.exit(main())
