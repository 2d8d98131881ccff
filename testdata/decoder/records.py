# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 9.1: what files of records (Intel HEX, S-records, TI-TXT, UF2) say is in memory."""
import re
from dataclasses import dataclass

from . import packed
from .wire import Refused, word

BLANKS = b" \t\n\x0c\r"
FILL = 65536
UF2_BLOCK, UF2_PAYLOAD = 512, 476
UF2_MAGIC = {0: 0x0A324655, 4: 0x9E5D5157, 508: 0x0AB16F30}
ADDRESS_LENGTHS = {0: 2, 1: 2, 2: 3, 3: 4, 5: 2, 6: 3, 7: 4, 8: 3, 9: 2}


def wrong(text):
    return Refused("old-file", text)


@dataclass
class Reading:
    """The fields of the host section that say how the old file is read."""
    byte: int = 0
    any_type: bool = False
    family: int = None
    board: int = None
    image: int = None
    first: int = 0
    last: int = 0xFFFFFFFF

    def takes(self, target):
        family, board, image = target
        return (self.family in (None, family) or family is None) and \
            (self.board in (None, board) or board is None) and self.image in (None, image)

    def within(self, address, length):
        """From which byte to which one the addresses are among those that are asked for."""
        into = [min(max(limit - address, 0), length) for limit in (self.first, self.last + 1)]
        return into[0], max(into)

    @property
    def is_all(self):
        wanted = (self.family, self.board, self.image)
        return wanted == (None,) * 3 and (self.first, self.last) == (0, 0xFFFFFFFF)

    @property
    def overlap(self):
        return self.byte & 3

    @property
    def after_end(self):
        return self.byte >> 2 & 3

    @property
    def any_checksum(self):
        return self.byte >> 4 & 1

    @property
    def any_line(self):
        return self.byte >> 5 & 1


@dataclass
class Line:
    text: bytes
    whole: bytes


def lines(file):
    """The lines of a text, with and without what ends them."""
    end = b"\n" if b"\n" in file else b"\r"
    at = 0
    while at < len(file):
        found = file.find(end, at)
        after = len(file) if found < 0 else found + 1
        whole = file[at:after]
        yield Line(whole.rstrip(b"\r\n"), whole)
        at = after


def trimmed(line, first):
    text = line.text
    if text and text[0:1].isascii() and 33 <= text[0] <= 126 and 33 <= text[-1] <= 126:
        return text
    if first and text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    return text.strip(BLANKS).rstrip(b"\x1a\x00").strip(BLANKS)


def format_of(file):
    """hex, srec, titxt, apj, uf2 or None."""
    text = file[3:] if file.startswith(b"\xef\xbb\xbf") else file
    found = first_line(text) or first_record(text[:4096])
    if found:
        return found
    if packed.image_text(file):
        return "apj"
    hits = sum(word(file, at) == magic for at, magic in UF2_MAGIC.items() if at + 4 <= len(file))
    return "uf2" if hits >= 2 and not file.startswith(b"\x7fELF") else None


def first_line(text):
    text = text.lstrip(BLANKS)
    if re.match(rb":[0-9a-fA-F]{10}", text):
        return "hex"
    if re.match(rb"[Ss][0-9][0-9a-fA-F]{4}", text):
        return "srec"
    return "titxt" if re.match(rb"@[0-9a-fA-F]{1,8}[ \t\x0c\r]*[\r\n]", text) else None


def first_record(text):
    if not all(33 <= b <= 126 or b in BLANKS or b >= 0x80 for b in text):
        return None
    for line in lines(text):
        record = line.text.strip(BLANKS)
        if hex_record(record):
            return "hex"
        if srec_record(record):
            return "srec"
    return None


def digits(text):
    """Bytes from digits, or None."""
    if len(text) % 2 or not re.fullmatch(rb"[0-9a-fA-F]*", text):
        return None
    return bytes.fromhex(text.decode())


def hex_record(text, any_checksum=False):
    """Type, address and data of a record of Intel HEX, or None."""
    raw = digits(text[1:]) if text[:1] == b":" else None
    if not raw or len(raw) < 5 or len(raw) != raw[0] + 5:
        return None
    if sum(raw) & 0xFF and not any_checksum:
        return None
    return raw[3], int.from_bytes(raw[1:3], "big"), raw[4:-1]


