"""Outlines as signed distances: negative inside, positive outside, about a unit circle in size; y points down."""

import numpy as np


def polygon(*points):
    p = np.array(points, np.float32)

    def distance(x, y):
        best, sign = np.full(x.shape, 1e9, np.float32), np.ones(x.shape, np.float32)
        for (ax, ay), (bx, by) in zip(p, np.roll(p, 1, 0)):
            ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
            h = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
            best = np.minimum(best, (wx - ex * h) ** 2 + (wy - ey * h) ** 2)
            crossed = ((y >= ay) != (y >= by)) & ((ex * wy > ey * wx) == (ey > 0))
            sign = np.where(crossed, -sign, sign)
        return sign * np.sqrt(best)
    return distance


def regular(sides, turn=0.0):
    a = np.arange(sides) * 2 * np.pi / sides - np.pi / 2 + turn
    return polygon(*np.stack([np.cos(a), np.sin(a)], 1))


def star(points, inner):
    a = np.arange(2 * points) * np.pi / points - np.pi / 2
    r = np.where(np.arange(2 * points) % 2, inner, 1.05)
    return polygon(*np.stack([r * np.cos(a), r * np.sin(a)], 1))


def circle(r=1.0, cx=0.0, cy=0.0):
    return lambda x, y: np.hypot(x - cx, y - cy) - r


def box(w, h, cx=0.0, cy=0.0, corner=0.0):
    def distance(x, y):
        qx, qy = np.abs(x - cx) - w + corner, np.abs(y - cy) - h + corner
        return np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - corner
    return distance


def oval(w, h, cx=0.0, cy=0.0):
    return lambda x, y: (np.hypot((x - cx) / w, (y - cy) / h) - 1) * min(w, h)


def join(*parts):
    return lambda x, y: np.minimum.reduce([p(x, y) for p in parts])


def cut(a, b):
    return lambda x, y: np.maximum(a(x, y), -b(x, y))


def both(a, b):
    return lambda x, y: np.maximum(a(x, y), b(x, y))


def heart(x, y):
    x, y = np.abs(x) * 0.62, (0.86 - y) * 0.62
    upper = np.hypot(x - 0.25, y - 0.75) - 0.3535534
    m = 0.5 * np.maximum(x + y, 0)
    lower = np.sqrt(np.minimum(x ** 2 + (y - 1) ** 2, (x - m) ** 2 + (y - m) ** 2)) * np.sign(x - y)
    return np.where(x + y > 1, upper, lower) / 0.62


def petals(count, depth):
    def distance(x, y):
        return 0.8 * (np.hypot(x, y) - (0.78 + depth * np.cos(count * (np.arctan2(y, x) + np.pi / 2))))
    return distance


def gear(x, y):
    teeth = np.clip(3 * np.cos(8 * np.arctan2(y, x)), -1, 1)
    r = np.hypot(x, y)
    return np.maximum(0.85 * (r - 0.86 - 0.14 * teeth), 0.3 - r)


SHAPES = {
    "circle": circle(0.95), "square": box(0.82, 0.82), "triangle": polygon((0, -1), (0.98, 0.75), (-0.98, 0.75)),
    "star": star(5, 0.45), "ring": cut(circle(1.0), circle(0.52)), "heart": heart,
    "cross": join(box(0.95, 0.33), box(0.33, 0.95)), "diamond": polygon((0, -1.05), (0.72, 0), (0, 1.05), (-0.72, 0)),
    "moon": cut(circle(0.98), circle(0.8, 0.5, -0.2)), "hexagon": regular(6), "pentagon": regular(5),
    "octagon": regular(8, np.pi / 8), "oval": oval(1.05, 0.66), "pill": box(1.05, 0.45, corner=0.45),
    "arrow": polygon((1.05, 0), (0.2, -0.85), (0.2, -0.32), (-1, -0.32), (-1, 0.32), (0.2, 0.32), (0.2, 0.85)),
    "drop": join(circle(0.66, 0, 0.34), polygon((0, -1.1), (0.61, 0.1), (-0.61, 0.1))),
    "flower": petals(6, 0.22), "clover": petals(4, 0.24), "gear": gear,
    "cloud": join(circle(0.48, -0.5, 0.2), circle(0.62, 0.02, -0.1), circle(0.45, 0.58, 0.22), box(0.6, 0.25, 0, 0.42)),
    "house": polygon((0, -1), (0.95, -0.15), (0.72, -0.15), (0.72, 0.85), (-0.72, 0.85), (-0.72, -0.15),
                     (-0.95, -0.15)),
    "tree": join(box(0.16, 0.4, 0, 0.65), polygon((0, -1.05), (0.75, 0.4), (-0.75, 0.4))),
    "fish": join(oval(0.72, 0.48, 0.2), polygon((-0.3, 0), (-1, -0.55), (-1, 0.55))),
    "bolt": polygon((0.25, -1.05), (-0.6, 0.15), (-0.05, 0.15), (-0.3, 1.05), (0.6, -0.25), (0.05, -0.25)),
    "mushroom": join(box(0.26, 0.5, 0, 0.4, 0.15), both(circle(0.95, 0, 0.05), box(1, 0.5, 0, -0.45))),
    "leaf": both(circle(1.15, 0.62), circle(1.15, -0.62)), "bowl": both(circle(1.0, 0, -0.35), box(1.1, 0.7, 0, 0.35)),
    "hourglass": polygon((-0.75, -0.95), (0.75, -0.95), (0.14, 0), (0.75, 0.95), (-0.75, 0.95), (-0.14, 0)),
    "boat": join(polygon((-1, 0.3), (1, 0.3), (0.6, 0.8), (-0.6, 0.8)), polygon((0.02, -1), (0.7, 0.18), (0.02, 0.18)),
                 polygon((-0.1, -0.75), (-0.1, 0.18), (-0.6, 0.18))),
    "balloon": join(oval(0.7, 0.82, 0, -0.22), polygon((0, 0.5), (0.2, 0.8), (-0.2, 0.8)), box(0.035, 0.2, 0, 0.9)),
    "crown": polygon((-0.9, -0.65), (-0.45, -0.05), (0, -0.8), (0.45, -0.05), (0.9, -0.65), (0.8, 0.7), (-0.8, 0.7)),
    "butterfly": join(oval(0.5, 0.42, -0.5, -0.32), oval(0.5, 0.42, 0.5, -0.32), oval(0.36, 0.34, -0.4, 0.42),
                      oval(0.36, 0.34, 0.4, 0.42), box(0.1, 0.75, 0, 0, 0.1)),
}

# What a turn cannot be seen on.
ROUND = {"circle", "ring"}
