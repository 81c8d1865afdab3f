#!/usr/bin/env python3
"""Films and pictures through every sink, read back by others and by our own reader.

    sinks.py SINK_TOOL MODULES SCRATCH [--group NAME]

Frames are those of sink_tool. A group whose module was not built is skipped: exit
status 77. Ends with "N passed, N failed"."""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

TOOL, MODULES, SCRATCH = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
GROUP = sys.argv[5] if len(sys.argv) > 5 else None
SIZE, FRAMES = "96x64", 12
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def tool(*args):
    r = subprocess.run([TOOL, *map(str, args)], capture_output=True, timeout=120)
    return r.returncode, r.stdout, r.stderr.decode(errors="replace")


def write(how, name, options="", rate="24", size=SIZE, frames=FRAMES):
    return tool(how, MODULES, SCRATCH / name, size, frames, rate, options)


def compare(name, size=SIZE, frames=FRAMES):
    """width, height, frames, rate, PSNR in dB, largest difference, bits; or what was said."""
    rc, out, err = tool("compare", MODULES, SCRATCH / name, size, frames)
    if rc != 0:
        return None, err
    w, h, n, rate, psnr, most, depth = out.decode().split()
    return (int(w), int(h), int(n), rate, float(psnr), float(most), int(depth)), ""


def probe(name, *options):
    r = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format",
                        "-count_frames", *options, str(SCRATCH / name)], capture_output=True, timeout=60)
    doc = json.loads(r.stdout or b"{}")
    tags = {k.lower(): v for k, v in doc.get("format", {}).get("tags", {}).items()}
    return (doc.get("streams") or [{}])[0], tags


def digest(name):
    path = SCRATCH / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def encoder_is_missing(err):
    return "has no encoder" in err


# name, options, what ffprobe says, least dB, largest difference to the frames
FILMS = [
    ("x264.mp4", "", {"codec_name": "h264", "pix_fmt": "yuv420p", "profile": "High"}, 40, 0.1),
    ("x264.mkv", "sink = ffmpeg", {"codec_name": "h264", "pix_fmt": "yuv420p"}, 40, 0.1),
    ("x265.mp4", "codec = libx265", {"codec_name": "hevc", "pix_fmt": "yuv420p10le"}, 40, 0.1),
    ("ten.mp4", "depth = 10\nchroma = 444",
     {"codec_name": "h264", "pix_fmt": "yuv444p10le"}, 40, 0.1),
    ("vp9.webm", "options = crf=12:cpu-used=4", {"codec_name": "vp9", "pix_fmt": "yuv420p"}, 40, 0.1),
    ("prores.mov", "codec = prores_ks", {"codec_name": "prores", "profile": "4444"}, 50, 0.02),
    ("hq.mov", "codec = prores_ks\nchroma = 422",
     {"codec_name": "prores", "pix_fmt": "yuv422p10le"}, 45, 0.03),
    ("master.mkv", "codec = ffv1", {"codec_name": "ffv1", "pix_fmt": "gbrp16le"}, 100, 0.5 / 65535 + 1e-6),
    ("planes.mkv", "codec = ffv1\nchroma = 444\ndepth = 12\ndither = none",
     {"codec_name": "ffv1", "pix_fmt": "yuv444p12le"}, 70, 0.0006),
    ("full.mkv", "codec = ffv1\nchroma = 444\ndepth = 8\nrange = full",
     {"codec_name": "ffv1", "pix_fmt": "yuv444p"}, 48, 0.012),
    ("eight.mkv", "codec = ffv1\ndepth = 8", {"pix_fmt": "bgr0"}, 55, 0.5 / 255 + 1e-6),
    ("pipe.nut", "", {"codec_name": "rawvideo", "pix_fmt": "rgb24"}, 55, 0.5 / 255 + 1e-6),
    ("turned.mkv", "codec = ffv1\nfilter = hflip,hflip", {"pix_fmt": "gbrp16le"}, 100, 0.00001),
]


def colours(name, stream):
    rgb = stream.get("pix_fmt", "").startswith(("gb", "rgb", "bgr"))
    wanted = {"color_range": "pc" if rgb or name == "full.mkv" else "tv",
              "color_space": "gbr" if rgb else "bt709"}
    if not name.endswith(".nut"):             # it has no room for these
        wanted |= {"color_primaries": "bt709", "color_transfer": "iec61966-2-1" if rgb else "bt709"}
        check(f"{name}: colours are tagged", {k: stream.get(k) for k in wanted} == wanted, stream)


