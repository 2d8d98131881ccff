# SPDX-License-Identifier: MIT OR Apache-2.0
"""Vectors for rules that those in docs/format.md do not come by: made by hand, or drawn by lot."""
import pathlib

from decoder import header as headers
from decoder.wire import number, sha256

import bundles
import files
from code_samples import RISCV_BASE, THUMB_BASE, riscv_code, thumb_code, xtensa_code
from patches import address, corrected, drawn, header, one_segment, raw, segment, signed

firmware = pathlib.Path(__file__).resolve().parent.parent / "firmware"


def part(name, start, length):
    return (firmware / name).read_bytes()[start:start + length]


def ramp(n, step=7):
    return bytes(i * step & 0xFF for i in range(n))


def vectors():
    """name: (what, kind, old, patch, new)"""
    found = {}
    for kind, makers in {"patch": MADE, "files": files.MADE, "bundle": bundles.MADE}.items():
        for make in makers:
            name = make.__name__.replace("_", "-")
            name = name if kind == "patch" else f"{kind}-{name}"
            found[name] = (" ".join(make.__doc__.split()), kind, *make())
    found.update(corrected_vectors())
    found.update(drawn_vectors())
    return found


def long_numbers():
    """Numbers of operations in five bytes, with bits above the 32nd, which count for nothing."""
    old = new = ramp(40)
    body = bytes([0x9D, 0x81, 0x80, 0x80, 0x70, 0x80, 0x00, 0xA0, 0x81, 0x80, 0x80, 0x40])
    return old, header(old, new, len(body)) + body, new


def most_entries():
    """The largest shift map."""
    old, new = b"", b"\x5a"
    body = b"\0\x5a"
    return old, header(old, new, len(body), entries=8 * 8191) + body, new


def most_slots():
    """The most hashed slots."""
    return b"", header(b"", b"", 0, codec=headers.MODEL, slots=32 * 2047), b""


def small_block():
    """A block size below 6 counts as 6; a block as it is, and one that is packed."""
    new = b"abcd" * 16 + b"!"
    stream = number(63 << 2) + new[:64] + b"\0!"
    rest = stream[40:]
    # Four literals, a match of 15 + 0 + 4 bytes at the distance 4, and five literals.
    packed = b"\x4f" + rest[:4] + b"\4\0\0" + b"\x50" + rest[-5:]
    body = number(40 << 1 | 1) + stream[:40]
    body += number(len(rest) << 1) + number(len(packed)) + packed
    return b"", header(b"", new, len(body), codec=headers.LZ4, block=2) + body, new


def own_digest():
    """The image ends with its SHA-256, which the body does not make."""
    old = ramp(48)
    new = old[:40] + b"new text"
    new += sha256(new)
    body = number(39 << 2 | 1) + signed(0) + number(40 << 2) + number(7 << 2) + b"new text"
    options = {"features": headers.OWN_DIGEST, "granularity": 4}
    return old, header(old, new, len(body), **options) + body, new


def copy(n, moved=0):
    """An operation that copies from the old image, without corrections."""
    return number(n - 1 << 2 | 1) + signed(moved) + number(n << 2)


def hole(kind, length, name, fill, new=None, old=None):
    """A hole of a table: where it is after the end of the one before."""
    place = (number(new) if new is not None else b"") + (signed(old) if old is not None else b"")
    return bytes([kind | len(name) << 3]) + number(length) + place + bytes([fill]) + name


def filled(image, *pieces):
    """An image with other bytes at some places."""
    image = bytearray(image)
    for at, piece in pieces:
        image[at:at + len(piece)] = piece
    return bytes(image)


def value_record(**values):
    entries = (bytes([len(n)]) + n.encode() + len(v).to_bytes(2, "little") + v
               for n, v in values.items())
    return b"FDV\0" + b"".join(entries)


