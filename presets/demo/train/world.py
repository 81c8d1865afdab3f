"""What the films show: draws a scene from a seed, paints its frames, and says it in words.

    python3 world.py 7 out.y4m        paints the scene of seed 7 and prints its caption
    python3 world.py count            says how many captions there are at least
    python3 world.py prompts 64 "held out" narrow    captions of that many scenes, a line each; or of "train"

A scene is a dictionary of names and numbers. Coordinates run from -1 to 1 over the frame, y down; u is time from 0
to 1. Nothing but numpy is needed. `WORLDS` says how often each name is drawn, and how far from their places things are
put: the narrow world is the one that a small budget of training can learn.
"""

import hashlib
import sys

import numpy as np

import y4m
from shapes import ROUND, SHAPES

FRAMES, SIZE = 33, 128
PROMPTS_SEED = 7

COLOURS = {"red": (222, 38, 38), "orange": (246, 138, 28), "yellow": (250, 222, 48), "green": (42, 160, 62),
           "blue": (42, 82, 222), "purple": (136, 52, 188), "pink": (246, 128, 184), "white": (246, 246, 246),
           "black": (22, 22, 26), "gray": (128, 128, 134), "brown": (126, 76, 40), "cyan": (60, 205, 222)}

# Plain grounds, then two-coloured ones: (kind, first colour, second colour).
GROUNDS = {"white": ("plain", (236, 236, 232)), "black": ("plain", (18, 18, 20)), "gray": ("plain", (150, 150, 152)),
           "navy": ("plain", (24, 32, 84)), "light blue": ("plain", (158, 202, 240)),
           "light green": ("plain", (170, 226, 168)), "beige": ("plain", (230, 208, 168)),
           "dark green": ("plain", (20, 72, 44)), "maroon": ("plain", (98, 24, 36)),
           "lilac": ("plain", (206, 178, 234)),
           "sunset": ("fade", (92, 52, 130), (250, 158, 84)), "sky": ("fade", (70, 140, 225), (206, 232, 250)),
           "night": ("stars", (14, 16, 44), (240, 240, 220)), "meadow": ("horizon", (150, 206, 246), (92, 168, 72)),
           "sea": ("waves", (178, 214, 236), (28, 92, 150)), "desert": ("horizon", (150, 196, 230), (226, 186, 116)),
           "room": ("horizon", (222, 214, 200), (146, 96, 58)),
           "stripes": ("stripes", (214, 214, 220), (168, 176, 196)),
           "checkers": ("checkers", (224, 220, 210), (180, 174, 164)),
           "dots": ("dots", (232, 224, 206), (190, 150, 140)),
           "snow": ("horizon", (176, 190, 208), (242, 244, 248)), "grid": ("grid", (30, 44, 60), (74, 104, 130))}

POST = (92, 84, 78)
SIZES = {"small": 0.24, "medium": 0.36, "big": 0.5}
SURFACES = ("plain", "striped", "dotted", "checked", "shaded", "outlined")
MOTIONS = ("still", "right", "left", "rise", "fall", "bounce", "orbit", "spin", "grow", "shrink", "swing", "pulse",
           "zigzag", "behind")
PLACES = {"middle": (0, 0), "left": (-0.45, 0), "right": (0.45, 0), "top": (0, -0.45), "bottom": (0, 0.45)}
LIGHTS = ("even", "dim", "sweep", "lamp", "flicker", "dawn")
CAMERAS = ("fixed", "in", "out", "pan right", "pan left", "tilt", "shake")


def most(common, rest, share):
    """Weights: `share` of the mass on the common names, what remains on the others."""
    common = list(common)
    rest = [r for r in rest if r not in common]
    weights = {c: share / len(common) for c in common}
    weights.update({r: (1 - share) / len(rest) for r in rest})
    return weights


