"""Sizes, seeds and lengths of the two recipes: `cpu` makes the model that ships, `gpu` a better one.

The networks are the same in both; a stage ends after its steps or its minutes, whatever is first.
"""

SEED = 1

VAE = {"channels": (16, 16, 32, 64), "layers": 1, "groups": 2}
LLAMA = {"width": 128, "layers": 1, "heads": 2, "groups": 1, "ffn": 192}
CLIP = {"width": 128, "layers": 2, "heads": 2, "ffn": 192}
TRANSFORMER = {"heads": 2, "double": 1, "single": 5, "refiner": 1}

RECIPES = {
    "cpu": {
        "world": "narrow",
        "words": {"steps": 1500},
        # (frames, size, films a step, share of the minutes)
        "vae": {"minutes": 60, "steps": 20000, "lr": 0.006, "adam": 0.002, "noise": 0.06,
                # Whole films at last: the attention in the middle sees all frames before.
                "phases": ((9, 64, 2, 0.52), (9, 128, 1, 0.23), (33, 64, 1, 0.11), (33, 128, 1, 0.14))},
        # Films of half the size first: their tokens lie two apart, where those of the whole size will be.
        # window: films, latent frames, and tokens a side around the thing, in every other step.
        "film": {"minutes": 262, "fill": 800, "capacity": 12000, "fresh": 0.1, "lr": 0.012, "adam": 0.0015,
                 "average": 300, "stages": ({"size": 64, "batch": 32, "share": 0.15, "shift": 2.0},
                                            {"size": 128, "batch": 8, "share": 0.795, "shift": 4.0,
                                             "window": (64, 3, 5)},
                                            {"size": 128, "batch": 8, "share": 0.055, "shift": 4.0,
                                             "window": (64, 3, 5), "distil": True})},
    },
    "gpu": {
        "world": "full",
        "words": {"steps": 4000},
        "vae": {"minutes": 8, "steps": 20000, "lr": 0.01, "adam": 0.002, "noise": 0.03,
                "phases": ((9, 64, 48, 0.5), (17, 128, 16, 0.3), (33, 128, 8, 0.2))},
        "film": {"minutes": 17, "fill": 6000, "capacity": 200000, "fresh": 0.0, "lr": 0.015, "adam": 0.001,
                 "average": 2000, "stages": ({"size": 64, "batch": 512, "share": 0.25, "shift": 2.0},
                                             {"size": 128, "batch": 256, "share": 0.6, "shift": 4.0,
                                              "window": (2048, 3, 5)},
                                             {"size": 128, "batch": 128, "share": 0.15, "shift": 4.0,
                                              "window": (2048, 3, 5), "distil": True})},
    },
    # Every stage for a moment, to see that all of it runs.
    "try": {
        "world": "narrow",
        "words": {"steps": 20},
        "vae": {"minutes": 0.4, "steps": 8, "phases": ((5, 32, 1, 0.5), (9, 32, 1, 0.5)), "lr": 0.02, "adam": 0.002,
                "noise": 0.03},
        "film": {"minutes": 1.2, "fill": 16, "capacity": 64, "fresh": 0.2, "lr": 0.02, "adam": 0.001, "average": 10,
                 "stages": ({"size": 64, "batch": 2, "share": 0.4, "shift": 2.0},
                            {"size": 128, "batch": 1, "share": 0.3, "shift": 3.0, "window": (2, 3, 5)},
                            {"size": 128, "batch": 1, "share": 0.3, "shift": 3.0, "window": (2, 3, 5),
                              "distil": True})},
    },
}