def holes_kept():
    """A hole that moves past another, whose order changes so; and one that is gone."""
    old = filled(ramp(96), (8, b"\xff" * 8), (40, b"\0" * 4), (64, b"\xee" * 3))
    new = filled(ramp(96), (64, b"\xff" * 8), (8, b"\0" * 4), (12, b"more"))
    table = bytes([3]) + hole(5, 4, b"b", 0, new=8, old=40)
    table += hole(4, 3, b"old", 0xEE, old=20) + hole(7, 8, b"serial", 0xFF, new=52, old=8 - 67)
    body = number(95 << 2) + new
    patch = header(old, new, len(body), holes=table) + body
    device = filled(old, (8, b"SN-00042"), (40, b"\x01\x02\x03\x04"), (64, b"ABC"))
    return device, patch, filled(new, (64, b"SN-00042"), (8, b"\x01\x02\x03\x04"))


def holes_given():
    """A value that is given although there is one to keep, and one that is shorter than its
    hole."""
    old = filled(ramp(48), (8, b"\xff" * 8))
    new = filled(ramp(48), (8, b"\xff" * 8), (32, b"\xff" * 8))
    table = bytes([2]) + hole(7, 8, b"serial", 0xFF, new=8, old=8)
    table += hole(2, 8, b"key", 0xFF, new=16)
    body = copy(32) + number(7 << 2) + b"\xff" * 8 + copy(8)
    patch = header(old, new, len(body), holes=table) + body
    values = value_record(key=b"KEY", serial=b"SN-00043", other=b"")
    device = filled(old, (8, b"SN-00042"))
    return device, patch, filled(new, (8, b"SN-00043"), (32, b"KEY\0\0\0\0\0")), values


def holes_missing():
    """No value is given for a hole that the old image does not have."""
    device, patch, _, _ = holes_given()
    return device, patch, "hole-value-missing", value_record(serial=b"SN-00043")


def holes_too_long():
    """A value is longer than its hole."""
    device, patch, _, _ = holes_given()
    return device, patch, "hole-value-too-long", value_record(key=b"123456789")


def holes_other_fill():
    """The body makes another byte of a hole than its fill."""
    old = new = filled(ramp(48), (8, b"\xff" * 8))
    table = bytes([1]) + hole(5, 8, b"serial", 0xFE, new=8, old=8)
    body = number(47 << 2) + new
    fills = filled(old, (8, b"\xfe" * 8))
    return old, header(fills, fills, len(body), holes=table) + body, "damaged"


def with_sums(image, seed=0xEF):
    """An image with a checksum and its own digest."""
    for byte in image:
        seed ^= byte
    return image + bytes([seed]) + sha256(image + bytes([seed]))


def holes_and_sums():
    """Both images end with a checksum and their own digest, which decoders see as zeros in the old
    one."""
    start = filled(ramp(47), (9, b"\xff" * 7))
    old, new = with_sums(start), with_sums(filled(start, (30, b"new")))
    table = bytes([1 | 32 | 64 | 128]) + hole(5, 7, b"serial", 0xFF, new=9, old=9)
    # Its checksum is copied and corrected: from a zero.
    body = copy(30) + number(2 << 2) + b"new" + number(14 << 2 | 1) + signed(0)
    body += number(14 << 2) + new[47:48]
    options = {"features": headers.OWN_DIGEST, "granularity": 4, "holes": table}
    serial = (9, b"SN00042")
    device = with_sums(filled(start, serial))
    made = with_sums(filled(start, serial, (30, b"new")))
    return device, header(old, new, len(body), **options) + body, made


