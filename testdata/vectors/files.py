# SPDX-License-Identifier: MIT OR Apache-2.0
"""Vectors of host sections, with templates made by hand, for quirks.py."""
from decoder import host, records
from decoder.templates import HEX, SREC, TITXT, UF2
from decoder.wire import crc32, number, sha256

from patches import raw, signed

NONE, LAST_WINS, READ_ON, ANY_CHECKSUM, ANY_LINE, IGNORE = 0, 3, 8, 16, 32, 4
CR_LF, CR, CR_CR_LF = 4, 8, 12
LOWER, ALIGNED, NO_END, BLOCK, CROSSING, SMALL_S = 1, 2, 16, 32, 64, 128


def data(distance, n, force=False):
    code = (2 if force else 0) | (1 if distance else 0)
    return bytes([code]) + (signed(distance) if distance else b"") + number(n)


def record(kind, address, content):
    return bytes([5, kind]) + number(address) + number(len(content)) + content


def text(content):
    return b"\x09" + number(len(content)) + content


END, COUNT = b"\4", b"\6"


def vector(old_file, new_image, template, reading=NONE, fill=0xFF, parts=None, exceptions=()):
    """(old, patch, new): the old file is one of records."""
    section = host.Section(True, fill, records.Reading(reading), True, 1 << 20, b"", 0,
                           len(template), template, parts, list(exceptions))
    old = records.memory(old_file, section.reading, fill)
    file = host.unchecked(section, new_image, template, b"")
    flags = 1 | 2 | (16 if parts else 0) | (32 if exceptions else 0)
    flags |= (64 if fill != 0xFF else 0) | (128 if reading else 0)
    out = bytes([flags]) + (bytes([fill]) if fill != 0xFF else b"")
    out += bytes([reading]) if reading else b""
    out += number(len(file)) + sha256(file)[:8] + number(len(template)) + template
    if parts:
        out += number(len(parts))
        out += b"".join(p.address.to_bytes(4, "little") + number(p.length) for p in parts)
    if exceptions:
        out += number(len(exceptions))
        end = 0
        for at, content in exceptions:
            out += number(at - end) + number(len(content)) + content
            end = at + len(content)
    out += crc32(out).to_bytes(4, "little")
    same = min(len(old), len(new_image))
    steps = [("old", 0, same)] if same else []
    steps += [("new", len(new_image) - same)] if len(new_image) > same else []
    return old_file, raw(old, new_image, steps, host=out), file


def line(prefix, raw_bytes, end=b"\n"):
    return prefix + raw_bytes.hex().upper().encode() + end


def hex_line(kind, address, content, end=b"\n"):
    out = bytes([len(content)]) + address.to_bytes(2, "big") + bytes([kind]) + content
    return line(b":", out + bytes([-sum(out) & 0xFF]), end)


def s_line(kind, address, content, width, end=b"\n"):
    out = address.to_bytes(width, "big") + content
    out = bytes([len(out) + 1]) + out
    return line(b"S%d" % kind, out + bytes([~sum(out) & 0xFF]), end)


def intel_hex():
    """Intel HEX: address records of both types, one that is not needed, records that are cut at
    64 KiB, another length, lower case, CR LF, and no line end at the end."""
    old = b"\xef\xbb\xbf" + hex_line(2, 0, b"\x10\0") + hex_line(0, 0xFFF8, bytes(range(16)))
    old += b"\n  " + hex_line(4, 0, b"\0\1") + hex_line(0, 16, b"")
    old += hex_line(0, 0x20, b"tail\n" * 3)
    old += hex_line(5, 0, b"\0\1\0\0") + hex_line(1, 0, b"") + b"\x1a"
    image = bytes(range(8)) + b"changed!" + b"\xff" * 24 + b"tail." * 3 + b"and more bytes"
    template = bytes([HEX, LOWER | ALIGNED | CR_LF | NO_END]) + number(16) + b"\2"
    template += data(0xFFF8, 13) + b"\7\5" + data(0, 3, True) + data(24, 15) + text(b"; text\r\n")
    template += b"\x08\4" + data(0, 14) + record(4, 0, b"\0\2") + record(5, 0, b"\0\1\0\0") + END
    return vector(old, image, template)


