#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes the files of this folder, which table.tsv names.    make.py [--check]"""
import base64
import json
import pathlib
import random
import struct
import sys
import zlib

here = pathlib.Path(__file__).parent
firmware = here.parent / "firmware"


def hex_record(kind, address, data):
    record = bytes([len(data)]) + struct.pack(">H", address) + bytes([kind]) + data
    return b":" + (record + bytes([-sum(record) & 0xFF])).hex().upper().encode() + b"\n"


def hex_file(*places):
    lines = []
    for address, data in places:
        lines.append(hex_record(4, 0, struct.pack(">H", address >> 16)))
        for at in range(0, len(data), 16):
            lines.append(hex_record(0, (address + at) & 0xFFFF, data[at : at + 16]))
    return b"".join(lines) + hex_record(1, 0, b"")


def uf2(*images):
    """Images of (family, address, data), one after the other."""
    blocks = []
    for family, address, data in images:
        pieces = [data[at : at + 256].ljust(256, b"\0") for at in range(0, len(data), 256)]
        for number, piece in enumerate(pieces):
            head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address + 256 * number, 256, number, len(pieces), family)
            blocks.append(head + piece.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def apj(magic, version, image):
    packed = base64.b64encode(zlib.compress(image, 9)).decode()
    about = {"board_id": 140, "magic": magic, "version": version, "image": packed, "image_size": len(image)}
    return json.dumps(about, indent=4).encode()


code = (firmware / "cortex-m-1.0.bin").read_bytes()[:2000]
changed = code[:700] + b"a fix" + code[705:]
esp = bytearray((firmware / "esp32-1.0.bin").read_bytes())
esp[-1] ^= 1
wrong_sum = hex_file((0x8000, changed)).split(b"\n")
wrong_sum[1] = wrong_sum[1][:-2] + (b"00" if wrong_sum[1][-2:] != b"00" else b"01")
# Its header claims 1 GiB of RAM, and the checksum of it is right.
absurd = bytes.fromhex("46445000410000008080800200d00f0501e3b0c44298fc1c149afbf4c8" + 32 * "00" + "eadfa0c800219a1f01")
manifest = {"name": "heron", "builds": [{"chipFamily": "ESP32", "parts": [{"path": "app.bin", "offset": 65536}]}]}
files = {
    "code.bin": code,
    "changed.bin": changed,
    "empty.bin": b"",
    "random.bin": random.Random(1).randbytes(5000),
    "text.hex": b"This is no Intel HEX file.\n",
    "text.zip": b"This is no archive.\n",
    "code.hex": hex_file((0x8000, code)),
    "changed.hex": hex_file((0x8000, changed)),
    "wrong-sum.hex": b"\n".join(wrong_sum),
    "far.hex": hex_file((0x8000, code), (0x10001000, b"settings")),
    "far-changed.hex": hex_file((0x8000, changed), (0x10001000, b"settings")),
    "code.apj": apj("APJFWv1", "1.0", code),
    "changed.px4": apj("PX4FWv1", "1.1", changed),
    "cut.apj": apj("APJFWv1", "1.1", changed).replace(b"/", b""),
    "families.uf2": uf2((7, 0x8000, code), (8, 0x8000, changed)),
    "families-changed.uf2": uf2((7, 0x8000, changed), (8, 0x8000, code)),
    "wrong-digest.bin": bytes(esp),
    # Only the start of one: how it is compressed differs from version to version of what does it.
    "packed.xz": b"\xfd7zXZ\0" + random.Random(2).randbytes(900),
    "cut.zip": (here.parent / "archives" / "heron-1.1.zip").read_bytes()[:3000],
    "claims-1-gib.fdp": absurd,
    "release-1/manifest.json": json.dumps({**manifest, "version": "1"}, indent=1).encode(),
    "release-1/app.bin": code,
    "release-2/manifest.json": json.dumps({**manifest, "version": "2"}, indent=1).encode(),
    "release-2/app.bin": changed,
    "lost/manifest.json": json.dumps({**manifest, "version": "3"}, indent=1).encode(),
}
for name, data in files.items():
    path = here / name
    if "--check" in sys.argv:
        if not path.exists() or path.read_bytes() != data:
            sys.exit(f"{path} is not what make.py makes")
        continue
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