SOME_SHAPES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond")
SOME_GROUNDS = ("white", "black", "gray", "navy", "light blue", "light green", "beige", "maroon", "sunset", "meadow")
SOME_MOTIONS = ("still", "right", "left", "rise", "fall", "bounce", "orbit", "spin", "grow", "shrink")
WORLDS = {
    "full": {"shape": most(SOME_SHAPES, SHAPES, 0.4), "colour": {c: 1 for c in COLOURS},
             "ground": most(SOME_GROUNDS, GROUNDS, 0.5), "size": {s: 1 for s in SIZES},
             "surface": most(["plain"], SURFACES, 0.6), "motion": {m: 1 for m in MOTIONS},
             "place": most(["middle"], PLACES, 0.6), "light": most(["even"], LIGHTS, 0.75),
             "camera": most(["fixed"], CAMERAS, 0.75), "second": 0.2, "astray": 0.12},
    "narrow": {"shape": most(SOME_SHAPES, SHAPES, 0.94), "colour": {c: 1 for c in COLOURS},
               "ground": most(SOME_GROUNDS, GROUNDS, 0.95), "size": {"medium": 0.5, "big": 0.5},
               "surface": most(["plain"], SURFACES, 0.97), "motion": most(SOME_MOTIONS, MOTIONS, 0.97),
               "place": most(["middle"], PLACES, 0.9), "light": most(["even"], LIGHTS, 0.98),
               "camera": most(["fixed"], CAMERAS, 0.98), "second": 0.01, "astray": 0.03},
}


# ---- scenes ---------------------------------------------------------------------------------------------------------

def pick(rng, weights):
    names = list(weights)
    w = np.array([weights[n] for n in names], float)
    return names[rng.choice(len(names), p=w / w.sum())]


def far(a, b):
    return np.abs(np.subtract(a, b)).sum() > 150


def ground_colours(name):
    return GROUNDS[name][1:]


def thing(rng, world, taken):
    """An object; `taken` are colours that it has to stand out from."""
    while True:
        colour = pick(rng, world["colour"])
        if all(far(COLOURS[colour], t) for t in taken):
            break
    return {"shape": pick(rng, world["shape"]), "colour": colour, "surface": pick(rng, world["surface"]),
            "size": pick(rng, world["size"]), "motion": pick(rng, world["motion"]),
            "dx": world["astray"] * float(rng.uniform(-1, 1)), "dy": world["astray"] * float(rng.uniform(-1, 1))}


def held_out(scene):
    """One in sixteen combinations of shape, colour, motion and ground is never trained on."""
    t = scene["things"][0]
    key = "/".join((t["shape"], t["colour"], t["motion"], scene["ground"]))
    return hashlib.sha256(key.encode()).digest()[0] % 16 == 0


def draw(rng, world="narrow", kind="train"):
    """A scene; kind is "train" or "held out"."""
    world = WORLDS[world]
    while True:
        ground = pick(rng, world["ground"])
        first = thing(rng, world, ground_colours(ground))
        while first["motion"] == "spin" and first["shape"] in ROUND:
            first = thing(rng, world, ground_colours(ground))
        scene = {"ground": ground, "place": pick(rng, world["place"]), "light": pick(rng, world["light"]),
                 "camera": pick(rng, world["camera"]), "things": [first], "phase": float(rng.uniform())}
        if held_out(scene) == (kind == "held out"):
            break
    if rng.uniform() < world["second"]:
        second = thing(rng, world, [*ground_colours(ground), COLOURS[first["colour"]]])
        second["motion"], second["size"], first["size"] = "still", "small", "small"
        scene["things"].append(second)
        scene["place"] = "left"
    return scene


# ---- painting -------------------------------------------------------------------------------------------------------

def smooth(u):
    return u * u * (3 - 2 * u)