def s_records():
    """S-records: symbols, a header, a count; records of the shortest type, and of a fixed one."""
    old = b"$$ module\n  name $100\n$$ \n" + s_line(0, 0, b"hello", 2)
    old += s_line(1, 0xFFF8, b"old data", 2) + s_line(2, 0x10000, b"old data", 3)
    old += s_line(3, 0x1000000, b"far", 4) + s_line(5, 3, b"", 2) + s_line(7, 0x100, b"", 4)
    image = b"new dataold datafar!"
    template = bytes([SREC, SMALL_S | CR | LOWER]) + number(8) + b"\0" + record(0, 0, b"hi")
    template += data(0xFFF8, 16) + data(0xFEFFF8, 4) + COUNT + END + b"\x08\3" + b"\7\3"
    template += data(-4, 4) + COUNT + END
    return vector(old, image, template, fill=0)


def dubious_records():
    """What reading permits: records over others, wrong checksums, other lines, data after the
    end."""
    old = s_line(1, 0, b"first data", 2) + b"comment\n" + s_line(1, 4, b"second", 2)[:-3] + b"00\n"
    old += s_line(5, 9, b"", 2) + s_line(9, 0, b"", 2) + s_line(1, 12, b"more", 2)
    image = b"firs" + b"second" + b"\xff\xff" + b"more"
    template = bytes([SREC, CR_CR_LF]) + number(16) + b"\1" + data(0, 16) + END
    return vector(old, image, template, LAST_WINS | READ_ON | ANY_CHECKSUM | ANY_LINE)


def first_record_wins():
    """Of two records with the same address the first one, and nothing after the end."""
    old = hex_line(0, 0, b"first data") + hex_line(0, 4, b"second data")
    old += hex_line(1, 0, b"") + hex_line(0, 0x100, b"left out")
    image = b"first dataata"
    template = bytes([HEX, CROSSING]) + number(16) + b"\4" + data(0, len(image)) + END
    return vector(old, image, template, 2 | IGNORE)


def ti_txt():
    """TI-TXT: addresses with leading zeros, a blank at the end of lines."""
    old = b"@F000\n31 40 00 03 \n@FFFE\n00 F0\n q \n"
    image = bytes.fromhex("3140000400f0") + b"123456789abcdef012"
    template = bytes([TITXT, 0]) + number(16) + bytes([6 << 1 | 1])
    template += data(0xF000, 4) + data(0xFFA, 2) + data(0, 17) + data(0, 1, True) + END
    return vector(old, image, template)


def uf2_block(flags, address, content, n, total, family):
    words = [0x0A324655, 0x9E5D5157, flags, address, len(content), n, total, family]
    out = b"".join(w.to_bytes(4, "little") for w in words) + content
    return out.ljust(508, b"\0") + (0x0AB16F30).to_bytes(4, "little")


def uf2():
    """UF2: a block that is not for the flash, after which the numbers go on."""
    old = uf2_block(0x2000, 0x1000, b"a" * 256, 0, 3, 0xADA52840)
    old += uf2_block(0x2001, 0x9000, b"not flash", 1, 3, 0xADA52840)
    old += uf2_block(0x2000, 0x1100, b"b" * 256, 2, 3, 0xADA52840)
    image = b"a" * 250 + b"change" + b"b" * 256 + b"c" * 10
    template = bytes([UF2, BLOCK]) + number(256) + b"\0" + number(0x2000) + number(0xADA52840)
    template += number(4) + data(0x1000, 256)
    template += record(0, 0, uf2_block(0x2001, 0x9000, b"not flash", 1, 4, 0xADA52840))
    template += data(0, 266)
    return vector(old, image, template)


def parts_and_exceptions():
    """Parts that do not follow from the template, a block beyond its part, and exceptions."""
    old = hex_line(0, 0, b"0123456789abcdef") + hex_line(4, 0, b"\x20\0") + hex_line(0, 0, b"RAM!")
    image = b"0123456789abcdefRAM!"
    parts = [records.Part(0, 12, 0), records.Part(0x20000000, 8, 12)]
    template = bytes([HEX, 0]) + number(8) + b"\4" + data(0, 20) + data(0x20000000 - 20, 4)
    template += data(0x1000, 3) + END
    return vector(old, image, template, fill=0x5A, parts=parts,
                  exceptions=[(2, b"EXC"), (25, b"!!")])


MADE = [intel_hex, s_records, dubious_records, first_record_wins, ti_txt, uf2,
        parts_and_exceptions]
