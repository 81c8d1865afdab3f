#!/usr/bin/env python3
"""Unmodified hosts with our frei0r plugins: FFmpeg, MLT's melt, GStreamer.

hosts.py ffmpeg|filter|melt|gst --folder BUILD/plugin --native HOST --count COUNT.so
         --model MODEL --scratch FOLDER

Frames must be those of the native ABI, which the host of zoetrope.h's comment writes,
bit by bit; and a film must be generated once whatever a host does. Exits with 77
where the host is not installed."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

SKIP = 77
BYTES = 32 * 32 * 4


def run(*command, timeout=60):
    """Exit status and everything it said; how many films were generated."""
    count = SCRATCH / "count"
    count.unlink(missing_ok=True)
    environment = os.environ | {
        "FREI0R_PATH": str(FOLDER / "frei0r-1"), "LD_PRELOAD": str(ARGS.count.resolve()),
        "ZT_COUNT": str(count), "ZT_LIBRARY": str(FOLDER / "libzoetrope.so.0"),
        "GST_REGISTRY": str(SCRATCH / "registry"), "HOME": str(SCRATCH),
        "XDG_RUNTIME_DIR": str(SCRATCH), "XDG_CONFIG_HOME": str(SCRATCH / "config"),
        "QT_QPA_PLATFORM": "offscreen", "SDL_VIDEODRIVER": "dummy"}
    environment.pop("LD_LIBRARY_PATH", None)           # the modules find what they need themselves
    try:
        r = subprocess.run([str(c) for c in command], capture_output=True, timeout=timeout,
                           env=environment, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as e:
        return "timeout", (e.stdout or b"").decode() + (e.stderr or b"").decode(), 0
    films = count.stat().st_size if count.exists() else 0
    return r.returncode, (r.stdout + r.stderr).decode(errors="replace"), films


def native(prompt="a red ball", options=""):
    r = subprocess.run([ARGS.native, PRESET, prompt, options], capture_output=True, check=True)
    return r.stdout


def frames(data):
    return [data[i:i + BYTES] for i in range(0, len(data), BYTES)]


def read(path):
    return path.read_bytes() if path.exists() else b""


def flat(data):
    return len(set(data[0::4])) < 2


def source(params, size="32x32", rate="24"):
    params = params.replace(";", "\\;")             # would end a chain of filters
    return f"frei0r_src=size={size}:framerate={rate}:filter_name=zoetrope:filter_params={params}"


def ffmpeg(*args, out="out.rgba"):
    path = SCRATCH / out
    path.unlink(missing_ok=True)
    rc, said, films = run("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning", "-y", *args,
                          "-f", "rawvideo", "-pix_fmt", "rgba", path)
    return rc, said, films, read(path)


def lavfi(params, count=5, **more):
    return ffmpeg("-f", "lavfi", "-i", source(params, **more), "-frames:v", str(count))


def test_ffmpeg():
    film = native()
    base = f"{PRESET}|a red ball"
    rc, said, films, data = lavfi(base)
    check("frames are the native ABI's, bit by bit", rc == 0 and data == film, said)
    check("and nothing is said", said == "", said)
    check("one film", films == 1, films)
    rc, said, _, data = lavfi(base, 12)
    check("a film loops", data == (film * 3)[:12 * BYTES], said)
    rc, said, _, data = lavfi(base + "|||1||hold", 8)
    check("or holds its last frame", data == film + film[-BYTES:] * 3, said)
    rc, said, _, data = lavfi(base + "|||1|alpha|transparent", 8)
    check("or is transparent", data == film + bytes(3 * BYTES), said)
    rc, said, _, data = lavfi(base + "|||1|alpha|loop|12", 10)
    check("at half the rate every frame comes twice",
          data == b"".join(f * 2 for f in frames(film)), said)
    rc, said, _, data = lavfi(base, 3, rate="12")
    check("at a slower rate of the host frames are left out",
          data == b"".join(frames(film)[0::2]), said)
    rc, said, _, data = lavfi(base + "|||0.5")
    check("half of it is half opaque", data[0::4] == film[0::4] and set(data[3::4]) == {128}, said)
    rc, said, _, data = lavfi(f"{PRESET}|a red ball|seed 5")
    check("an override", data == native(options="seed = 5"), said)
    rc, said, _, data = lavfi(f"{PRESET}|a red ball|steps%3D3%3b seed 5; seed%3A 4|5")
    check("an encoded semicolon is part of its value", "'3; seed 5'" in said, said)
    rc, said, _, data = lavfi(f"{PRESET}|a red ball|steps 3; frames 1|5")
    check("overrides and a seed", data[:BYTES] == native(options="seed = 5\nsteps = 3\nframes = 1"),
          said)
    text = f"model {ARGS.model}; width 32; height 32; frames 5; steps 2; precision f32"
    rc, said, _, data = lavfi(f"{text}|a red ball")
    check("a preset as text", data == film, said)
    rc, said, _, data = lavfi("mine|a red ball")
    check("a preset by name", data == film, said)
    rc, said, _, data = lavfi(f"{PRESET}|a red ball%2C 100% red%3B \\\\\\\\| %7C")
    check("percent signs in a prompt", data == native("a red ball, 100% red; | |"), said)
    rc, said, films, data = ffmpeg("-filter_complex", f"{source(base)}[a];{source(base)}[b];"
                                   "[a][b]hstack[v]", "-map", "[v]", "-frames:v", "5")
    wide = b"".join(film[i:i + 128] * 2 for i in range(0, len(film), 128))
    check("two sources in one graph", data == wide, said)
    check("are one film", films == 1, films)
    rc, said, _, data = lavfi(base + "|||1||||host", size="48x40")
    check("a film of the host's size",
          data == crop(native(options="width = 48\nheight = 48"), 48, 48, 40), said)
    for fit in ("fill", "inside", "stretch"):
        rc, said, _, data = lavfi(base + f"|||1||||preset|{fit}", 1, size="64x48")
        alpha = set(data[3::4])
        check(f"another size, fit {fit}", rc == 0 and len(data) == 64 * 48 * 4 and not flat(data) and
              alpha == ({0, 255} if fit == "inside" else {255}), f"{alpha} {said}")
    for size in ("1x1", "8x8", "16x2000"):
        rc, said, _, data = lavfi(base, 2, size=size)
        check(f"a picture of {size}", rc == 0 and data, said)
    rc, said, _, data = lavfi(base, 2, size="40x32")
    check("a width that some versions shear is told", "40" in said and "use 48" in said, said)
    ffmpeg_errors(base)


def crop(data, width, height, to_height):
    row, frame = width * 4, width * height * 4
    top = (height - to_height) // 2
    return b"".join(data[i + top * row:i + (top + to_height) * row]
                    for i in range(0, len(data), frame))


def ffmpeg_errors(base):
    wrong = {
        "a preset that is not there": ("/no/such.preset|x", ["/no/such.preset"]),
        "a preset of a wrong name": ("mime|x", ["mime", "mine"]),
        "a model that is not there": ("model /no/such; frames 5|x", ["/no/such"]),
        "no model": ("|x", ["model"]),
        "a bad size": (f"{PRESET}|x|width 100", ["width", "100", "96", "112"]),
        "a bad count of frames": (f"{PRESET}|x|frames 6", ["frames", "6", "5", "9"]),
        "an unknown option": (f"{PRESET}|x|stpes 4", ["stpes", "steps"]),
        "a bad seed": (f"{PRESET}|x||many", ["seed", "many"]),
        "an unknown mode": (base + "|||1|under", ["mode", "under", "screen"]),
        "a bad rate": (base + "|||1|alpha|loop|0", ["rate", "24000/1001"]),
    }
    for name, (params, words) in wrong.items():
        rc, said, films, data = lavfi(params, 3, size="320x64")
        absent = [w for w in words if w not in said]
        check(f"{name} is told", rc == 0 and not absent, f"exit {rc}, without {absent}: {said}")
        check(f"{name} is told once", said.count("zoetrope: ") == 1, said)
        check(f"{name} is shown", len(data) == 3 * 320 * 64 * 4 and set(data[0::4]) == {32, 235},
              set(data[0::4]))
        rc, said, films, data = lavfi(params, 1000)
        check(f"{name} is no crash", rc == 0, said)
    stop = "/no/such.preset|x|||1|alpha|loop|24|preset|fill|stop"
    rc, said, films, data = lavfi(stop, 1000000)
    check("an error ends ffmpeg on request", rc == 255 and "/no/such.preset" in said, f"{rc} {said}")
    check("which finishes its file", len(data) % BYTES == 0 and len(data) < 1000 * BYTES, len(data))
    rc, said, _, _ = ffmpeg("-f", "lavfi", "-i", source(base).replace("zoetrope:", "zoetrope_fx:"),
                            "-frames:v", "1")
    check("the filter is no source", rc == 1, said)


def test_filter():
    film = native()
    gray = "color=c=0x406080:size=32x32:rate=24,format=rgba"
    picture = bytes([0x40, 0x60, 0x80, 255]) * 1024

    def fx(params):
        return f"frei0r=filter_name=zoetrope_fx:filter_params={PRESET}|a red ball{params}"

    def over(chain, count=5):
        return ffmpeg("-f", "lavfi", "-i", gray, "-vf", chain, "-frames:v", str(count))

    rc, said, films, data = over(fx(""))
    check("all of an opaque film covers the picture", rc == 0 and data == film, said)
    check("one film for the filter", films == 1, films)
    rc, said, _, data = over(fx("|||0"))
    check("nothing of it leaves the picture", data == picture * 5, said)
    rc, said, _, data = over(fx("|||1|alpha|transparent"), 7)
    check("behind its end is the picture", data == film + picture * 2, said)
    rules = {
        "mix": lambda u, f: f, "multiply": lambda u, f: (u * f + 127) // 255,
        "screen": lambda u, f: 255 - ((255 - u) * (255 - f) + 127) // 255,
        "difference": lambda u, f: abs(u - f)}
    for mode, rule in rules.items():
        rc, said, _, data = over(fx(f"|||1|{mode}"))
        wanted = bytes(255 if i % 4 == 3 else rule(u, f)
                       for i, (u, f) in enumerate(zip(picture * 5, film)))
        check(f"mode {mode}", data == wanted, said)
    rc, said, _, data = over(fx("|||0.5|mix"), 1)
    wanted = [(128 * f + 127 * u) / 255 for u, f in zip(picture, film)]
    check("half of a mix", len(data) == BYTES and
          all(abs(d - w) <= 0.5 for d, w in zip(data, wanted)), said)
    rc, said, films, data = over("hflip," + fx("") + ",vflip," + fx("|||1|difference") + ",hflip")
    turned = b"".join(f[y * 128:y * 128 + 128] for f in frames(film) for y in reversed(range(32)))
    differ = bytes(255 if i % 4 == 3 else abs(u - f) for i, (u, f) in enumerate(zip(turned, film)))
    mirrored = b"".join(differ[i + x * 4:i + x * 4 + 4] for i in range(0, len(differ), 128)
                        for x in reversed(range(32)))
    check("twice in one graph, among others", rc == 0 and data == mirrored, said)
    check("is one film", films == 1, films)
    # Pictures of two sizes one after another: every filter is made anew at the change.
    list_file = SCRATCH / "list.txt"
    for size in ("32x32", "48x32"):
        run("ffmpeg", "-nostdin", "-y", "-f", "lavfi", "-i", f"color=size={size}:rate=24",
            "-frames:v", "4", "-c:v", "ffv1", SCRATCH / f"{size}.mkv")
    list_file.write_text("file 32x32.mkv\nfile 48x32.mkv\n")
    rc, said, films, data = ffmpeg("-f", "concat", "-i", list_file, "-vf",
                                   "format=rgba," + fx("") + ",scale=32:32", "-frames:v", "8")
    check("pictures that change their size", rc == 0 and data[:4 * BYTES] == film[:4 * BYTES] and
          len(data) == 8 * BYTES, said)
    check("are given the same film", films == 1, films)
    command = SCRATCH / "commands"
    other = f"{PRESET}|a blue cube"
    command.write_text(f"0.1 frei0r filter_params '{other}';\n")
    rc, said, films, data = over(f"sendcmd=f={command}," + fx(""))
    blue = frames(native("a blue cube"))
    check("a prompt changes while it runs", rc == 0 and frames(data)[:2] == frames(film)[:2] and
          frames(data)[3:] == blue[3:], said)
    check("for a second film", films == 2, films)
    for params, word in (("/no/such.preset|x", "/no/such.preset"), (f"{PRESET}|x|width 100", "width"),
                         ("model /no/such\\; frames 5|x", "/no/such")):
        rc, said, _, data = over(f"frei0r=filter_name=zoetrope_fx:filter_params={params}", 3)
        check(f"a filter without a film says why: {params}", rc == 0 and word in said and
              len(data) == 3 * BYTES and data != picture * 3, said)


def test_melt():
    film = native()
    profile = SCRATCH / "profile"
    profile.write_text("description=small\nframe_rate_num=24\nframe_rate_den=1\nwidth=32\nheight=32\n"
                       "progressive=1\nsample_aspect_num=1\nsample_aspect_den=1\n"
                       "display_aspect_num=1\ndisplay_aspect_den=1\ncolorspace=709\n")

    def melt(*producer, real_time=0):
        for old in SCRATCH.glob("melt*.png"):
            old.unlink()
        rc, said, films = run("melt", "-silent", "-profile", profile, *producer, "-consumer",
                              f"avformat:{SCRATCH}/melt%03d.png", "an=1", "vcodec=png",
                              "mlt_image_format=rgba", "pix_fmt=rgba", f"real_time={real_time}",
                              "terminate_on_pause=1")
        _, more, _, data = ffmpeg("-i", SCRATCH / "melt%03d.png")
        return rc, said + more, films, data

    rc, said, films, data = melt("frei0r.zoetrope", f"0={PRESET}", "1=a red ball", "out=9")
    check("a producer's frames are the native ABI's", rc == 0 and data == film * 2, said)
    check("one film", films == 1, films)
    rc, said, films, data = melt("frei0r.zoetrope", f"preset={PRESET}", "prompt=a red ball",
                                 "overrides=steps 3; frames 5", "seed=7", "out=4")
    check("parameters by name", data == native(options="steps = 3\nseed = 7"), said)
    rc, said, films, data = melt("frei0r.zoetrope", f"preset={PRESET}", "prompt=a red ball",
                                 "overrides=steps%3D3; frames%3D5", "out=4")
    check("what MLT would cut, encoded", data == native(options="steps = 3"), said)
    rc, said, films, data = melt("frei0r.zoetrope", "preset=mine", "prompt=a red ball", "out=4")
    check("a preset by name", data == film, said)
    rc, said, films, data = melt("frei0r.zoetrope", f"preset={PRESET}", "prompt=a red ball", "out=4",
                                 real_time=-4)
    check("with four threads", rc == 0 and data == film, said)
    check("one film for all of them", films == 1, films)
    rc, said, films, data = melt("color:#406080", "out=4", "-filter", "frei0r.zoetrope_fx",
                                 f"preset={PRESET}", "prompt=a red ball")
    check("a filter's frames", rc == 0 and data == film, said)
    rc, said, films = run("melt", "-query", "producer=frei0r.zoetrope")
    check("its description", rc == 0 and "prompt" in said and "overrides" in said, said)
    check("starts nothing", films == 0, films)
    for name, params in {"a preset that is not there": ["preset=/no/such.preset"],
                         "a preset of a wrong name": ["preset=mime"],
                         "a bad size": [f"preset={PRESET}", "overrides=width 100"],
                         "a model that is not there": ["preset=model /no/such; frames 5", "prompt=x"],
                         "no model": ["prompt=x"]}.items():
        rc, said, films, data = melt("frei0r.zoetrope", *params, "out=2")
        check(f"{name}: told and shown", rc == 0 and said.count("zoetrope: ") == 1 and
              len(data) == 3 * BYTES and not flat(data), f"{rc} {said}")


def test_gst():
    film = native()
    caps = "video/x-raw,format=RGBA,width=32,height=32,framerate=24/1"

    def gst(*pipeline):
        path = SCRATCH / "gst.rgba"
        path.unlink(missing_ok=True)
        rc, said, films = run("gst-launch-1.0", "-q", *pipeline, "!", "filesink",
                              f"location={path}", timeout=120)
        return rc, said, films, read(path)

    rc, said, films, data = gst("frei0r-src-zoetrope", "num-buffers=10", f"preset={PRESET}",
                                "prompt=a red ball", "!", caps)
    check("a source's frames are the native ABI's", rc == 0 and data == film * 2, said)
    check("one film", films == 1, films)
    rc, said, films, data = gst("frei0r-src-zoetrope", "num-buffers=5", f"preset={PRESET}",
                                "prompt=a red ball", "overrides=steps=3; frames: 5", "seed=7", "!", caps)
    check("overrides and a seed", data == native(options="steps = 3\nseed = 7"), said)
    rc, said, films, data = gst("frei0r-src-zoetrope", "num-buffers=5", "preset=mine",
                                "prompt=a red ball", "!", caps)
    check("a preset by name", data == film, said)
    rc, said, films, data = gst("videotestsrc", "num-buffers=5", "!", caps, "!",
                                "frei0r-filter-zoetrope-fx", f"preset={PRESET}", "prompt=a red ball")
    check("a filter's frames", rc == 0 and data == film, said)
    for name, params in {"a preset that is not there": ["preset=/no/such.preset"],
                         "a preset of a wrong name": ["preset=mime"],
                         "a bad size": [f"preset={PRESET}", "overrides=width 100"],
                         "a model that is not there": ["preset=model /no/such; frames 5", "prompt=x"],
                         "no model": ["prompt=x"]}.items():
        rc, said, films, data = gst("frei0r-src-zoetrope", "num-buffers=3", *params, "!", caps)
        check(f"{name}: told and shown", rc == 0 and said.count("zoetrope: ") == 1 and
              len(data) == 3 * BYTES and not flat(data), f"{rc} {said}")
    rc, said, films = run("gst-inspect-1.0", "frei0r-src-zoetrope")
    check("its description", rc == 0 and "on-error" in said, said)
    check("starts nothing", films == 0, films)


def main():
    tests = {"ffmpeg": ("ffmpeg", test_ffmpeg), "filter": ("ffmpeg", test_filter),
             "melt": ("melt", test_melt), "gst": ("gst-launch-1.0", test_gst)}
    program, test = tests[ARGS.host]
    if not shutil.which(program) or not shutil.which("ffmpeg"):
        print(f"{program} is not installed")
        return SKIP
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    PRESET.write_text(f"model = {ARGS.model}\nwidth = 32\nheight = 32\nframes = 5\nsteps = 2\n"
                      "precision = f32\n")
    own = SCRATCH / "config/zoetrope/presets"
    own.mkdir(parents=True)
    shutil.copyfile(PRESET, own / "mine.preset")
    test()
    return totals()


parser = argparse.ArgumentParser()
parser.add_argument("host", choices=["ffmpeg", "filter", "melt", "gst"])
for option in ("folder", "native", "count", "model", "scratch"):
    parser.add_argument("--" + option, required=True, type=pathlib.Path)
ARGS = parser.parse_args()
FOLDER, SCRATCH = ARGS.folder.resolve(), ARGS.scratch.resolve()
PRESET = SCRATCH / "tiny.preset"

if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