def films():
    for name, options, wanted, least, most in FILMS:
        rc, _, err = write("write", name, options, rate="24000/1001")
        if encoder_is_missing(err):
            print(f"{name}: {err.strip()}")
            continue
        check(f"{name} is written", rc == 0, err)
        # The tool's own lines begin with a level; libraries would write as they please.
        check(f"{name}: nothing else is said", all(line[:2] in ("2 ", "1 ") for line in err.splitlines()), err)
        got, err = compare(name)
        check(f"{name} is read back", got and got[:3] == (96, 64, FRAMES) and got[3] == "24000/1001",
              got or err)
        check(f"{name} has the pixels", got and got[4] >= least and got[5] <= most, got)
        stream, tags = probe(name)
        check(f"{name} for others", all(stream.get(k) == v for k, v in wanted.items()) and
              int(stream.get("nb_read_frames", 0)) == FRAMES and
              stream.get("r_frame_rate") == "24000/1001", stream)
        colours(name, stream)
        if not name.endswith(".nut"):
            provenance(name, tags)
        if least == 40:                       # where threads could matter
            first = digest(name)
            os.environ["MALLOC_PERTURB_"] = "170"         # encoders have looked at such memory
            write("write", name, options, rate="24000/1001")
            del os.environ["MALLOC_PERTURB_"]
            check(f"{name}: the same bytes again", digest(name) == first)
    data = (SCRATCH / "x264.mp4").read_bytes()
    check("the index is in front", 0 < data.find(b"moov") < data.find(b"mdat"))


def provenance(name, tags):
    doc = json.loads(tags.get("zoetrope", "{}"))
    check(f"{name} says what it was made with",
          doc.get("seed") == 7 and doc.get("steps_computed") == 10 and doc.get("steps_predicted") == 40 and
          doc.get("model_fingerprint") == "0123456789abcdef" and
          doc.get("predictor_fingerprint") == "fedcba9876543210", doc)
    check(f"{name} has parameters", "Steps: 50" in tags.get("comment", "") and
          "Model hash: 0123456789," in tags.get("comment", ""), tags)
    check(f"{name} is marked as made by a model", tags.get("digitalsourcetype") == SOURCE_TYPE, tags)


def animations():
    rc, _, err = write("write", "a.gif")
    check("a GIF is written", rc == 0, err)
    got, err = compare("a.gif")
    check("a GIF has the pixels", got and got[2] == FRAMES and got[4] > 28, got or err)
    rc, _, err = write("write", "a.webp")
    if not encoder_is_missing(err):
        data = (SCRATCH / "a.webp").read_bytes() if rc == 0 else b""
        check("a WebP moves", data[8:16] == b"WEBPVP8X" and data.count(b"ANMF") == FRAMES, err or data[:40])
    rc, _, err = write("segments", "b.gif")
    check("a GIF has no segments", rc == 1 and "can't be joined" in err, err)


def segments():
    for name, options in (("s.mp4", ""), ("s.mkv", "codec = libx265"), ("s.webm", "options = cpu-used=6"),
                          ("s.mov", "codec = prores_ks"), ("f.mkv", "codec = ffv1"), ("s.nut", ""),
                          ("s.y4m", ""), ("s.rgb", "")):
        rc, _, err = write("segments", name, options, frames=17)
        if encoder_is_missing(err):
            continue
        check(f"{name} is joined", rc == 0, err)
        first = digest(name)
        write("segments", name, options, frames=17)
        check(f"{name}: the same bytes again", first and digest(name) == first)
        if name.endswith("rgb"):
            check("bare RGB has its size", (SCRATCH / name).stat().st_size == 17 * 96 * 64 * 3)
            continue
        got, err = compare(name, frames=17)
        check(f"{name} has the pixels", got and got[2:4] == (17, "24/1") and got[4] > 39, got or err)
        stream, _ = probe(name)
        check(f"{name} for others", int(stream.get("nb_read_frames", 0)) == 17, stream)
        left = [p.name for p in SCRATCH.glob(f"{name}.*")]
        check(f"{name} leaves nothing", not left, left)
    r = subprocess.run(["ffmpeg", "-v", "error", "-i", str(SCRATCH / "s.mp4"), "-f", "null", "-"],
                       capture_output=True, timeout=60)
    check("a joined film decodes without a word", r.returncode == 0 and not r.stderr, r.stderr)