def distances():
    """Distances and distances back (as in .eh_frame), between two segments far from each other."""
    text, table = ramp(64), bytearray()
    for i in range(6):
        at = 0x20000000 + len(table) + 4
        table += address(8 + 4 * i) + address(0x08000000 + 8 * i - at)
    old = text + bytes(table)
    # Four bytes are put in at the start of the text: all distances shrink.
    new = b"\1\2\3\4" + text
    for i in range(6):
        at = 0x20000000 + len(new) - 68 + 4
        new += address(8 + 4 * i) + address(0x08000004 + 8 * i - at)
    maps = bytes([0x22, 0]) + number(0)
    maps += segment(0, 64, 0x08000000) + signed(4)
    maps += segment(0, len(table), 0x20000000, code=False) + signed(0)
    steps = [("new", 4), ("old", 0, 64), ("old", 64, len(table))]
    return old, raw(old, new, steps, map_bytes=maps), new


def moved_segments():
    """Segments relative to others, gaps between them, lengths in units, one that stays behind."""
    old = ramp(8) + address(0x10000010) * 8 + ramp(8) + address(0x10000028) * 4
    new = ramp(8) + address(0x10000014) * 8 + ramp(8) + address(0x1000002C) * 4 + address(7) * 4
    maps = bytes([0x32, 0x21 | 0x20]) + number(0b100)
    maps += segment(8, 32 >> 2, 0x10000000, code=False) + signed(0)
    maps += segment(8, 16 >> 2, 0, code=False, base=1) + signed(0)
    # The third one has no counterpart.
    maps += segment(0, 16 >> 2, -16, code=False, base=2)
    maps += signed(0x20000000 >> 8) + number(1)
    steps = [("old", 0, 64), ("new", 16)]
    return old, raw(old, new, steps, map_bytes=maps), new


def range_ends():
    """A range whose end would be beyond 2^32 - 1, and one that counts from there."""
    words = [0xFFFFFF00, 0xFFFFFFFE, 0xFFFFFFFF, 0x000000FF, 0x00000100, 0x7F]
    old = b"".join(address(w) for w in words) * 2
    shifted = [w - 16 if w in (0xFFFFFF00, 0xFFFFFFFE, 0x100) else w for w in words]
    new = b"".join(address(w) for w in shifted) * 2
    maps = bytes([0, 2]) + signed(-1) + number(2) + signed(1) + number(1)
    return old, raw(old, new, [("old", 0, len(old))], map_bytes=maps), new


def region_rule():
    """What an entry says about one region of 4 MiB does not count for another one."""
    words = [0x08000010, 0x20000010, 0x08000020, 0x20000020, 0x083FFFF8, 0x083FFFFC]
    old = b"".join(address(w) for w in words)
    new = b"".join(address(w + 8 if w < 0x20000000 else w) for w in words)
    maps = bytes([0, 2]) + signed(0x080000) + number(0x4000)
    maps += signed((0x20000000 - 0x08400000) >> 8) + number(1)
    return old, raw(old, new, [("old", 0, len(old))], map_bytes=maps), new


def full_map():
    """More shifts than entries: one is dropped for each that comes, every other one in turn."""
    targets = [0x1000 + 0x100 * i for i in range(24)]
    words = targets + targets
    old = b"".join(address(w) for w in words)
    new = b"".join(address(w + 4 * (w >> 8 & 31)) for w in words)
    maps = bytes([0, 1]) + signed(0x10) + number(0x20)
    return old, raw(old, new, [("old", 0, len(old))], map_bytes=maps), new


def no_entries():
    """A shift map for no entries learns nothing."""
    old = b"".join(address(0x1000 + i) for i in range(4))
    new = b"".join(address(0x1004 + i) for i in range(4))
    maps = bytes([0, 1]) + signed(0x10) + number(1)
    return old, raw(old, new, [("old", 0, 16)], map_bytes=maps, entries=0), new


def short_of_ram():
    """Less RAM than the codec raw and a shift map for nothing need."""
    maps = bytes([0, 1]) + signed(0x10) + number(1)
    options = {"entries": 0, "map_bytes": maps, "less_ram": 1}
    return b"", header(b"", b"", 0, **options), "inconsistent-workspace"