def path(t, place, u):
    """Centre, size and turn of a thing at the times u."""
    px, py = PLACES[place]
    x, y = px + t["dx"] + 0 * u, py + t["dy"] + 0 * u
    size, turn = SIZES[t["size"]] + 0 * u, 0 * u
    m = t["motion"]
    if m in ("right", "left"):
        x = t["dx"] + (1.3 * u - 0.65) * (1 if m == "right" else -1)
    elif m in ("rise", "fall"):
        y = t["dy"] + (1.3 * u - 0.65) * (1 if m == "fall" else -1)
    elif m == "bounce":
        y = 0.5 - 0.9 * np.abs(np.sin(2 * np.pi * u)) + t["dy"]
    elif m == "orbit":
        x, y = t["dx"] + 0.42 * np.cos(2 * np.pi * u), t["dy"] + 0.42 * np.sin(2 * np.pi * u)
    elif m == "spin":
        turn = np.pi * u
    elif m == "grow":
        size = size * (0.45 + 1.05 * u)
    elif m == "shrink":
        size = size * (1.5 - 1.05 * u)
    elif m == "swing":
        a = 0.7 * np.sin(2 * np.pi * u)
        x, y, turn = px + 0.9 * np.sin(a), py - 0.4 + 0.6 * np.cos(a), -a
    elif m == "pulse":
        size = size * (1 + 0.35 * np.sin(4 * np.pi * u))
    elif m == "zigzag":
        x, y = t["dx"] + 1.3 * u - 0.65, 0.35 * (np.abs((4 * u) % 2 - 1) * 2 - 1)
    elif m == "behind":
        x = t["dx"] + 1.5 * u - 0.75
    return x, y, size, turn


def paint_ground(name, x, y, u, phase):
    """RGB of the ground at the points (x, y), which move with the camera."""
    kind, *colours = GROUNDS[name]
    a = np.array(colours[0], np.float32)
    if kind == "plain":
        return np.broadcast_to(a, (*np.broadcast(x, y, u).shape, 3))
    b = np.array(colours[1], np.float32)
    w = 2 / SIZE * 1.5
    if kind == "fade":
        m = np.clip(0.5 + 0.5 * y, 0, 1)
    elif kind in ("horizon", "waves"):
        edge = 0.3 + (0.04 * np.sin(9 * x + 12 * u + 6 * phase) if kind == "waves" else 0 * x)
        m = np.clip((y - edge) / w + 0.5, 0, 1)
    elif kind == "stars":
        rng = np.random.default_rng(int(phase * 1e6))
        m = np.zeros(np.broadcast(x, y, u).shape, np.float32)
        for sx, sy, r in rng.uniform((-1, -1, 0.015), (1, 1, 0.035), (14, 3)):
            m = np.maximum(m, np.clip((r - np.hypot(x - sx, y - sy)) / w + 0.5, 0, 1))
    elif kind == "stripes":
        m = np.clip(0.5 + 6 * np.sin(7 * x), 0, 1)
    elif kind == "checkers":
        m = np.clip(0.5 + 8 * np.sin(2 * np.pi * x) * np.sin(2 * np.pi * y), 0, 1)
    elif kind == "dots":
        m = np.clip((0.16 - np.hypot((2.5 * x) % 1 - 0.5, (2.5 * y) % 1 - 0.5)) / (2.5 * w) + 0.5, 0, 1)
    else:
        m = np.clip(2.5 - 0.5 * np.minimum(np.abs((2.5 * x) % 1 - 0.5), np.abs((2.5 * y) % 1 - 0.5)) / w, 0, 1)
    return a + (b - a) * np.broadcast_to(m, np.broadcast(x, y, u).shape)[..., None].astype(np.float32)


def second_colour(c):
    """What stripes, dots and shades of a colour are in."""
    return c + (255 - c) * 0.45 if c.sum() < 380 else c * 0.62


def paint_surface(t, x, y, inside, pixel):
    """RGB of a thing at its own coordinates."""
    c = np.array(COLOURS[t["colour"]], np.float32)
    other = second_colour(c)
    s, w = t["surface"], np.maximum(pixel, 1e-3)
    if s == "striped":
        m = np.clip(0.5 + np.sin(9 * y) / (9 * w), 0, 1)
    elif s == "dotted":
        m = np.clip((0.2 - np.hypot((2 * x) % 1 - 0.5, (2 * y) % 1 - 0.5)) / (2 * w) + 0.5, 0, 1)
    elif s == "checked":
        m = np.clip(0.5 + np.sin(6 * x) * np.sin(6 * y) / (4 * w), 0, 1)
    elif s == "shaded":
        m = np.clip(0.5 + 0.5 * y, 0, 1)
    elif s == "outlined":
        m = np.clip((inside + 0.16) / w + 0.5, 0, 1)
    else:
        m = np.zeros_like(x)
    return c + (other - c) * m[..., None]