def pictures():
    for name, options, least, most, depth in (
            ("p.####.png", "", 55, 0.5 / 255 + 1e-6, 8),
            ("q.####.png", "depth = 16", 100, 0.5 / 65535 + 1e-6, 16),
            ("r.####.png", "sink = ffmpeg\ndepth = 16", 100, 0.5 / 65535 + 1e-6, 16),
            ("t.####.tiff", "", 55, 0.5 / 255 + 1e-6, 8),
            ("t.####.tif", "depth = 16", 100, 0.5 / 65535 + 1e-6, 16),
            ("j.####.jpg", "", 40, 0.05, 8)):
        rc, _, err = write("write", name, options, frames=3)
        check(f"{name} is written", rc == 0, err)
        got, err = compare(name, frames=3)
        check(f"{name} has the pixels", got and got[2] == 3 and got[4] >= least and got[5] <= most and
              got[6] == depth, got or err)
        stream, _ = probe(name.replace("####", "0002"))
        check(f"{name} for others", (stream.get("width"), stream.get("height")) == (96, 64), stream)
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(SCRATCH / "q.0002.png"), "-pix_fmt", "rgb48le",
                          "-f", "rawvideo", "-"], capture_output=True, timeout=60).stdout
    ours = subprocess.run(["ffmpeg", "-v", "error", "-i", str(SCRATCH / "r.0002.png"), "-pix_fmt", "rgb48le",
                           "-f", "rawvideo", "-"], capture_output=True, timeout=60).stdout
    check("our PNG and FFmpeg's have the same pixels", len(raw) == 96 * 64 * 6 and raw == ours)


def png_text(path):
    data, at, out = path.read_bytes(), 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        check("a chunk's checksum", zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:][:4])[0])
        if kind in (b"tEXt", b"iTXt"):
            key, _, value = body.partition(b"\0")
            out[key.decode()] = value[4 if kind == b"iTXt" else 0:].decode()
        at += 12 + size
    return out


def faults(name, options=""):
    """Every call for a file and every request for memory fails once."""
    rc, out, err = tool("faults", MODULES, SCRATCH / name, "32x32", 2, "24", options)
    check(f"{name}: failures leave nothing", rc == 0 and len(out.split()) == 2, err[-300:])


def plain():
    """What needs no module."""
    rc, _, err = write("write", "n.####.png", "depth = 16", frames=2)
    check("a PNG is written", rc == 0, err)
    text = png_text(SCRATCH / "n.0002.png")
    check("with parameters", text.get("parameters", "").startswith("a red ball; 100 %\nNegative prompt: ugly\n"
                                                                   "Steps: 50, Sampler: flow-euler"), text)
    check("with XMP", f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}<" in text.get("XML:com.adobe.xmp", ""), text)
    check("with JSON", json.loads(text.get("zoetrope", "{}")).get("seed") == 7, text)
    for name, options, least in (("n.####.png", "", 100), ("n.y4m", "dither = none", 48),
                                 ("m.y4m", "depth = 12\nchroma = 420", 45)):
        if "y4m" in name:
            rc, _, err = write("write", name, options, frames=2)
            check(f"{name} is written", rc == 0, err)
        got, err = compare(name, frames=2)
        check(f"{name} is read back", got and got[2] == 2 and got[4] > least, got or err)
    faults("x.y4m")
    faults("x.png")
    if shutil.which("ffmpeg"):
        for name, pixels in (("n.y4m", "yuv444p"), ("m.y4m", "yuv420p12le")):
            stream, _ = probe(name)
            check(f"{name} for others", stream.get("pix_fmt") == pixels and
                  stream.get("color_range", "tv") == "tv", stream)
    rc, out, err = tool("write", MODULES, "-", SIZE, 2, "24", "")
    rc2, _, _ = write("write", "o.y4m", frames=2)
    check("standard output gets the film", rc == 0 and rc2 == 0 and out == (SCRATCH / "o.y4m").read_bytes(), err)