def short_of_ram_for_pages():
    """Less RAM than a page of 4096 bytes needs."""
    return b"", header(b"", b"", 0, granularity=12, less_ram=1), "inconsistent-workspace"


def short_of_ram_for_blocks():
    """Less RAM than two blocks of LZ4 need."""
    options = {"codec": headers.LZ4, "block": 12, "less_ram": 1}
    return b"", header(b"", b"", 0, **options), "inconsistent-workspace"


def short_of_ram_for_the_model():
    """Less RAM than the slots of the model and the segments of an address map need."""
    options = {"codec": headers.MODEL, "slots": 1024, "entries": 64, "less_ram": 1,
               "map_bytes": one_segment(b"", b"", 0x1000)}
    return b"", header(b"", b"", 0, **options), "inconsistent-workspace"


def tc32_code(inserted):
    """Functions in TC32 code with their literals; in the middle one, more instructions."""
    halves = []
    starts = [0x40 + 32 * i + (2 * inserted if i > 3 else 0) for i in range(8)]
    for i, start in enumerate(starts):
        callee = starts[(i + 3) % 8]
        body = [0x6500, 0x0802, call(start + 4, callee), 0xA000 | i, 0x8002]
        body += [0xC102, 0xA101, 0x6D00] + ([0xA3FF] * inserted if i == 3 else [])
        words = b"".join(h.to_bytes(2, "little") if isinstance(h, int) else h for h in body)
        words += b"\0\0" if (start + len(words)) % 4 else b""
        halves.append(words + address(0x00840000 + 0x124 * i) + address(callee | 0x2C4000))
    return bytes(64) + b"".join(halves)


def call(at, to):
    distance = to - at - 4
    high, low = 0x9000 | distance >> 12 & 0x7FF, 0x9800 | distance >> 1 & 0x7FF
    return high.to_bytes(2, "little") + low.to_bytes(2, "little")


def mcs51_code(inserted):
    """Functions in MCS-51 code, relays among them; in the middle, more instructions."""
    out = bytearray()
    for i in range(12):
        where = 0x40 + 16 * i + (inserted if i > 4 else 0)
        out += bytes([0x12, where >> 8, where & 0xFF, 0x90, 0x20, i, 0xE0, 0x02, 0x80, 7 * i])
        out += bytes([0x12, 0x01, 0x22, 0x10 + i, 0x80 | inserted, 2])
        out += bytes([0x12, 0x01, 0x22, 0x20 + i, 0x90, 3])
        out += b"\x75\x81\x07" * (inserted if i == 4 else 0)
        out += bytes([0x90, 0x61, 3 * i, 0xF0, 0x22])
    return bytes(out)


def in_steps(old, new, isa, base):
    """A patch of a copy, what was put in, and another copy."""
    more = len(new) - len(old)
    same = next(i for i, (a, b) in enumerate(zip(old, new)) if a != b)
    at = max(same, 100) // 4 * 4
    steps = [("old", 0, at), ("new", more), ("old", at, len(old) - at)]
    return raw(old, new, [s for s in steps if s[-1]], isa=isa,
               map_bytes=one_segment(old, new, base), entries=32)


def tc32():
    """Calls, jumps and literals of TC32."""
    old, new = tc32_code(0), tc32_code(2)
    return old, in_steps(old, new, "tc32", 0), new


def mcs51():
    """Calls, jumps, addresses of variables and relays of MCS-51."""
    old, new = mcs51_code(0), mcs51_code(2)
    return old, in_steps(old, new, "mcs51", 0x8000), new


MADE = [long_numbers, most_entries, most_slots, small_block, own_digest, holes_kept, holes_given,
        holes_missing, holes_too_long, holes_other_fill, holes_and_sums,
        distances, moved_segments, range_ends, region_rule, full_map, no_entries, tc32, mcs51,
        short_of_ram, short_of_ram_for_pages, short_of_ram_for_blocks, short_of_ram_for_the_model]