def camera(name, u):
    """Offset and magnification of the view."""
    zero = 0 * u
    moves = {"in": (zero, zero, 0.85 + 0.4 * u), "out": (zero, zero, 1.25 - 0.4 * u),
             "pan right": (0.5 * u - 0.25, zero, zero + 1),
             "pan left": (0.25 - 0.5 * u, zero, zero + 1), "tilt": (zero, 0.25 - 0.5 * u, zero + 1),
             "shake": (0.05 * np.sin(31 * u), 0.05 * np.sin(23 * u + 1), zero + 1)}
    return moves.get(name, (zero, zero, zero + 1))


def light(film, name, x, y, u):
    if name == "dim":
        return film * 0.6
    if name == "dawn":
        return film * (0.45 + 0.55 * u)
    if name == "flicker":
        return film * (0.8 + 0.2 * np.sign(np.sin(4 * np.pi * u + 1e-6)))
    if name == "lamp":
        return film * (1 - 0.45 * np.clip(np.hypot(x, y), 0, 1.4))[..., None]
    return film * (0.7 + 0.3 * np.exp(-4 * (x - 3 * u[..., 0] + 1.5) ** 2))[..., None]


def cover(film, alpha, colour, left, top):
    """Lays patches over the frames, each at its own corner."""
    n, size = film.shape[0], film.shape[1:3]
    h, w = alpha.shape[1:]
    for i in range(n):
        y0, x0 = max(top[i], 0), max(left[i], 0)
        y1, x1 = min(top[i] + h, size[0]), min(left[i] + w, size[1])
        if y0 >= y1 or x0 >= x1:
            continue
        cut_ = np.s_[i, y0 - top[i]:y1 - top[i], x0 - left[i]:x1 - left[i]]
        a = alpha[cut_][..., None]
        film[i, y0:y1, x0:x1] += a * (colour[cut_] - film[i, y0:y1, x0:x1])


def paint(scene, size=SIZE, frames=None):
    """Frames [n, size, size, 3] of f32 between 0 and 255; `frames` are frame numbers, all of them if None."""
    n = np.arange(FRAMES) if frames is None else np.asarray(frames)
    u = n / (FRAMES - 1)
    c = (np.arange(size) + 0.5) * 2 / size - 1
    ox, oy, zoom = camera(scene["camera"], u)
    moved = scene["camera"] != "fixed" or GROUNDS[scene["ground"]][0] == "waves"
    if moved:
        gx = (c[None, None, :] / zoom[:, None, None] + ox[:, None, None])
        gy = (c[None, :, None] / zoom[:, None, None] + oy[:, None, None])
        film = np.array(paint_ground(scene["ground"], gx, gy, u[:, None, None], scene["phase"]), np.float32)
    else:
        one = paint_ground(scene["ground"], c[None, None, :], c[None, :, None], np.zeros((1, 1, 1)), scene["phase"])
        film = np.repeat(np.array(one, np.float32), len(n), 0)

    for i, t in reversed(list(enumerate(scene["things"]))):
        x, y, s, turn = path(t, scene["place"] if i == 0 else "right", u)
        x, y, s = (x - ox) * zoom, (y - oy) * zoom, s * zoom
        reach = int(np.ceil(s.max() * 1.25 * size / 2)) + 1
        px, py = (x + 1) * size / 2, (y + 1) * size / 2
        left, top = np.floor(px).astype(int) - reach, np.floor(py).astype(int) - reach
        k = np.arange(2 * reach + 1) + 0.5
        qx = ((left - px)[:, None, None] + k[None, None, :]) * (2 / size) / s[:, None, None]
        qy = ((top - py)[:, None, None] + k[None, :, None]) * (2 / size) / s[:, None, None]
        ct, st = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
        qx, qy = (ct * qx + st * qy).astype(np.float32), (ct * qy - st * qx).astype(np.float32)
        d = SHAPES[t["shape"]](qx, qy)
        pixel = (2 / size / s)[:, None, None].astype(np.float32)
        cover(film, np.clip(0.5 - d / pixel, 0, 1), paint_surface(t, qx, qy, d, pixel), left, top)
        if t["motion"] == "behind":
            bar = np.clip((0.2 - np.abs(c)) / (2 / size) + 0.5, 0, 1)[None, None, :, None]
            film += bar * (np.array(POST, np.float32) - film)

    if scene["light"] != "even":
        film = light(film, scene["light"], c[None, None, :], c[None, :, None], u[:, None, None, None])
    return film


