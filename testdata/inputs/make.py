#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes the files of this folder, which table.tsv names.    make.py [--check]"""
import base64
import hashlib
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
            head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address + 256 * number, 256,
                               number, len(pieces), family)
            blocks.append(head + piece.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def apj(magic, version, image):
    packed = base64.b64encode(zlib.compress(image, 9)).decode()
    about = {"board_id": 140, "magic": magic, "version": version, "image": packed,
             "image_size": len(image)}
    return json.dumps(about, indent=4).encode()


def zigbee(image, total, header=56):
    """Whose header says that it has this length, and the file this one in all."""
    head = struct.pack("<I5HIH32sI", 0x0BEEF11E, 0x100, header, 0, 0x1234, 1, 5, 2, b"heron", total)
    return head + struct.pack("<HI", 0, len(image)) + image


def dfuse(image, size, targets=1, elements=1):
    """One target with one element, whatever it says of them; the CRC is right."""
    body = struct.pack("<6sBI255sII", b"Target", 0, 1, b"heron", 8 + len(image), elements)
    body += struct.pack("<II", 0x08000000, size) + image
    file = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(body),
                       targets) + body + struct.pack("<4H3sB", 1, 2, 3, 0x11A, b"UFD", 16)
    return file + struct.pack("<I", zlib.crc32(file) ^ 0xFFFFFFFF)


def mcuboot(image, protected):
    """Without protected TLVs, whatever the header says; the digest is right."""
    signed = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, protected, len(image), 0, 1, 0, 0, 0,
                         0) + image
    return signed + struct.pack("<4H", 0x6907, 40, 0x10, 32) + hashlib.sha256(signed).digest()


def tar(*members):
    """Without the blocks of zeros that may end it."""
    archive = b""
    for name, data in members:
        start = name.encode().ljust(100, b"\0") + b"0000644\0" + 2 * b"0000000\0"
        start += f"{len(data):011o}\0{0:011o}\0".encode()
        end = b"0" + bytes(100) + b"ustar\00000"
        total = sum(start + 8 * b" " + end)
        header = start + f"{total:06o}\0 ".encode() + end
        archive += header.ljust(512, b"\0") + data + bytes(-len(data) % 512)
    return archive


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def folder(**files):
    """A packed folder: the paths are sorted."""
    packed = ((path.encode(), data) for path, data in sorted(files.items()))
    return b"FDT\0" + b"".join(varint(len(path)) + path + varint(len(data)) + data for path,
                               data in packed)


def release(version, *parts, offset=65536):
    """A manifest with its parts: names, and what they hold, if they are there."""
    builds = [{"chipFamily": "ESP32",
               "parts": [{"path": path, "offset": offset + 65536 * i} for i,
                         (path, _) in enumerate(parts)]}]
    text = json.dumps({"name": "heron", "builds": builds, "version": version}, indent=1).encode()
    return {f"release-{version}/manifest.json": text,
            **{f"release-{version}/{path}": data for path, data in parts if data is not None}}


code = (firmware / "cortex-m-1.0.bin").read_bytes()[:2000]
changed = code[:700] + b"a fix" + code[705:]
esp = bytearray((firmware / "esp32-1.0.bin").read_bytes())
esp[-1] ^= 1
wrong_sum = hex_file((0x8000, changed)).split(b"\n")
wrong_sum[1] = wrong_sum[1][:-2] + (b"00" if wrong_sum[1][-2:] != b"00" else b"01")
# Its header claims 1 GiB of RAM, and the checksum of it is right.
absurd = bytes.fromhex(
    "46445000410000008080800200d00f0501e3b0c44298fc1c149afbf4c8" + 32 * "00" + "eadfa0c800219a1f01"
)
block = uf2((7, 0x8000, changed[:256]))
# A tag of 255 bytes right after the payload; an MD5 of 4 GiB before the last word.
tag = block[:8] + struct.pack("<I", 0xA000) + block[12:288] + b"\xff\1\2\3" + block[292:]
region = (
    block[:8]
    + struct.pack("<I", 0x6000)
    + block[12:484]
    + struct.pack("<II", 0x8000, 0xFFFFFFFF)
    + block[492:]
)
build = {"chipFamily": "ESP32", "parts": [{"path": "app.bin", "offset": 65536}]}
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
    "wrong-length.ota": zigbee(changed, 7),
    "wrong-header.ota": zigbee(changed, 62 + len(changed), header=0x1000),
    "cut.ota": zigbee(changed, 62 + len(changed))[:40],
    "wrong-header.mcuboot": mcuboot(changed, 0).replace(b"\x20\0\0\0", b"\x1f\0\0\0", 1),
    "wrong-segments.bin": bytes(esp[:1]) + b"\xff" + bytes(esp[2:]),
    "wrong-element.dfu": dfuse(changed, 0xFFFFFFFF),
    "wrong-targets.dfu": dfuse(changed, len(changed), targets=200),
    "wrong-elements.dfu": dfuse(changed, len(changed), elements=9),
    "wrong-size.mcuboot": mcuboot(changed, 0xFFFF),
    "wrong-tag.uf2": tag,
    "wrong-region.uf2": region,
    "cut-esp8266.bin": (firmware / "esp8266-1.1.bin").read_bytes()[:1000],
    "cut-esp32.bin": bytes(esp[:24]),
    # Only the start of one: how it is compressed differs from version to version of what does it.
    "packed.xz": b"\xfd7zXZ\0" + random.Random(2).randbytes(900),
    "cut.zip": (here.parent / "archives" / "heron-1.1.zip").read_bytes()[:3000],
    "cut.tar": tar(("app.bin", changed), ("more.bin", changed))[:-600],
    "cut-member.folder": folder(**{"app.bin": changed, "more.tar": tar(("more.bin", code))[:600]}),
    "claims-1-gib.fdp": absurd,
    **release("1", ("app.bin", code)),
    **release("2", ("app.bin", changed)),
    **release("empty", ("app.bin", b"")),
    "release-empty/flasher_args.json": json.dumps({"flash_files": {"0x10000": "app.bin"}}).encode(),
    **release("half", ("app.bin", changed), ("data.bin", b"")),
    **release("url", ("app.bin", changed), ("https://example.com/data.bin", None)),
    **release("wrong", ("app.bin", changed), offset=32.5),
    **release("hex", ("app.bin", changed), ("app.hex", b"\n".join(wrong_sum))),
    "release-ota/manifest.json": json.dumps(
        {"name": "heron", "builds": [{**build, "ota": {"path": "ota.bin", "md5": 32 * "0"}}]}
    ).encode(),
    "release-ota/app.bin": changed,
    "names.folder": folder(**{"app.bin": changed, "con": b"no file on Windows"}),
    "thumb.toml": b'name = "heron"\nisas = ["thumb"]\n',
    "z80.toml": b'name = "heron"\nisas = ["z80"]\n',
    "lost/manifest.json": release("3", ("app.bin", None))["release-3/manifest.json"],
}
for name, data in files.items():
    path = here / name
    if "--check" in sys.argv:
        if not path.exists() or path.read_bytes() != data:
            sys.exit(f"{path} is not what make.py makes")
        continue
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
