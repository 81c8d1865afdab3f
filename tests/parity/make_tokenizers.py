"""Makes two small tokenizers of the published kinds and the ids that the tokenizers library gives for many prompts.

Text comes from fixtures/source.json: a corpus to learn merges from, and prompts. More prompts are drawn from code
points that were assigned in Unicode 3.2, so that no two Unicode tables can disagree about them.
"""

import json
import os
import random
import unicodedata
from collections import Counter

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

LLAMA_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                 r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
LLAMA_MERGES, CLIP_MERGES = 330, 90
LLAMA_SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|start_header_id|>",
                 "<|end_header_id|>", "<|eot_id|>", "<unk>", "<image>", "<pad>"]
CLIP_SPECIAL = ["<|startoftext|>", "<|endoftext|>"]


def byte_chars():
    """The printable stand-in for each byte, in the order in which the published vocabularies number them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


CHARS = byte_chars()


def spell(text):
    return "".join(CHARS[b] for b in text.encode())


def pieces(lines, pattern, keep, normalizer=None):
    split = pre_tokenizers.Split(Regex(pattern), "isolated" if keep else "removed", invert=not keep)
    for line in lines:
        if normalizer:
            line = normalizer.normalize_str(line)
        for piece, _ in split.pre_tokenize_str(line):
            yield piece


def learn(words, count):
    """Byte pair merges by frequency, the smaller pair first where two are equally frequent."""
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        merged = Counter()
        for word, times in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    out.append(word[i] + word[i + 1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            merged[tuple(out)] += times
        words = merged
    return merges


def number(tokens):
    vocab = {}
    for t in tokens:
        vocab.setdefault(t, len(vocab))
    return vocab


def added(special, first, normalized=False):
    return [{"id": first + i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": normalized, "special": True} for i, s in enumerate(special)]


def byte_level(use_regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def shell(**parts):
    return {"version": "1.0", "truncation": None, "padding": None, **parts}


def llama(source):
    words = Counter(tuple(spell(p)) for p in pieces(source["corpus"], LLAMA_PATTERN, True))
    merges = learn(words, LLAMA_MERGES)
    # Whole words that no merge leads to: only ignore_merges finds them.
    whole = [spell(w) for w in source["whole_words"]]
    vocab = number([*CHARS.values(), *(a + b for a, b in merges), *whole])
    bos = LLAMA_SPECIAL[0]
    return shell(
        added_tokens=added(LLAMA_SPECIAL, len(vocab)), normalizer=None,
        pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": LLAMA_PATTERN}, "behavior": "Isolated", "invert": False},
            byte_level(False)]},
        post_processor={"type": "Sequence", "processors": [byte_level(True), {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": bos, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {bos: {"id": bos, "ids": [len(vocab)], "tokens": [bos]}}}]},
        decoder=byte_level(True),
        model={"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
               "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
               "vocab": vocab, "merges": [list(m) for m in merges]})


def clip(source):
    clean = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = Counter()
    for piece in pieces(source["corpus"], CLIP_PATTERN, False, clean):
        letters = list(spell(piece))
        words[(*letters[:-1], letters[-1] + "</w>")] += 1
    merges = learn(words, CLIP_MERGES)
    vocab = number([*CHARS.values(), *(c + "</w>" for c in CHARS.values()), *(a + b for a, b in merges),
                    *CLIP_SPECIAL])
    start, end = (vocab[s] for s in CLIP_SPECIAL)
    return shell(
        added_tokens=added(CLIP_SPECIAL[:1], start, True) + added(CLIP_SPECIAL[1:], end),
        normalizer={"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": CLIP_PATTERN}, "behavior": "Removed", "invert": True},
            byte_level(True)]},
        post_processor={"type": "RobertaProcessing", "sep": [CLIP_SPECIAL[1], end], "cls": [CLIP_SPECIAL[0], start],
                        "trim_offsets": False, "add_prefix_space": False},
        decoder=byte_level(True),
        model={"type": "BPE", "dropout": None, "unk_token": CLIP_SPECIAL[1], "continuing_subword_prefix": "",
               "end_of_word_suffix": "</w>", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
               "vocab": vocab, "merges": [f"{a} {b}" for a, b in merges]})


def drawn_prompts(count):
    """Strings of random old code points, of four kinds: anything, letters and marks, spaces and ends, ASCII."""
    old = unicodedata.ucd_3_2_0
    known = [chr(c) for c in range(0x30000) if old.category(chr(c)) not in ("Cn", "Cs", "Co")]
    kinds = [known, [c for c in known if c.isalpha() and not 0x3400 <= ord(c) < 0xd7a4] +
             4 * [c for c in known if old.category(c) in ("Mn", "Mc")],
             [c for c in known if c.isspace() and not 0x1c <= ord(c) <= 0x1f] * 3 + list("aB3'.!\u00e9\u6f22"),
             [chr(c) for c in range(32, 127)]]
    rng = random.Random(1)
    return ["".join(rng.choice(kinds[i % 4]) for _ in range(rng.randint(1, 24))) for i in range(count)]


def dump(path, value, **how):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        json.dump(value, f, **how)
        f.write("\n")


def make(out):
    """Writes the tokenizers and the prompts below out; returns the numbers of ids of LLaMA's and CLIP's kind."""
    with open(os.path.join(out, "source.json"), encoding="ascii") as f:
        source = json.load(f)
    kinds = {"llama": llama(source), "clip": clip(source)}
    for name, value in kinds.items():
        dump(os.path.join(out, f"tokenizer/{name}/tokenizer.json"), value, ensure_ascii=name == "clip", indent=1)

    dump(os.path.join(out, "pipe/tokenizer/tokenizer.json"), kinds["llama"], ensure_ascii=False)
    dump(os.path.join(out, "pipe/tokenizer/tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>",
        "pad_token": "<pad>", "padding_side": "right"}, indent=1)
    model = kinds["clip"]["model"]
    dump(os.path.join(out, "pipe/tokenizer_2/vocab.json"), model["vocab"], ensure_ascii=False)
    dump(os.path.join(out, "pipe/tokenizer_2/tokenizer_config.json"), {
        "tokenizer_class": "CLIPTokenizer", "bos_token": CLIP_SPECIAL[0], "eos_token": CLIP_SPECIAL[1],
        "pad_token": CLIP_SPECIAL[1], "unk_token": CLIP_SPECIAL[1], "model_max_length": 77}, indent=1)
    with open(os.path.join(out, "pipe/tokenizer_2/merges.txt"), "w", encoding="utf-8", newline="\n") as f:
        f.write("#version: 0.2\n" + "".join(m + "\n" for m in model["merges"]))

    read = {name: Tokenizer.from_file(os.path.join(out, f"tokenizer/{name}/tokenizer.json")) for name in kinds}
    prompts = list(dict.fromkeys(source["prompts"] + drawn_prompts(120)))
    dump(os.path.join(out, "tokenizer/prompts.json"),
         [{"text": p, **{name: t.encode(p).ids for name, t in read.items()}} for p in prompts])
    return tuple(read[name].get_vocab_size() for name in kinds)
