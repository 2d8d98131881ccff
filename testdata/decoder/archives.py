# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 10.1: the members of zip, tar and gzip archives and packed folders."""
import zlib
from dataclasses import dataclass

from .wire import Reader, Refused

MOST_INFLATED = 1 << 27
MOST_MEMBERS = 1 << 16
MOST_PATH, MOST_PARTS, MOST_NAME = 1024, 64, 255
WHOLE, ZIP, TAR, GZIP, FOLDER, WHOLE_FOLDER = range(6)


def bad(text):
    return Refused("container", text)


@dataclass
class Member:
    start: int
    end: int
    deflated: bool = False


def u16(data, at):
    if at + 2 > len(data):
        raise bad("the file ends too early")
    return int.from_bytes(data[at:at + 2], "little")


def u32(data, at):
    return u16(data, at) | u16(data, at + 2) << 16


def inflate(data, limit):
    """The content of the deflate stream at the start, and the stream's length, or None."""
    decoder = zlib.decompressobj(-15)
    try:
        content = decoder.decompress(data, limit + 1)
    except zlib.error:
        return None
    if not decoder.eof or len(content) > limit:
        return None
    return content, len(data) - len(decoder.unused_data)


def zip_members(file):
    end = directory_end(file)
    if u16(file, end + 4) or u16(file, end + 6) or u16(file, end + 8) != u16(file, end + 10):
        raise bad("an archive in several parts")
    count, size, stated = u16(file, end + 10), u32(file, end + 12), u32(file, end + 16)
    at = end - size
    before = at - stated
    if at < 0 or before < 0 or count == 0xFFFF or stated == 0xFFFFFFFF:
        raise bad("central directory")
    found = []
    for _ in range(count):
        if file[at:at + 4] != b"PK\1\2":
            raise bad("entry of the central directory")
        flags, method, packed = u16(file, at + 8), u16(file, at + 10), u32(file, at + 20)
        local = before + u32(file, at + 42)
        at += 46 + u16(file, at + 28) + u16(file, at + 30) + u16(file, at + 32)
        if file[local:local + 4] != b"PK\3\4":
            raise bad("local header")
        start = local + 30 + u16(file, local + 26) + u16(file, local + 28)
        if packed:
            found.append(Member(start, start + packed, method == 8 and not flags & 1))
    if at != end:
        raise bad("length of the central directory")
    return found


def directory_end(file):
    for at in range(len(file) - 22, max(len(file) - 65557, 0) - 1, -1):
        if file[at:at + 4] == b"PK\5\6" and at + 22 + u16(file, at + 20) == len(file):
            return at
    raise bad("no end of central directory")


def tar_number(field):
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.split(b"\0")[0].strip()
    if any(digit not in b"01234567" for digit in text):
        raise bad("number in a tar header")
    return int(text, 8) if text else 0


def tar_members(file):
    found, at, pax_size = [], 0, None
    while at + 512 <= len(file):
        header = file[at:at + 512]
        if not any(header):
            break
        check_tar(header)
        kind, size = header[156:157], tar_number(header[124:136])
        if kind == b"S":
            raise bad("a sparse file")
        if kind not in b"gxLK" and pax_size is not None:
            size = pax_size
        if kind in b"123456":
            size = 0
        if at + 512 + size > len(file):
            raise bad("size in a tar header")
        if kind in b"0\x007" and size:
            found.append(Member(at + 512, at + 512 + size))
        if kind == b"x":
            pax_size = pax_size_of(file[at + 512:at + 512 + size], pax_size)
        elif kind not in b"gLK":
            pax_size = None
        at += 512 + (size + 511) // 512 * 512
    return found


def check_tar(header):
    plain = header[:148] + b" " * 8 + header[156:]
    signed = sum(b - 256 if b > 127 else b for b in plain)
    if tar_number(header[148:156]) not in (sum(plain), signed):
        raise bad("checksum of a tar header")


def pax_size_of(records, before):
    while records:
        length, _, rest = records.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(records):
            raise bad("pax header")
        record = records[len(length) + 1:int(length)].rstrip(b"\n")
        if record.startswith(b"size="):
            before = int(record[5:])
        records = records[int(length):]
    return before


def gzip_members(file):
    if file[:3] != b"\x1f\x8b\x08" or len(file) < 10:
        raise bad("gzip header")
    flags, at = file[3], 10
    if flags & 4:
        at += 2 + u16(file, at)
    for bit in (8, 16):
        if flags & bit:
            at = file.index(b"\0", at) + 1
    if flags & 2:
        at += 2
    found = inflate(file[at:], MOST_INFLATED)
    if found is None:
        raise bad("deflate stream")
    return [Member(at, at + found[1], True)]


def folder_members(file):
    if file[:4] != b"FDT\0":
        raise bad("folder")
    r, found, before, count = Reader(file, "container", 4), [], None, 0
    while r.left():
        count += 1
        if count > MOST_MEMBERS:
            raise bad("number of files")
        path = r.bytes(r.varint())
        size = r.varint()
        check_path(path, before)
        if size:
            found.append(Member(r.at, r.at + size))
        r.bytes(size)
        before = path
    return found


def check_path(path, before):
    parts = path.split(b"/")
    unsafe = any(part in (b"", b".", b"..") for part in parts)
    if len(path) > MOST_PATH or len(parts) > MOST_PARTS or max(map(len, parts)) > MOST_NAME:
        raise bad("length of a path")
    if unsafe or any(b < 32 or b == 127 or b in b"\\:" for b in path):
        raise bad("path")
    if before is not None and path <= before:
        raise bad("order of paths")


def whole_members(file):
    return [Member(0, len(file))]


def whole_folder_members(file):
    folder_members(file)
    return whole_members(file)


FINDERS = {WHOLE: whole_members, ZIP: zip_members, TAR: tar_members, GZIP: gzip_members,
           FOLDER: folder_members, WHOLE_FOLDER: whole_folder_members}


class Contents:
    """A file taken apart."""

    def __init__(self, file, container):
        self.file = file
        self.members = sorted(FINDERS[container](file), key=lambda m: m.start)
        if len(self.members) > MOST_MEMBERS:
            raise bad("number of members")
        self.inflated, left, end = [], MOST_INFLATED, 0
        for m in self.members:
            if m.start < end or m.end > len(file):
                raise bad("a member")
            end = m.end
            found = inflate(file[m.start:m.end], left) if m.deflated else None
            content = found[0] if found and found[1] == m.end - m.start else None
            left -= len(content) if content is not None else 0
            self.inflated.append(content)

    def raw(self, index):
        return self.file[self.members[index].start:self.members[index].end]

    def content(self, index):
        content = self.inflated[index]
        return self.raw(index) if content is None else content

    def template(self):
        at, out = 0, b""
        for m in self.members:
            out, at = out + self.file[at:m.start], m.end
        return out + self.file[at:]