def srec_record(text, any_checksum=False):
    """Type, address and data of a usual S-record, or None."""
    raw = digits(text[2:]) if re.match(rb"[Ss][0-9]", text) else None
    kind = text[1] - 48 if raw else 4
    if kind not in ADDRESS_LENGTHS or len(raw) != raw[0] + 1:
        return None
    width = ADDRESS_LENGTHS[kind]
    if raw[0] < width + 1 or (kind >= 5 and raw[0] != width + 1):
        return None
    if sum(raw) & 0xFF != 0xFF and not any_checksum:
        return None
    return kind, int.from_bytes(raw[1:1 + width], "big"), raw[1 + width:-1]


def odd_srec_record(text, any_checksum):
    """Headers without address, and counts of 2 to 4 bytes."""
    raw = digits(text[2:]) if re.match(rb"[Ss][056]", text) else None
    if not raw or len(raw) != raw[0] + 1:
        return None
    kind = text[1] - 48
    if sum(raw) & 0xFF != 0xFF and not any_checksum:
        return None
    if kind == 0:
        return (0, 0, b"") if raw[0] in (1, 2) else None
    return (kind, int.from_bytes(raw[1:-1], "big"), b"") if 3 <= raw[0] <= 5 else None


def titxt_bytes(text):
    parts = [part for part in re.split(rb"[ \t\n\x0c\r]", text) if part]
    raw = [digits(part) for part in parts]
    return b"".join(raw) if all(r is not None and len(r) == 1 for r in raw) else None


def titxt_address(text):
    return int(text[1:], 16) if re.fullmatch(rb"@[0-9a-fA-F]{1,8}", text) else None


def uf2_block(file, at):
    """Flags, address, payload, number, blocks and family of a block, or None."""
    block = file[at:at + UF2_BLOCK]
    if len(block) < UF2_BLOCK or any(word(block, o) != m for o, m in UF2_MAGIC.items()):
        return None
    flags, address, length, number, total, family = (word(block, o) for o in range(8, 32, 4))
    if length > UF2_PAYLOAD:
        return None
    return flags, address, block[32:32 + length], number, total, family


E10 = (0xE48BFF57, 2)
NOWHERE = (None, None, 0)


class Images:
    """Which image of a UF2 file a block belongs to."""

    def __init__(self):
        self.image, self.last = 0, None

    def target(self, block):
        """What the block is for; None if it is no data."""
        flags, address, data, _, total, family = block
        family = family if flags & 0x2000 else None
        if flags & 0x1001 or ((family, total) == E10 and not data.strip(b"\xef")):
            return None
        tagged = bool(flags & 0x8000)
        if self.last and tagged and not self.last[0] and address < self.last[1]:
            self.image += 1
        self.last = tagged, min(address + len(data), 0xFFFFFFFF)
        return family, None, self.image


# Pieces: (address, bytes, target) in the order of the file. A target is family, board and image.

def hex_pieces(file, reading):
    base, ended, board, boards = 0, False, None, set()
    for i, line in enumerate(lines(file)):
        text = trimmed(line, i == 0)
        if not text:
            continue
        if ended and reading.after_end == 1:
            break
        record = hex_record(text, reading.any_checksum)
        if record is None:
            if text[:1] != b":" and (reading.any_line or ended):
                continue
            raise wrong("a record of Intel HEX")
        kind, address, data = record
        if kind == 0 or (kind == 0x0D and board is not None):
            if data:
                check_end(ended, reading)
            yield base + address, data, (None, board, 0)
        elif kind == 1 and not data:
            ended = True
        elif kind in (2, 4) and len(data) == 2:
            base = int.from_bytes(data, "big") << (4 if kind == 2 else 16)
        elif kind == 0x0A and len(data) >= 2:
            board = int.from_bytes(data[:2], "big")
            if reading.board in (None, board):
                boards.add(board)
            if len(boards) > 1:
                raise wrong("sections for several boards")
        elif board is not None and kind in (0x0B, 0x0C, 0x0E):
            continue
        elif not (kind in (3, 5) and len(data) == 4) and not (kind > 5 and reading.any_type):
            raise wrong("a record of Intel HEX")


def check_end(ended, reading):
    if ended and reading.after_end == 0:
        raise wrong("data after the end record")