def exr():
    for name, options, most, bits in (("h.####.exr", "", 0.0002, 16),
                                      ("f.####.exr", "type = float\ncompression = zips", 1e-6, 32),
                                      ("z.####.exr", "compression = piz\nalpha = yes", 0.0002, 16)):
        rc, _, err = write("write", name, options, rate="24000/1001", frames=2)
        check(f"{name} is written", rc == 0, err)
        got, err = compare(name, frames=2)
        check(f"{name} is read back", got and got[2:4] == (2, "24000/1001") and got[5] <= most and
              got[6] == bits, got or err)
    faults("x.exr")
    if shutil.which("exrheader"):
        head = subprocess.run(["exrheader", str(SCRATCH / "h.0001.exr")], capture_output=True).stdout.decode()
        for word in ("framesPerSecond (type rational): 24000/1001", "red   (0.64 0.33)", "lin_rec709_scene",
                     "R, 16-bit floating-point", SOURCE_TYPE, "Steps: 50", '"seed":7', "zip, multi-scanline"):
            check(f"exrheader shows {word}", word in head, head)
    rc, _, err = write("write", "d.####.exr", "compression = dwaa", frames=1)
    check("what OpenEXR can't write is refused", rc == 0 or "dwaa" in err, err)
    data = (SCRATCH / "h.0001.exr").read_bytes()
    for cut in range(0, len(data), 251):
        (SCRATCH / "cut.exr").write_bytes(data[:cut])
        rc, _, err = tool("compare", MODULES, SCRATCH / "cut.exr", SIZE, 1)
        check(f"{cut} bytes of a picture are refused", rc == 1 and "cut.exr" in err, err or rc)


def refusals():
    faults("x.mkv", "codec = ffv1")
    faults("x.mp4", "codec = mpeg4")
    for name, options, words in (
            ("a.mp4", "codec = libx266", ["sink.codec", "libx266"]),
            ("a.mp4", "options = crff=16", ["sink.options", "crff"]),
            ("a.mp4", "options = crf", ["sink.options"]),
            ("a.mp4", "filter = hflipp", ["sink.filter", "hflipp"]),
            ("a.mp4", "pixel = yuv420q", ["sink.pixel", "yuv420q"]),
            ("a.mp4", "codec = aac", ["aac"]),
            ("a.mp4", "codec = libx264\nchroma = rgb", ["libx264"]),
            ("a.mp4", "formt = mov", ["sink.formt", "format"]),
            ("a.qqq", "", ["qqq"]),
            ("a.mkv", "format = matroskaa", ["matroskaa"])):
        rc, _, err = write("write", name, options)
        check(f"{name} with {options!r} is refused", rc == 1 and all(w in err for w in words), err or rc)
        check(f"{name} is not begun", not list(SCRATCH.glob("a.*")), list(SCRATCH.glob("a.*")))
    rc, _, err = write("write", "odd.mp4", size="33x31")
    check("a size that x264 can't do has its words", rc == 1 and "not divisible by 2" in err, err)
    rc, out, err = tool("write", MODULES, "-", SIZE, 2, "24", "sink = ffmpeg\nformat = nut")
    r = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "framemd5", "-"], input=out,
                       capture_output=True, timeout=60)
    check("a stock ffmpeg reads the pipe", rc == 0 and r.returncode == 0 and r.stdout.count(b"\n0,") == 2,
          err or r.stderr)
    rc, out, err = tool("write", MODULES, "-", SIZE, 2, "24", "sink = ffmpeg\nformat = mp4")
    check("an MP4 for a pipe is in fragments", rc == 0 and b"moof" in out, err)


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    groups = {"plain": (plain, None), "films": (films, "zoetrope-ffmpeg.so"),
              "animations": (animations, "zoetrope-ffmpeg.so"), "segments": (segments, "zoetrope-ffmpeg.so"),
              "pictures": (pictures, "zoetrope-ffmpeg.so"), "refusals": (refusals, "zoetrope-ffmpeg.so"),
              "exr": (exr, "zoetrope-exr.so")}
    for name, (run, module) in groups.items():
        if GROUP not in (None, name):
            continue
        if module and not (MODULES / module).exists():
            print(f"{name}: {module} was not built")
            if GROUP:
                return 77
            continue
        run()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return totals()


if __name__ == "__main__":
    # libx265 itself loses a block for every encoder.
    supp = pathlib.Path(__file__).with_suffix(".supp")
    os.environ["LSAN_OPTIONS"] = f"suppressions={supp}:print_suppressions=0"
    sys.exit(main())
