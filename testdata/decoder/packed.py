# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sections 9.1 and 9.3: files in which the image is packed (APJ)."""
import base64
import binascii
import zlib

from . import archives, recipes
from .wire import Refused, number

APJ = 5
MAGIC = (b"APJFWv1", b"PX4FWv1")
BLANKS = b" \t\n\x0c\r"
MOST = 1 << 27


def strings(file):
    """(depth, start, end) of the strings of a JSON text."""
    at = depth = 0
    while at < len(file):
        byte = file[at:at + 1]
        at += 1
        if byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth = max(0, depth - 1)
        elif byte == b'"':
            start = at
            while file[at:at + 1] not in (b'"', b""):
                at += 2 if file[at:at + 1] == b"\\" else 1
            if at >= len(file):
                return
            yield depth, start, at
            at += 1


def image_text(file):
    """Where the base64 of the image is, or None."""
    if file.lstrip(BLANKS)[:1] != b"{":
        return None
    magic = image = key = None
    for depth, start, end in strings(file):
        if key and file[key[1] + 1:start - 1].strip(BLANKS) != b":":
            return None
        if key and key[0] == b"magic":
            magic = file[start:end] in MAGIC
        elif key:
            image = (start, end)
        is_key = not key and file[end + 1:].lstrip(BLANKS)[:1] == b":" and depth == 1
        key = (file[start:end], end) if is_key and file[start:end] in (b"magic", b"image") else None
        if key and key[0] == b"image" and image:
            return None
    return image if magic and image and not key and image[0] < image[1] else None


def unpacked(text):
    try:
        return base64.b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4),
                                validate=True)
    except binascii.Error as fault:
        raise Refused("old-file", "base64") from fault


def image(file):
    """The image in a file."""
    start, end = image_text(file)
    stream = unpacked(file[start:end])
    head = int.from_bytes(stream[:2], "big")
    found = None
    if head & 0x0F20 == 0x0800 and head % 31 == 0:
        found = archives.inflate(stream[2:], MOST)
    if found is None:
        raise Refused("old-file", "zlib")
    return found[0]


def frame(file):
    """The template of an old file."""
    start, end = image_text(file)
    head = unpacked(file[start:min(end, start + 4)])[:2]
    return bytes([APJ]) + number(start) + file[:start] + head + number(0) + file[end:]


def join(data, r, limit):
    """The file of an image and the fields of its template."""
    r.u8()
    before, head = r.bytes(r.number()), r.bytes(2)
    recipe = r.bytes(r.number())
    stream = head + recipes.recreate(data, recipe, "host-section")
    stream += zlib.adler32(data).to_bytes(4, "big")
    file = before + base64.b64encode(stream) + r.bytes(r.left())
    r.require(len(file) <= limit, "the file is too long")
    return file
