"""Token ids of ASCII captions, as the two tokenizer.json of the model give them, in plain Python."""

import json
import os
import re

TEMPLATE = ("<|start_header_id|>system<|end_header_id|>\n\nDescribe the video by detailing the following aspects: "
            "1. The main content and theme of the video."
            "2. The color, shape, size, texture, quantity, text, and spatial relationships of the objects."
            "3. Actions, events, behaviors temporal relationships, physical movement changes of the objects."
            "4. background environment, light, style and atmosphere."
            "5. camera angles, movements, and transitions used in the video:<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>")
SPECIAL = re.compile(r"(<\|\w+\|>)")
LLAMA = re.compile(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\na-zA-Z0-9]?[a-zA-Z]+|[0-9]{1,3}| ?[^\sa-zA-Z0-9]+[\r\n]*"
                   r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+")
SPACES = str.maketrans({" ": "\u0120", "\n": "\u010a"})


def to_ascii(path):
    """Rewrites a JSON file with escapes in place of everything that is not ASCII."""
    with open(path, encoding="utf-8") as f:
        value = json.load(f)
    with open(path, "w", encoding="ascii", newline="\n") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")


class Bpe:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            tokenizer = json.load(f)
        model = tokenizer["model"]
        self.vocab, self.whole = model["vocab"], model["ignore_merges"]
        merges = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
        self.rank = {tuple(m): i for i, m in enumerate(merges)}
        self.special = {a["content"]: a["id"] for a in tokenizer["added_tokens"]}
        self.end = model["end_of_word_suffix"] or ""
        self.known = {}

    def size(self):
        return max([*self.vocab.values(), *self.special.values()]) + 1

    def word(self, text):
        if text in self.known:
            return self.known[text]
        w = text.translate(SPACES)
        if self.whole and w in self.vocab:
            ids = [self.vocab[w]]
        else:
            parts = [*w[:-1], w[-1] + self.end]
            while len(parts) > 1:
                best = min(range(len(parts) - 1),
                           key=lambda i: self.rank.get((parts[i], parts[i + 1]), 1 << 30))
                if (parts[best], parts[best + 1]) not in self.rank:
                    break
                parts[best:best + 2] = [parts[best] + parts[best + 1]]
            ids = [self.vocab[p] for p in parts]
        self.known[text] = ids
        return ids


class Words:
    """Called with a caption: the ids of the LLaMA kind with the template around it, and those of the CLIP kind."""

    def __init__(self, model):
        self.llama = Bpe(os.path.join(model, "tokenizer/tokenizer.json"))
        self.clip = Bpe(os.path.join(model, "tokenizer_2/tokenizer.json"))
        self.sizes = self.llama.size(), self.clip.size()
        head, tail = TEMPLATE.split("{}")
        self.head, self.tail = self.ids(head), self.ids(tail)
        self.head.insert(0, self.llama.special["<|begin_of_text|>"])
        self.crop = len(self.head)

    def ids(self, text):
        out = []
        for part in SPECIAL.split(text):
            if part in self.llama.special:
                out.append(self.llama.special[part])
            else:
                out += [i for p in LLAMA.findall(part) for i in self.llama.word(p)]
        return out

    def __call__(self, caption):
        # Nothing of a caption that starts with a letter merges with the template's end.
        clip = [i for p in CLIP.findall(caption.lower()) for i in self.clip.word(p)]
        return (self.head + self.ids(caption) + self.tail,
                [self.clip.special["<|startoftext|>"], *clip[:75], self.clip.special["<|endoftext|>"]])
