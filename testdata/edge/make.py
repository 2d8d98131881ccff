#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the edge cases, the same bytes every time.    make.py [FOLDER]    (default: beside this
script)"""
import pathlib
import sys

out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
out.mkdir(parents=True, exist_ok=True)


def noise(seed, n):
    """xorshift32, a byte a step: not the standard library's generator, so that no version of it
    matters."""
    x, b = seed, bytearray()
    for _ in range(n):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        b.append(x >> 24)
    return bytes(b)


blocks = [noise(100 + i, 512) for i in range(8)]
base = noise(7, 4096)
words = [((i * i) // 3).to_bytes(4, "little") for i in range(1024)]

files = {
    "empty.bin": b"",
    "one-byte.bin": b"\x5a",
    "zeros-4k.bin": bytes(4096),
    "erased-4k.bin": b"\xff" * 4096,
    "random-4k.bin": noise(1, 4096),
    "repetitive.bin": b"abc" * 1365,  # period 3, and no power of two in length
    "sorted.bin": b"".join(words),  # little-endian numbers, growing
    "counting.bin": b"".join(i.to_bytes(2, "big") for i in range(2048)),
    "reordered-old.bin": b"".join(blocks),
    "reordered-new.bin": b"".join(blocks[i] for i in (5, 0, 7, 2, 4, 1, 6, 3)),
    "inserted-old.bin": base,
    "inserted-new.bin": base[:16] + b"eleven more" + base[16:],
    "flipped-new.bin": bytes(b ^ (0x80 if i % 997 == 500 else 0) for i, b in enumerate(base)),
     # against inserted-old.bin
}
for name, data in files.items():
    (out / name).write_bytes(data)