def srec_pieces(file, reading):
    count, ended, inside = 0, False, False
    for i, line in enumerate(lines(file)):
        text = trimmed(line, i == 0)
        if not text:
            continue
        if ended and reading.after_end == 1:
            break
        if text.startswith(b"$$"):
            inside = len(text) > 2
            continue
        if inside and re.search(rb"(^| )\$[0-9a-fA-F]+$", text):
            continue
        record = (srec_record(text, reading.any_checksum)
                  or odd_srec_record(text, reading.any_checksum))
        if record is None:
            if not re.match(rb"[Ss][0-9]", text) and (reading.any_line or ended):
                continue
            raise wrong("an S-record")
        kind, address, data = record
        if kind in (1, 2, 3):
            if data:
                check_end(ended, reading)
            count += 1
            yield address, data, NOWHERE
        elif kind in (5, 6):
            width = len(text) // 2 - 3
            if address != count % (1 << 8 * width) and not reading.any_checksum and not ended:
                raise wrong("count of S-records")
        elif kind >= 7:
            ended = True


def titxt_pieces(file, reading):
    at, ended = None, False
    for i, line in enumerate(lines(file)):
        text = trimmed(line, i == 0)
        if not text:
            continue
        if ended and reading.after_end == 1:
            break
        if text[:1] == b"@":
            at = titxt_address(text)
            if at is None:
                raise wrong("an address of TI-TXT")
        elif text in (b"q", b"Q"):
            ended = True
        else:
            data = titxt_bytes(text)
            if data is None:
                if reading.any_line:
                    continue
                raise wrong("a line of TI-TXT")
            check_end(ended, reading)
            if at is None:
                raise wrong("data before the first address")
            yield at, data, NOWHERE
            at += len(data)
    if not ended:
        raise wrong("the end of TI-TXT is missing")


def uf2_pieces(file, reading):
    images = Images()
    for at in range(0, len(file), UF2_BLOCK):
        block = uf2_block(file, at)
        if block is None:
            if reading.any_line:
                continue
            raise wrong("a block of UF2")
        _, address, data, number, total, _ = block
        if number >= total and not reading.any_checksum:
            raise wrong("the number of a block of UF2")
        target = images.target(block)
        if target:
            yield address, data, target


PIECES = {"hex": hex_pieces, "srec": srec_pieces, "titxt": titxt_pieces, "uf2": uf2_pieces}


def contents(pieces, reading):
    """What the pieces leave at each address."""
    found = {}
    for address, data, target in pieces:
        if not reading.takes(target):
            continue
        if data and address + len(data) > 1 << 32:
            raise wrong("an address of more than 32 bits")
        for i, byte in enumerate(data):
            at = address + i
            if at in found:
                if reading.overlap == 0 or (reading.overlap == 1 and found[at] != byte):
                    raise wrong(f"two records have the address {at:#x}")
                if reading.overlap == 2:
                    continue
            found[at] = byte
    return found


@dataclass
class Part:
    address: int
    length: int
    offset: int = 0

    @property
    def end(self):
        return self.address + self.length


def parts_of(pieces):
    """The parts of a memory with data at these (address, length)."""
    runs = join(sorted((a, n) for a, n in pieces if n), ())
    gaps = sorted((b.address - a.end, b.address) for a, b in zip(runs, runs[1:]))
    budget, filled = max(FILL, sum(run.length for run in runs)), set()
    for length, address in gaps:
        if length > budget:
            break
        budget -= length
        filled.add(address)
    parts = join([(run.address, run.length) for run in runs], filled)
    offset = 0
    for part in parts:
        part.offset, offset = offset, offset + part.length
    return parts


def join(pieces, filled):
    joined = []
    for address, length in pieces:
        if joined and (address <= joined[-1].end or address in filled):
            last = joined[-1]
            last.length = max(last.end, address + length) - last.address
        else:
            joined.append(Part(address, length))
    return joined


def memory(file, reading, fill):
    """The image in a file; the file itself if it is not one of records."""
    kind = format_of(file)
    if kind is None:
        return file
    if kind == "apj":
        return packed.image(file) or file
    found = contents(PIECES[kind](file, reading), reading)
    if not found:
        return file
    found = {at: byte for at, byte in found.items() if reading.first <= at <= reading.last}
    if not found:
        raise wrong("nothing is at the addresses that are asked for")
    parts = parts_of((address, 1) for address in found)
    image = bytearray()
    for part in parts:
        image += bytes(found.get(at, fill) for at in range(part.address, part.end))
    return bytes(image)