# name, file and place of the old image, its address, size of the new one, instruction set
DRAWN = [
    ("thumb", ("cortex-m-1.0.bin", 0x1000, 2048), 0x08021000, 700, "thumb"),
    ("thumb-literals", ("cortex-m-1.0.bin", 0x4800, 2048), 0x08024800, 700, "thumb"),
    ("riscv", ("riscv-1.0.bin", 0x1000, 2048), 0x42001000, 700, "riscv"),
    ("riscv-data", ("riscv-1.0.bin", 0xA000, 2048), 0x4200A000, 700, "riscv"),
    ("xtensa-call0", ("esp8266-1.0.bin", 0x1000, 2048), 0x40201000, 700, "xtensa"),
    ("xtensa-windowed", ("esp32-1.0.bin", 0x4000, 2048), 0x400D4000, 700, "xtensa"),
    ("none", ("cortex-m-1.0.bin", 0, 1024), 0x08020000, 400, "none"),
    ("halves", ("cortex-m-1.0.bin", 0x800, 1024), 0x08020800, 400, "halves"),
    ("bytes", ("cortex-m-1.0.bin", 0x800, 1024), 0x08020800, 400, "bytes"),
]


def forms():
    """Code with all forms: name, old image, its address, instruction set."""
    yield "thumb", thumb_code(), THUMB_BASE, "thumb"
    yield "thumb-halfway", thumb_code(), THUMB_BASE + 2, "thumb"
    yield "riscv", riscv_code(), RISCV_BASE, "riscv"
    yield "xtensa", xtensa_code(0x400D0000, True), 0x400D0000, "xtensa"
    yield "xtensa-call0", xtensa_code(0x40200000, False), 0x40200000, "xtensa"
    yield "xtensa-rom", xtensa_code(0x3FFFFF00, True), 0x3FFFFF00, "xtensa"


def corrected_vectors():
    """A copy of the code with all forms in the codec raw, with corrections here and there."""
    found = {}
    for name, old, base, isa in forms():
        patch, new = corrected(name, old, isa, one_segment(old, old + bytes(12), base))
        what = f"All forms of {isa}, moved, with corrections that are drawn by lot."
        found[f"forms-{name}"] = (what, "patch", old, patch, new)
    return found


def drawn_vectors():
    found = {}
    cases = [(n, part(*place), base, size, isa) for n, place, base, size, isa in DRAWN]
    cases.append(("tc32", tc32_code(0), 0, 300, "tc32"))
    cases.append(("mcs51", mcs51_code(0), 0x8000, 300, "mcs51"))
    cases += [(f"{name}-forms", old, base, 500, isa) for name, old, base, isa in forms()]
    for name, old, base, size, isa in cases:
        name = f"drawn-{name}"
        maps = one_segment(old, bytes(size), base)
        patch, new = drawn(name, old, size, isa, maps)
        found[name] = (f"What the model makes of random bits: {isa}.", "patch", old, patch, new)
    old = part("cortex-m-1.0.bin", 0, 512)
    patch, new = drawn("drawn-few-slots", old, 200, "none", slots=32, entries=0)
    found["drawn-few-slots"] = ("What the model makes of random bits with the fewest tables.",
                                "patch", old, patch, new)
    found.update(drawn_in_place())
    return found


def drawn_in_place():
    """Orders of sectors, stretches, the old image's move up, and the scratch area."""
    found = {}
    for name, order in {"moved": (8, 9, 2, 0), "kept": (8, 8, 0, 3), "both": (9, 9, 1, 1)}.items():
        old = part("riscv-1.0.bin", 4096, 1900)
        order = bytes(order)
        patch, new = drawn(f"drawn-in-place-{name}", old, 1700, "riscv", order=order)
        found[f"in-place-{name}"] = (
            "What the model makes of random bits, where what it "
            "overwrites of the old image is gone.",
            "patch",
            old,
            patch,
            new,
        )
    return found
