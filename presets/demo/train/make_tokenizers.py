"""Makes the tokenizers of the model from captions of the world, as tokenizer.json of the published kinds.

    python3 make_tokenizers.py [MODEL FOLDER]

Every word of the prompt template and of the grammar is one token of LLaMA's kind, so that the template is as long as
with the published vocabulary and no pipeline has to be told. Needs the tokenizers library; training does not.
"""

import os
import sys

import numpy as np

import world
from words import Words, TEMPLATE, to_ascii

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "tests", "parity"))
import make_tokenizers as kinds     # noqa: E402

PUBLISHED_CROP = 95


def corpus():
    rng = np.random.default_rng(0)
    return [world.caption(world.draw(rng, "full"), rng) for _ in range(12000)]


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "model")
    lines = corpus()
    # The template without its special tokens, and captions as they stand in it and alone.
    plain = [p for p in TEMPLATE.replace("<|", "\0").replace("|>", "\0").split("\0")]
    kinds.LLAMA_MERGES, kinds.CLIP_MERGES = 300, 400
    words = [*plain, *lines, *(" " + line for line in lines)]
    whole = list(dict.fromkeys(p for w in words for p in kinds.pieces([w], kinds.LLAMA_PATTERN, True)))
    llama = kinds.llama({"corpus": lines, "whole_words": whole})
    clip = kinds.clip({"corpus": lines})
    for name, value in (("tokenizer", llama), ("tokenizer_2", clip)):
        kinds.dump(os.path.join(out, name, "tokenizer.json"), value, ensure_ascii=True, separators=(",", ":"))
    kinds.dump(os.path.join(out, "tokenizer/tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>",
        "pad_token": "<pad>", "padding_side": "right"}, indent=1)
    kinds.dump(os.path.join(out, "tokenizer_2/tokenizer_config.json"), {
        "tokenizer_class": "CLIPTokenizer", "bos_token": kinds.CLIP_SPECIAL[0], "eos_token": kinds.CLIP_SPECIAL[1],
        "pad_token": kinds.CLIP_SPECIAL[1], "unk_token": kinds.CLIP_SPECIAL[1], "model_max_length": 77}, indent=1)
    for name in ("tokenizer", "tokenizer_2"):
        to_ascii(os.path.join(out, name, "tokenizer.json"))

    mine = Words(out)
    published = [kinds.Tokenizer.from_file(os.path.join(out, name, "tokenizer.json"))
                 for name in ("tokenizer", "tokenizer_2")]
    for line in ["", *lines[:3000]]:
        for got, want in zip(mine(line), (published[0].encode(TEMPLATE.format(line)).ids,
                                          published[1].encode(line).ids)):
            if got != want:
                sys.exit(f"{line!r}: {got}, the tokenizers library has {want}")
    print(f"{mine.sizes} tokens, {mine.crop} before the prompt, {len(set(lines))} of {len(lines)} captions differ, "
          f"at most {max(len(mine(s)[0]) for s in lines) - mine.crop} tokens each")
    if mine.crop != PUBLISHED_CROP:
        sys.exit(f"the template has {mine.crop} tokens, the published one {PUBLISHED_CROP}")


if __name__ == "__main__":
    main()
