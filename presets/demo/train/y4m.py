"""Films as Y4M of 8 bits without subsampling: BT.709, limited range, as zoetrope writes them."""

import numpy as np

KR, KG, KB = 0.2126, 0.7152, 0.0722


def planes(film):
    """Y'CbCr [n, 3, h, w] of RGB [n, h, w, 3] between 0 and 255."""
    f = np.clip(film, 0, 255) / 255
    y = f @ np.array((KR, KG, KB))
    p = np.stack([16 + 219 * y, 128 + 112 * (f[..., 2] - y) / (1 - KB), 128 + 112 * (f[..., 0] - y) / (1 - KR)], 1)
    return np.clip(np.rint(p), 0, 255).astype(np.uint8)


def colours(p):
    """The way back."""
    p = p.astype(np.float64)
    y, b, r = (p[:, 0] - 16) / 219, (p[:, 1] - 128) / 112 * (1 - KB), (p[:, 2] - 128) / 112 * (1 - KR)
    return 255 * np.clip(np.stack([y + r, y - (KR * r + KB * b) / KG, y + b], -1), 0, 1)


def write(path, film, rate=12):
    with open(path, "wb") as out:
        out.write(b"YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C444\n" % (film.shape[2], film.shape[1], rate))
        for frame in planes(film):
            out.write(b"FRAME\n" + frame.tobytes())


def read(path):
    """The planes of a film."""
    with open(path, "rb") as f:
        words = f.readline().split()
        if words[0] != b"YUV4MPEG2" or not any(w.startswith(b"C444") for w in words):
            raise ValueError(f"{path} begins with {words}, a film without subsampling is expected")
        size = {w[:1]: int(w[1:]) for w in words if w[:1] in b"WH"}
        w, h, out = size[b"W"], size[b"H"], []
        while f.readline():
            out.append(np.frombuffer(f.read(3 * w * h), np.uint8).reshape(3, h, w))
    return np.stack(out)
