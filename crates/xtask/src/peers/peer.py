# SPDX-License-Identifier: MIT OR Apache-2.0
"""Peers that are Python packages, one call per process, so that `cargo xtask peers` can measure
their memory.

    peer.py make  KIND OLD NEW PATCH
    peer.py apply KIND OLD PATCH NEW

Prints the seconds that the call itself took: starting Python and reading files is not the peer's
doing. Each peer gets its best setting; those for small devices, the best that 16 KiB of RAM allow.
"""
import sys
import time


def hdiffpatch(kind):
    import hdiffpatch as h

    if kind.startswith("lite-"):
        config = {
            "lite-tuz": lambda: h.TuzConfig(dict_size=15000),
            "lite-tamp": lambda: h.TampConfig(window=13),
            "lite-lzma": lambda: h.LzmaConfig(level=9, window=23),
        }[kind]()
        return lambda old, new: h.diff_lite(old, new, compression=config), h.apply_lite
    config = {
        "lzma2": lambda: h.Lzma2Config(level=9, window=24),
        "brotli": lambda: h.BrotliConfig(level=11),
        "zstd": lambda: h.ZStdConfig(level=22),
    }[kind]()
    return lambda old, new: h.diff(old, new, compression=config), h.apply


def detools(kind):
    import io

    import detools as d

    options = {
        "heatshrink": dict(compression="heatshrink", heatshrink_window_sz2=13,
                           heatshrink_lookahead_sz2=7),
        "crle": dict(compression="crle"),
        "lzma": dict(compression="lzma"),
        "lzma-cm4": dict(compression="lzma", data_format="arm-cortex-m4"),
    }[kind]

    def make(old, new):
        patch = io.BytesIO()
        d.create_patch(io.BytesIO(old), io.BytesIO(new), patch, **options)
        return patch.getvalue()

    def apply(old, patch):
        new = io.BytesIO()
        d.apply_patch(io.BytesIO(old), io.BytesIO(patch), new)
        return new.getvalue()

    return make, apply


def bsdiff4(_):
    import bsdiff4 as b

    return b.diff, b.patch


verb, peer, old, given, out = sys.argv[1:]
package, _, kind = peer.partition(":")
make, apply = {"hdiffpatch": hdiffpatch, "detools": detools, "bsdiff4": bsdiff4}[package](kind)
with open(old, "rb") as a, open(given, "rb") as b:
    old, given = a.read(), b.read()
start = time.perf_counter()
result = make(old, given) if verb == "make" else apply(old, given)
print(time.perf_counter() - start)
with open(out, "wb") as f:
    f.write(result)
