#!/usr/bin/env python3
"""Writes an assembler file that holds compiled kernels: embed.py OUT.S FILE.fatbin..."""
import hashlib
import pathlib
import sys

out, *images = map(pathlib.Path, sys.argv[1:])
text = ["\t.section .rodata"]
for image in images:
    symbol = "zk_cuda_image_" + image.name.split(".")[0]
    digest = hashlib.sha256(image.read_bytes()).hexdigest()     # another content, another text
    text += [f"/* {digest} */", "\t.balign 64", f"\t.globl {symbol}", f"\t.hidden {symbol}",
             f"\t.type {symbol}, %object", f"{symbol}:", f'\t.incbin "{image.resolve()}"']
text += ['\t.section .note.GNU-stack,"",%progbits', ""]
out.write_text("\n".join(text))