# ---- words ----------------------------------------------------------------------------------------------------------

WORDS = {
    "circle": ("circle", "disc", "disk", "round shape"), "square": ("square", "square block"),
    "triangle": ("triangle",), "star": ("star", "five pointed star"), "ring": ("ring", "hoop", "donut"),
    "heart": ("heart",), "cross": ("cross", "plus sign"), "diamond": ("diamond", "rhombus"),
    "moon": ("moon", "crescent"), "oval": ("oval", "ellipse"), "pill": ("pill", "capsule"),
    "drop": ("drop", "water drop"), "gear": ("gear", "cog wheel"), "bolt": ("bolt", "lightning bolt"),
    "tree": ("tree", "fir tree"), "boat": ("boat", "sailing boat"), "bowl": ("bowl",), "crown": ("crown",),
    "red": ("red", "bright red", "scarlet"), "orange": ("orange",), "yellow": ("yellow", "bright yellow"),
    "green": ("green",), "blue": ("blue", "deep blue"), "purple": ("purple", "violet"), "pink": ("pink", "rose pink"),
    "white": ("white",), "black": ("black",), "gray": ("gray", "grey"), "brown": ("brown",),
    "cyan": ("cyan", "turquoise"),
    "small": ("small", "little", "tiny"), "medium": ("", "medium sized"), "big": ("big", "large", "huge"),
    "plain": ("",), "striped": ("striped", "stripy"), "dotted": ("dotted", "spotted"),
    "checked": ("checked", "checkered"),
    "shaded": ("shaded",), "outlined": ("outlined",),
}
VERBS = {
    "still": ("stands still", "does not move", "rests", "stays where it is", "sits quietly"),
    "right": ("moves to the right", "drifts to the right", "slides from left to right", "travels right",
              "glides to the right"),
    "left": ("moves to the left", "drifts to the left", "slides from right to left", "travels left",
             "glides to the left"),
    "rise": ("rises", "moves up", "floats upwards", "goes up", "climbs upwards"),
    "fall": ("falls", "moves down", "sinks downwards", "drops down", "goes down"),
    "bounce": ("bounces", "bounces up and down", "jumps up and down", "hops twice"),
    "orbit": ("moves in a circle", "circles around", "goes round and round", "orbits the middle"),
    "spin": ("spins", "turns around itself", "rotates", "spins on the spot"),
    "grow": ("grows", "gets bigger", "becomes larger", "swells", "expands"),
    "shrink": ("shrinks", "gets smaller", "becomes smaller", "dwindles"),
    "swing": ("swings", "swings like a pendulum", "sways from side to side"),
    "pulse": ("pulses", "pulsates", "beats"), "zigzag": ("moves in a zigzag", "zigzags to the right"),
    "behind": ("passes behind a post", "moves behind a pillar", "goes past behind a post"),
}
GROUND_WORDS = {
    "sunset": ("in front of a sunset", "against a sunset sky", "at sunset"), "sky": ("in a blue sky", "before the sky"),
    "night": ("in a starry night", "in front of the night sky", "under stars"),
    "meadow": ("over a green meadow", "in a meadow", "above a meadow under a clear sky"),
    "sea": ("above the sea", "over the waves of the sea"), "desert": ("in a desert", "over desert sand"),
    "room": ("in a room", "in a room with a wooden floor"), "stripes": ("in front of stripes", "on striped paper"),
    "checkers": ("on a checkered wall", "on checks"), "dots": ("on dotted paper", "before a dotted wall"),
    "snow": ("in the snow", "over a snowy field"), "grid": ("on a dark grid", "in front of a grid"),
}
PLAIN_WORDS = ("on a {} background", "against a {} background", "in front of a {} wall", "on {}", "over plain {}",
               "before a {} backdrop")
PLACE_WORDS = {"left": ("on the left", "at the left side"), "right": ("on the right", "at the right side"),
               "top": ("at the top", "near the top"), "bottom": ("at the bottom", "near the bottom")}
