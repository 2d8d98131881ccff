# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files that hold more than the image, or hold it packed: what check_decoder.py runs besides."""
import hashlib
import pathlib
import struct

inputs = pathlib.Path(__file__).resolve().parent / "inputs"


def record(kind, address, data):
    raw = bytes([len(data), address >> 8 & 255, address & 255, kind]) + data
    return ":" + (raw + bytes([-sum(raw) & 255])).hex().upper() + "\n"


def data_records(kind, address, data):
    return "".join(record(kind, address + at, data[at:at + 16]) for at in range(0, len(data), 16))


def universal_hex(code):
    """Sections for two boards; data of the second has a type of its own."""
    text = ""
    for board, kind, data in ((0x9900, 0, code), (0x9903, 13, code[::-1])):
        start = record(10, 0, struct.pack(">H", board) + b"\xc0\xde")
        text += record(4, 0, bytes(2)) + start + data_records(kind, 0, data) + record(11, 0, b"")
    return text + record(1, 0, b"")


def signed_hex(code):
    signature = hashlib.sha512(code).digest()
    parts = [record(4, 0, bytes(2)), data_records(0, 0x4000, code),
             data_records(0xFD, 0, signature)]
    return "".join(parts) + record(1, 0, b"")


def uf2(code, flags, total, tail, order=1):
    pieces = [code[at:at + 256].ljust(256, b"\0") for at in range(0, len(code), 256)]
    blocks = []
    for number, piece in list(enumerate(pieces))[::order]:
        address = 0x10000000 + 256 * number
        words = (0x0A324655, 0x9E5D5157, flags, address, 256, number, total or len(pieces),
                 0xE48BFF59)
        end = tail(address, piece, number)
        blocks.append(struct.pack("<8I", *words) + piece + end + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def md5_tail(address, piece, _):
    return bytes(196) + struct.pack("<II", address, len(piece)) + hashlib.md5(piece).digest()


def tags_tail(_, piece, number):
    return (b"\x0c\x9f\xc1\x9f1.0\0" + piece[:4] if number == 0 else b"").ljust(220, b"\0")


KINDS = {
    "boards.hex": (universal_hex, ([], ["--board", "0x9903"])),
    "signed.hex": (signed_hex, (["--accept", "records"],)),
    "md5.uf2": (lambda code: uf2(code, 0x6000, 0, md5_tail), ([],)),
    "falling.uf2": (lambda code: uf2(code, 0x2000, 0, lambda *_: bytes(220), -1), ([],)),
    "tags.uf2": (lambda code: uf2(code, 0xA000, 0, tags_tail),
                 ([], ["--range", "0x10000100-0x10000500"])),
}
FILES = [
    ("code.apj", "changed.px4", []),
    ("code.bin", "changed.px4", []),
    ("code.apj", "changed.bin", []),
    ("far.hex", "far-changed.hex", []),
    ("far.hex", "far-changed.hex", ["--range", "0x8000-0x10000"]),
    ("families.uf2", "families-changed.uf2", []),
    ("families.uf2", "families-changed.uf2", ["--family", "7"]),
]


def jobs(folder):
    """Old file, new file, options."""
    for old, new, options in FILES:
        yield inputs / old, inputs / new, options
    for name, (make, settings) in KINDS.items():
        pair = []
        for version in ("code", "changed"):
            path = pathlib.Path(folder) / f"{version}-{name}"
            made = make((inputs / f"{version}.bin").read_bytes())
            path.write_bytes(made if isinstance(made, bytes) else made.encode())
            pair.append(path)
        for options in settings:
            yield *pair, options