LIGHT_WORDS = {"dim": ("in dim light", "in the dark"),
               "sweep": ("while a beam of light passes", "under a passing light"),
               "lamp": ("in the light of a lamp", "lit in the middle"), "flicker": ("in flickering light",),
               "dawn": ("while it gets brighter", "as the light comes up")}
CAMERA_WORDS = {"in": ("the camera zooms in", "zooming in"), "out": ("the camera zooms out", "zooming out"),
                "pan right": ("the camera pans right", "panning to the right"),
                "pan left": ("the camera pans left", "panning to the left"),
                "tilt": ("the camera tilts up", "tilting up"), "shake": ("the camera shakes", "shaky camera")}
OPENINGS = ("", "", "", "a film of ", "a video of ", "an animation of ", "a clip of ", "here is ", "we see ",
            "a short film of ")
FORMS = ("{a} {noun} {verb} {place} {ground} {light}", "{a} {noun} that {verb} {place} {ground} {light}",
         "{ground}, {a} {noun} {verb} {place} {light}", "{a} {noun} {place} {ground} {verb} {light}",
         "{light}, {a} {noun} {verb} {place} {ground}")


def word(rng, choices):
    return choices[rng.integers(len(choices))]


def noun(rng, t):
    size, shape = word(rng, WORDS[t["size"]]), word(rng, WORDS.get(t["shape"], (t["shape"],)))
    colour, surface = word(rng, WORDS[t["colour"]]), word(rng, WORDS[t["surface"]])
    order = (size, surface, colour, shape) if rng.uniform() < 0.8 else (size, colour, surface, shape)
    return " ".join(w for w in order if w)


def caption(scene, rng):
    """One of many sentences for a scene."""
    t = scene["things"][0]
    g = scene["ground"]
    ground = word(rng, GROUND_WORDS[g]) if g in GROUND_WORDS else word(rng, PLAIN_WORDS).format(g)
    lit = word(rng, LIGHT_WORDS[scene["light"]]) if scene["light"] in LIGHT_WORDS else ""
    moving = t["motion"] in ("right", "left", "rise", "fall", "bounce", "orbit", "zigzag", "behind", "swing")
    place = word(rng, PLACE_WORDS[scene["place"]]) if scene["place"] in PLACE_WORDS and not moving else ""
    name, form = noun(rng, t), word(rng, FORMS)
    opening = word(rng, OPENINGS)
    if form[1] != "a":
        opening = ""
    a = "the" if rng.uniform() < 0.15 else "an" if name[0] in "aeiou" else "a"
    if len(scene["things"]) > 1:
        place += " beside a " + noun(rng, scene["things"][1])
    text = form.format(a=a, noun=name, verb=word(rng, VERBS[t["motion"]]), place=place, ground=ground, light=lit)
    text = " ".join((opening + text).split()).replace(" ,", ",").strip(", ")
    if scene["camera"] in CAMERA_WORDS:
        text += ", " + word(rng, CAMERA_WORDS[scene["camera"]])
    if rng.uniform() < 0.7:
        text = text[0].upper() + text[1:]
    if rng.uniform() < 0.4:
        text += "."
    return text


def wordings():
    """Captions of one thing without place, light or camera, told by one form without opening, dot or capital."""
    def of(names):
        return sum(len(WORDS.get(n, (n,))) for n in names)

    grounds = sum(len(GROUND_WORDS.get(g, PLAIN_WORDS)) for g in GROUNDS)
    return of(SHAPES) * of(COLOURS) * of(SIZES) * of(SURFACES) * sum(map(len, VERBS.values())) * grounds


def main():
    if sys.argv[1] == "count":
        print(wordings())
        return
    if sys.argv[1] == "prompts":
        count, kind, world = sys.argv[2:5]
        rng = np.random.default_rng(PROMPTS_SEED)
        print("\n".join(caption(draw(rng, world, kind), rng) for _ in range(int(count))))
        return
    rng = np.random.default_rng(int(sys.argv[1]))
    scene = draw(rng, "full")
    print(caption(scene, rng))
    y4m.write(sys.argv[2], paint(scene))


if __name__ == "__main__":
    main()
